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
   * Whether every token is revoked that the issuer has signed with this key. Asked on each request for the key that
   * signed the token, before that key is looked up: a yes wins over any JWKS, and refuses the token as `key_revoked`.
   * What it throws or returns besides true and false means that it can't tell. Of a key that it doesn't know yet it
   * may say no, as long as `isRevoked` says that it can't tell. Default: no key is revoked by itself.
   */
  isKeyRevoked?(issuer: string, kid: string): boolean;
  /**
   * Calls back whenever the keys of an issuer have changed, or may have, so that they are fetched at once; without it
   * they are fetched when they are due, and when a token names a key that isn't known.
   *
   * @returns what ends it
   */
  onKeysChanged?(changed: () => void): () => void;
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
  /** How many times it has called a token, or the key of one, revoked. */
  readonly hits: number;
}

/**
 * @throws TokenRejected `key_revoked`
 * @throws VerifierUnavailable `revocation_unavailable` when the source can't tell
 */
export function checkKey(issuer: string, kid: string, source: RevocationSource | undefined): void {
  if (isKeyRevoked(issuer, kid, source)) throw new TokenRejected('key_revoked');
}

/** @throws VerifierUnavailable `revocation_unavailable` when the source can't tell */
export function isKeyRevoked(issuer: string, kid: string, source: RevocationSource | undefined): boolean {
  return source?.isKeyRevoked ? answerOf('isKeyRevoked', () => source.isKeyRevoked?.(issuer, kid)) : false;
}

/**
 * @throws TokenRejected `key_revoked`, `token_revoked`
 * @throws VerifierUnavailable `revocation_unavailable` when the source can't tell
 */
export function checkRevocation(token: ValidatedToken, source: RevocationSource | undefined): void {
  if (!source) return;
  // Before it is asked: what comes meanwhile makes it another one.
  const version = versionOf(source);
  if (version !== undefined && version === token.clearedAt) return;
  // Once more: the key may have been revoked while it was waited for, and of a shared secret nobody has asked yet.
  checkKey(token.principal.issuer, token.principal.keyId, source);
  if (answerOf('isRevoked', () => source.isRevoked(token.principal))) throw new TokenRejected('token_revoked');
  token.clearedAt = version;
}

/** One that can't be read is none: the source is asked each time. */
function versionOf(source: RevocationSource): number | undefined {
  try {
    return source.version;
  } catch {
    return undefined;
  }
}

function answerOf(name: 'isRevoked' | 'isKeyRevoked', ask: () => unknown): boolean {
  try {
    const answer = ask();
    // Anything else – a promise, above all – is no answer, and must be taken for neither.
    if (typeof answer !== 'boolean') {
      if (answer instanceof Promise) answer.catch(() => undefined);
      throw new TypeError(`${name} must return true or false`);
    }
    return answer;
  } catch (cause) {
    throw isRefusal(cause) ? cause : new VerifierUnavailable('revocation_unavailable', { cause });
  }
}
