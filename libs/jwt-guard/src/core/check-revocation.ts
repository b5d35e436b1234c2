import { type Principal } from './principal';
import { isRefusal, TokenRejected, VerifierUnavailable } from './refusals';

/**
 * Says of a verified token whether it has been revoked. Asked on every request, so it answers from memory:
 * whoever implements it keeps a local copy of what was revoked.
 */
export interface RevocationSource {
  /** Whatever it throws means that it can't tell. */
  isRevoked(principal: Principal): boolean;
  /**
   * Calls back whenever something was revoked, so that open connections end at once; without it they are looked
   * through every second.
   *
   * @returns what ends it
   */
  subscribe?(changed: () => void): () => void;
}

/**
 * @throws TokenRejected `token_revoked`
 * @throws VerifierUnavailable `revocation_unavailable` when the source can't tell
 */
export function checkRevocation(principal: Principal, source: RevocationSource | undefined): void {
  if (source && isRevoked(principal, source)) throw new TokenRejected('token_revoked');
}

function isRevoked(principal: Principal, source: RevocationSource): boolean {
  try {
    const answer: unknown = source.isRevoked(principal);
    // Anything else – a promise, above all – is no answer, and must be taken for neither.
    if (typeof answer !== 'boolean') {
      if (answer instanceof Promise) answer.catch(() => undefined);
      throw new TypeError('isRevoked must return true or false');
    }
    return answer;
  } catch (cause) {
    throw isRefusal(cause) ? cause : new VerifierUnavailable('revocation_unavailable', { cause });
  }
}
