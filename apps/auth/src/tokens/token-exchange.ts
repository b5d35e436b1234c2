import { Inject, Injectable } from '@nestjs/common';
import { type Principal } from '@token-relay/jwt-guard';
import { type Client } from '../clients/client-registry';
import { AccessTokenExchange } from './access-token-exchange';
import { type ExchangeAnswer, type ExchangeMode, type ExchangeTarget } from './exchange-mode';
import { type FormParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { SubjectTokens } from './subject-tokens';
import { TokenAudit } from './token-audit';
import { ACCESS_TOKEN, TRANSACTION_TOKEN } from './token-types';
import { TransactionTokens } from './transaction-tokens';

export const GRANT_TYPE_TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/**
 * Token exchange (RFC 8693): for an access token that is meant for the client another one, or a transaction token, with
 * no more scopes than it has, the client may ask for, and has asked for.
 */
@Injectable()
export class TokenExchange {
  readonly #modes: ReadonlyMap<string, ExchangeMode>;

  constructor(
    @Inject(SubjectTokens) private readonly subjects: SubjectTokens,
    @Inject(AccessTokenExchange) accessTokens: AccessTokenExchange,
    @Inject(TransactionTokens) transactions: TransactionTokens,
    @Inject(TokenAudit) private readonly audit: TokenAudit,
  ) {
    this.#modes = new Map<string, ExchangeMode>([
      [ACCESS_TOKEN, accessTokens],
      [TRANSACTION_TOKEN, transactions],
    ]);
  }

  /**
   * @throws OAuthError `invalid_request`, `invalid_target`, `invalid_scope`
   * @throws StoreUnavailable, VerifierUnavailable
   */
  async exchange(client: Client, form: FormParameters): Promise<ExchangeAnswer> {
    let target: ExchangeTarget | undefined;
    let subject: Principal | undefined;
    try {
      refuseOtherParties(form);
      target = this.mode(form).target(client, form);
      subject = await this.subjects.verify(client, form);
      await this.subjects.admit(client, subject);
      const exchanged = await target.issue(subject, narrowed(subject, target));
      await this.subjects.recheck(subject);
      this.audit.exchanged(client, subject, target, exchanged);
      return exchanged.answer;
    } catch (error) {
      if (error instanceof OAuthError) this.audit.exchangeRefused(client, error, target, subject);
      else this.audit.exchangeUndecided(client, error, target, subject);
      throw error;
    }
  }

  private mode({ requested_token_type: type = ACCESS_TOKEN }: FormParameters): ExchangeMode {
    const mode = this.#modes.get(type);
    if (!mode) throw new OAuthError('invalid_request', 'Only access tokens and transaction tokens are issued.');
    return mode;
  }
}

/** Who acts is the client itself, and where the token is for is said in one way. */
function refuseOtherParties({ actor_token: token, actor_token_type: type, resource }: FormParameters): void {
  if (token !== undefined || type !== undefined) {
    throw new OAuthError('invalid_request', 'The actor is the client itself: an actor_token is not taken.');
  }
  if (resource !== undefined) {
    throw new OAuthError('invalid_target', 'The target is named by audience, not by resource.');
  }
}

/** What the subject has, the client may ask for, and has asked for. */
function narrowed(subject: Principal, { permitted, asked = permitted }: ExchangeTarget): readonly string[] {
  const scopes = subject.scopes.filter((scope) => permitted.includes(scope) && asked.includes(scope));
  if (scopes.length === 0) throw new OAuthError('invalid_scope', 'The subject token has none of these scopes.');
  return scopes;
}
