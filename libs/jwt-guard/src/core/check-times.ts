import { TokenRejected } from './refusals';
import { type ValidatedToken } from './token-states';

export interface TimeRules {
  /** Leeway for clocks that are apart, in seconds. */
  readonly clockToleranceSeconds: number;
}

/**
 * Whether the token counts now. Asked on every call, for tokens that are remembered too.
 *
 * @param nowSeconds seconds since 1970-01-01T00:00:00Z
 * @throws TokenRejected `token_expired`, `token_issued_in_future`, `token_not_yet_valid`, and
 *   `claim_malformed` for one that can never be valid
 */
export function checkTimes(
  token: Pick<ValidatedToken, 'expiresAt' | 'issuedAt' | 'notBefore' | 'countsUntil'>,
  { clockToleranceSeconds: tolerance }: TimeRules,
  nowSeconds: number,
): void {
  // No comparison with NaN holds: every token would be valid for ever.
  if (!Number.isFinite(nowSeconds)) throw new TypeError('now: the clock must return a number');
  // "on or after" the expiry it must not be accepted (RFC 7519, section 4.1.4).
  if (nowSeconds >= (token.countsUntil ?? token.expiresAt) + tolerance) throw new TokenRejected('token_expired');
  if (token.issuedAt > nowSeconds + tolerance) throw new TokenRejected('token_issued_in_future');
  if (token.notBefore > nowSeconds + tolerance) throw new TokenRejected('token_not_yet_valid');
  // Each with its own tolerance, a token that is never valid would be so for a moment.
  if (token.notBefore >= token.expiresAt) throw new TokenRejected('claim_malformed', { debug: 'nbf' });
}
