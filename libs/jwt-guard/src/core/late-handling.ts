import { TokenRejected } from './refusals';
import { type ValidatedToken } from './token-states';
import { type VerifierPolicy } from './verifier-options';

/** What a handler that comes late may ask for at the most: a day, in seconds. */
const MOST_LATE_SECONDS = 86_400;

/** @throws TypeError for what isn't a whole number of seconds, up to a day */
export function checkLateSeconds(where: string, seconds: unknown): void {
  if (!Number.isInteger(seconds) || (seconds as number) < 1 || (seconds as number) > MOST_LATE_SECONDS) {
    throw new TypeError(`${where}: must be a whole number from 1 to ${MOST_LATE_SECONDS}`);
  }
}

/**
 * How long after its `iat` a token of this issuer may still be handled, as the issuer announces it in its JWKS: for so
 * long it keeps what it has revoked, and the keys. `undefined` where it doesn't say, or not as a number of seconds.
 */
export function announcedHorizon(keySet: unknown): number | undefined {
  const { late_handling_seconds: seconds } = (keySet ?? {}) as { readonly late_handling_seconds?: unknown };
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

/**
 * A token as it counts for an event that may be handled late: as ever until its `exp` is over; then by its `iat`, for as
 * long as the handler says, and never longer than its issuer keeps what it has revoked. Everything else counts as ever.
 *
 * @param maxAgeSeconds what the handler says
 * @param now seconds since 1970-01-01T00:00:00Z
 * @throws TokenRejected `token_expired` where it is over and nobody keeps, or has announced to keep, what was revoked
 */
export function countedLate(
  token: ValidatedToken,
  policy: VerifierPolicy,
  maxAgeSeconds: number,
  now: number,
): ValidatedToken {
  if (now < token.expiresAt + policy.clockToleranceSeconds) return token;
  if (!policy.revocation) throw new TokenRejected('token_expired', { debug: 'revocation' });
  const horizon = token.issuer.keys.lateHandlingSeconds;
  if (horizon === undefined)
    throw new TokenRejected('token_expired', { debug: 'the JWKS has no late_handling_seconds' });
  const principal = Object.freeze({ ...token.principal, acceptedLate: true });
  return { ...token, principal, countsUntil: token.issuedAt + Math.min(maxAgeSeconds, horizon) };
}
