import { type RelayHop } from '../api/types';

/** What of a token matters from hop to hop. */
export interface TokenFacts {
  readonly audience: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Who acts for the subject, the one that calls first. */
  readonly actors: readonly string[];
  readonly kid: string;
  readonly alg: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /**
   * From when it was issued until it expires; unknown where the service doesn't show its claims, and in a transaction,
   * whose end `expiresAt` is while the claims are those of the caller's own token.
   */
  readonly lifetimeSeconds?: number;
  /** Names the transaction, signed, where the call came with a token of one. */
  readonly txn?: string;
  /** The token's own id. */
  readonly id?: string;
}

/** Of the token that a service got: what the service says of it, and of its claims only what nobody says otherwise. */
export function factsOf(hop: RelayHop): TokenFacts {
  const { audience, subject, scopes, actor: actors, kid, alg, expiresAt, txn, received } = hop;
  const { iat, exp, jti } = received?.claims ?? {};
  return {
    audience,
    subject,
    scopes,
    actors,
    kid,
    alg,
    expiresAt,
    ...(txn === undefined && typeof iat === 'number' && typeof exp === 'number' && { lifetimeSeconds: exp - iat }),
    ...(txn !== undefined && { txn }),
    ...(typeof jti === 'string' && { id: jti }),
  };
}
