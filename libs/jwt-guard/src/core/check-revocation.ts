import { type Principal } from './principal';
import { TokenRejected } from './refusals';

/**
 * Says of a verified token whether it has been revoked. Asked on every request, so it answers from memory:
 * whoever implements it keeps a local copy of what was revoked.
 */
export interface RevocationSource {
  /**
   * @throws VerifierUnavailable `revocation_unavailable` when it can't tell
   */
  isRevoked(principal: Principal): boolean;
}

/** @throws TokenRejected `token_revoked` */
export function checkRevocation(principal: Principal, source: RevocationSource | undefined): void {
  if (source?.isRevoked(principal)) throw new TokenRejected('token_revoked');
}
