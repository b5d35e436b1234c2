import { type AnyAlgorithmName } from './algorithms';

/**
 * For whom a request is made, and by whom: what is left of an access token once every stage has passed.
 *
 * Where a service sends a transaction token beside its own access token, all that is about the user – `id`, `subject`,
 * `scopes`, `sessionId`, `claims` – is the transaction token's, and all that is about the call – `audience`, `clientId`,
 * `actor` – is the access token's.
 */
export interface Principal {
  /** Issuer and subject, joined unambiguously. What a user owns belongs to this, never to `subject` alone. */
  readonly id: string;
  /** `sub` */
  readonly subject: string;
  /** `iss` */
  readonly issuer: string;
  /** The audience of `aud` that made this service accept the token. */
  readonly audience: string;
  /** `scope`, split at its spaces. */
  readonly scopes: readonly string[];
  /** `roles` (RFC 9068, section 2.2.3.1), empty where there are none. */
  readonly roles: readonly string[];
  /** `client_id`: the client that asked for the token; always there in the profile `rfc9068`. */
  readonly clientId: string | undefined;
  /** `sid` */
  readonly sessionId: string | undefined;
  /** `jti`; always there in the profile `rfc9068`, and never of a transaction token. */
  readonly tokenId: string | undefined;
  /**
   * The services that act for the subject, outermost – the one that calls – first (`act`, RFC 8693,
   * section 4.1). Empty when the subject calls itself. Only the first may decide anything: the rest is history.
   */
  readonly actor: readonly string[];
  /** `txn`, which transaction tokens always have. */
  readonly transactionId: string | undefined;
  /**
   * Whether the token's `exp` was over when an event handler took it all the same, by `@AcceptLate`. Absent: it wasn't.
   */
  readonly acceptedLate?: boolean;
  /** `exp`, in seconds since 1970-01-01T00:00:00Z; the earlier one where there are two tokens. */
  readonly expiresAt: number;
  /** `kid` of the key that signed the token. */
  readonly keyId: string;
  /** The algorithm that this key is bound to. */
  readonly algorithm: AnyAlgorithmName;
  /** Every claim of the token, verified, and frozen all the way down: requests with the same token share it. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * The owner's id of an issuer's subject. The issuer's length stands first, so that no choice of subject can
 * make two different pairs look the same.
 */
export function principalId(issuer: string, subject: string): string {
  return `${issuer.length}:${issuer}:${subject}`;
}
