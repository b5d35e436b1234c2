import { Inject, Injectable } from '@nestjs/common';
import { type Principal, VerifierUnavailable } from '@token-relay/jwt-guard';
import { StoreUnavailable } from '@token-relay/service-kit';
import { AUDIT_LOG, type AuditLog } from '../audit-log';
import { type Client } from '../clients/client-registry';
import { type Exchanged, type ExchangeTarget } from './exchange-mode';
import { type OAuthError } from './oauth-error';
import { type Issued } from './token-issuer';

/** Who was given what for whom, or wasn't: a line each. It holds no token, and nothing of one that wasn't verified. */
@Injectable()
export class TokenAudit {
  constructor(@Inject(AUDIT_LOG) private readonly log: AuditLog) {}

  /** A service's own token. */
  issued(client: Client, audience: string, { token: { scope }, jti }: Issued): void {
    this.log.info({ ...askedBy(client), subject: client.id, audience, scope, jti }, 'token_issued');
  }

  exchanged(
    client: Client,
    subject: Principal,
    { audience }: ExchangeTarget,
    { answer, actor, issued }: Exchanged,
  ): void {
    const what = { audience, scope: answer.scope, issuedTokenType: answer.issued_token_type, actor, ...issued };
    this.log.info({ ...askedBy(client), ...of(subject), ...what }, 'token_exchanged');
  }

  exchangeRefused(
    client: Client,
    { code, detail }: OAuthError,
    target: ExchangeTarget | undefined,
    subject: Principal | undefined,
  ): void {
    this.log.warn({ ...askedBy(client), ...whatFor(target, subject), code, detail }, 'token_exchange_refused');
  }

  /** Of an exchange that failed before it was decided; a token of it may be remembered, and was given to nobody. */
  exchangeUndecided(
    client: Client,
    error: unknown,
    target: ExchangeTarget | undefined,
    subject: Principal | undefined,
  ): void {
    const isKnown = error instanceof StoreUnavailable || error instanceof VerifierUnavailable;
    const code = isKnown ? error.code : 'internal_error';
    this.log.warn({ ...askedBy(client), ...whatFor(target, subject), code }, 'token_exchange_undecided');
  }
}

/** By whom it was asked. */
function askedBy({ id }: Client) {
  return { clientId: id };
}

function of({ subject, tokenId }: Principal) {
  return { subject, subjectJti: tokenId };
}

/** Of what was asked for it holds what the client may ask for; of the rest nobody knows what it is. */
function whatFor(target: ExchangeTarget | undefined, subject: Principal | undefined) {
  return {
    ...(subject && { ...of(subject), actor: subject.actor }),
    ...(target && {
      audience: target.audience,
      scope: target.permitted.filter((scope) => target.asked?.includes(scope) ?? true).join(' '),
    }),
  };
}
