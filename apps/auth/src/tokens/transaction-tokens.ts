import { Inject, Injectable } from '@nestjs/common';
import { type Principal } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { type Client } from '../clients/client-registry';
import { SigningKeys } from '../keys/signing-keys';
import { RevocationLog } from '../revocation/revocation-log';
import { askedScopes } from './asked-scopes';
import { type Exchanged, type ExchangeMode, type ExchangeTarget } from './exchange-mode';
import { type FormParameters } from './form-parameters';
import { jsonParameter } from './json-parameter';
import { lineageOf } from './lineage';
import { OAuthError } from './oauth-error';
import { signToken } from './sign-token';
import { TRANSACTION_TOKEN } from './token-types';

const LIFETIME_SECONDS = 60;
/** What verifiers take: a token that none of them would take isn't given out. */
const MAX_TOKEN_BYTES = 8_192;

/** What a client says of the transaction. */
interface Transaction {
  readonly tctx?: unknown;
  readonly rctx?: unknown;
}

/**
 * Transaction tokens (draft-ietf-oauth-transaction-tokens): what one call from outside is about and for whom, for all
 * services that it comes to. It is no access token and shows nobody's identity but the subject's: it has no `jti`, no
 * `client_id` and no `act`. Its lineage is that of any token that comes from another, so that it is revoked with it.
 */
@Injectable()
export class TransactionTokens implements ExchangeMode {
  constructor(
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER' | 'TRUST_DOMAIN'>,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(RevocationLog) private readonly log: RevocationLog,
  ) {}

  target(client: Client, form: FormParameters): ExchangeTarget {
    const { TRUST_DOMAIN: audience } = this.config;
    if (client.transactions === undefined || form.audience !== audience) {
      throw new OAuthError('invalid_target', 'The client may not ask for transaction tokens for this trust domain.');
    }
    if (form.scope === undefined) throw new OAuthError('invalid_request', 'The parameter scope is missing.');
    const { request_details: details, request_context: context } = form;
    const transaction = {
      ...(details !== undefined && { tctx: jsonParameter('request_details', details) }),
      ...(context !== undefined && { rctx: jsonParameter('request_context', context) }),
    };
    refuseTokenIn(transaction, form);
    return {
      audience,
      permitted: client.transactions.scopes,
      asked: askedScopes(form.scope),
      issue: (subject, scopes) => this.issue(client, subject, scopes, transaction),
    };
  }

  private async issue(
    client: Client,
    subject: Principal,
    scopes: readonly string[],
    transaction: Transaction,
  ): Promise<Exchanged> {
    const key = await this.keys.signingKey();
    const issuedAt = this.log.issuedAt();
    const expiresAt = Math.min(issuedAt + LIFETIME_SECONDS, Math.floor(subject.expiresAt));
    const [txn, scope] = [randomUUID(), scopes.join(' ')];
    const token = await signToken(key, 'txntoken+jwt', {
      iss: this.config.ISSUER,
      sub: subject.subject,
      aud: this.config.TRUST_DOMAIN,
      iat: issuedAt,
      exp: expiresAt,
      txn,
      scope,
      req_wl: client.id,
      ...transaction,
      ...lineageOf(subject),
    });
    if (token.length > MAX_TOKEN_BYTES) {
      throw new OAuthError('invalid_request', 'With request_details and request_context the token is too large.');
    }
    return {
      answer: {
        access_token: token,
        issued_token_type: TRANSACTION_TOKEN,
        token_type: 'N_A',
        expires_in: expiresAt - issuedAt,
        scope,
      },
      actor: subject.actor,
      issued: { txn },
    };
  }
}

/** A transaction token goes to every service: with the user's own in it, it would be that one's bearer token. */
function refuseTokenIn(transaction: Transaction, { subject_token: token }: FormParameters): void {
  // However it was escaped: no letter of a token is, when it is written again.
  if (token !== undefined && JSON.stringify(transaction).includes(token)) {
    throw new OAuthError('invalid_request', 'The subject token must not be in request_details or request_context.');
  }
}
