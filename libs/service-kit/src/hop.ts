import { type Principal } from '@token-relay/jwt-guard';

/** What one service says of a call that reached it, from nothing but the token that it verified itself. */
export interface Hop {
  readonly service: string;
  readonly audience: string;
  readonly subject: string;
  /** Who acts for the subject, the one that calls first. */
  readonly actor: readonly string[];
  readonly scopes: readonly string[];
  readonly kid: string;
  readonly alg: string;
  /** RFC 3339, in UTC wherever the service runs. */
  readonly expiresAt: string;
}

export function hopOf(service: string, principal: Principal): Hop {
  return {
    service,
    audience: principal.audience,
    subject: principal.subject,
    actor: principal.actor,
    scopes: principal.scopes,
    kid: principal.keyId,
    alg: principal.algorithm,
    expiresAt: new Date(principal.expiresAt * 1000).toISOString(),
  };
}
