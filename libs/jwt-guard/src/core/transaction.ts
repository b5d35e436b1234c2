import { type AnyAlgorithmName } from './algorithms';

/**
 * What is left of a transaction token once every stage has passed: for whom, and for what, a chain of services works.
 * It says nothing of who calls – that is what the access token beside it is for –, and so it is no principal.
 */
export interface Transaction {
  /** Issuer and subject, joined unambiguously, as `id` of a principal. */
  readonly id: string;
  /** `sub` */
  readonly subject: string;
  /** `iss` */
  readonly issuer: string;
  /** `aud`: the domain whose services the token is for. */
  readonly trustDomain: string;
  /** `txn` */
  readonly transactionId: string;
  /** `scope`, split at its spaces: what the transaction is for. At least one. */
  readonly scopes: readonly string[];
  /** `req_wl`: the workload that asked for the token, where the chain begins. */
  readonly requestingWorkload: string;
  /** `tctx`: what the transaction is about, which nobody changes on its way. */
  readonly details: Readonly<Record<string, unknown>> | undefined;
  /** `rctx`: where the request came from that began it. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
  /** `sid`: the session of the user, with which the token is revoked. */
  readonly sessionId: string | undefined;
  /** `exp`, in seconds since 1970-01-01T00:00:00Z. */
  readonly expiresAt: number;
  /** `kid` of the key that signed the token. */
  readonly keyId: string;
  /** The algorithm that this key is bound to. */
  readonly algorithm: AnyAlgorithmName;
  /** Every claim of the token, verified, and frozen all the way down: calls with the same token share it. */
  readonly claims: Readonly<Record<string, unknown>>;
}
