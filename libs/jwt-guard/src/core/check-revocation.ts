import { type Principal } from './principal';
import { type ValidatedToken } from './token-states';
import { isRefusal, TokenRejected, VerifierUnavailable } from './refusals';

/**
 * Says of a verified token whether it has been revoked. Asked on every request, so it answers from memory: whoever
 * implements it keeps a local copy of what was revoked, and says how far behind that may be.
 *
 * `RevocationFeed` and `RedisRevocations` are such sources for the issuer of this system; for another issuer a team
 * writes its own. All but `isRevoked` may be left out by a source that is never behind. One that has a `start` or a
 * `close` is for one verifier, which calls them: closed by one, it would be over for all.
 */
export interface RevocationSource {
  /**
   * Whatever it throws means that it can't tell, and so does whatever it returns but true and false. What it knows to
   * be revoked it must say however old that knowledge is.
   */
  isRevoked(principal: Principal): boolean;
  /**
   * Calls back whenever something was revoked, so that open connections end at once; without it they are looked
   * through every second.
   *
   * @returns what ends it
   */
  subscribe?(changed: () => void): () => void;
  /**
   * Seconds, by a clock that nobody sets, since its copy was known to be complete: what was revoked in this time it may
   * not know. Infinity before it was complete once. Default: 0, always.
   */
  readonly ageSeconds?: number;
  /** Whether its copy was complete once; a service isn't ready before that. Default: true. */
  readonly ready?: boolean;
  /**
   * Another number whenever something was revoked since: for as long as it stays the same, a token that was found good
   * isn't asked about again. Default: every request asks.
   */
  readonly version?: number;
  /** For metrics. */
  readonly stats?: RevocationStats;
  /**
   * Begins to keep its copy up to date, and resolves when that is complete for the first time. Called by
   * `TokenVerifier.load`; called again it must do no more than wait.
   */
  start?(): Promise<void>;
  /** Ends what `start` began. Called by `TokenVerifier.close`. */
  close?(): void;
}

/** What a source of revocations holds, and how often it was of use. */
export interface RevocationStats {
  /** Entries that it holds. */
  readonly entries: number;
  /** How many tokens it has called revoked. */
  readonly hits: number;
}

/**
 * @throws TokenRejected `token_revoked`
 * @throws VerifierUnavailable `revocation_unavailable` when the source can't tell
 */
export function checkRevocation(token: ValidatedToken, source: RevocationSource | undefined): void {
  if (!source) return;
  // Before it is asked: what comes meanwhile makes it another one.
  const { version } = source;
  if (version !== undefined && version === token.clearedAt) return;
  if (isRevoked(token.principal, source)) throw new TokenRejected('token_revoked');
  token.clearedAt = version;
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
