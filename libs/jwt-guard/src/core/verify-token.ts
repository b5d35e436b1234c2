import { checkRevocation } from './check-revocation';
import { checkTimes } from './check-times';
import { decodeToken } from './decode-token';
import { countedLate } from './late-handling';
import { resolveKey } from './resolve-key';
import { selectIssuer } from './select-issuer';
import { ACCESS_TOKEN, type TokenKind } from './token-kinds';
import { type RawToken, type ValidatedToken } from './token-states';
import { type VerifierPolicy } from './verifier-options';
import { verifySignature } from './verify-signature';

/**
 * The spine: every stage of verification in order, one call each, cheap and refusing first. Each stage takes
 * what the one before it returns, so that leaving one out doesn't compile.
 *
 * @param kind what the token is wanted as: it is no token of any other kind
 * @throws TokenRejected when the token is bad
 * @throws VerifierUnavailable when that can't be decided
 */
export async function verifyToken<Token extends ValidatedToken>(
  raw: RawToken,
  policy: VerifierPolicy,
  kind: TokenKind<Token>,
): Promise<Token> {
  const validated = await validateToken(raw, policy, kind);
  checkStanding(validated, policy);
  kind.verdicts(policy).remember(validated);
  return validated;
}

/** What is true of a token for as long as its key is the issuer's; not whether it still counts. */
async function validateToken<Token extends ValidatedToken>(
  raw: RawToken,
  policy: VerifierPolicy,
  kind: TokenKind<Token>,
): Promise<Token> {
  const unverified = decodeToken(raw, policy);
  const attributed = selectIssuer(unverified, policy.issuers, kind);
  const key = await resolveKey(attributed, policy.revocation);
  const verified = verifySignature(attributed, key);
  return kind.validate(verified);
}

/**
 * The same verdict for a token that was verified before and whose key is still its issuer's, without verifying
 * it again; what may have changed since – the time, revocation – is asked again.
 *
 * @returns `undefined` for every other token
 * @throws TokenRejected when the token doesn't count any more
 * @throws VerifierUnavailable when that can't be decided
 */
export function recallToken<Token extends ValidatedToken>(
  raw: RawToken,
  policy: VerifierPolicy,
  kind: TokenKind<Token>,
): Token | undefined {
  const validated = kind.verdicts(policy).recall(raw);
  if (validated) checkStanding(validated, policy);
  return validated;
}

/**
 * An access token for an event that may be handled late: by the ordinary rule where that holds, else by its age. The
 * verdict by age is remembered nowhere, for it is that of one handler.
 *
 * @throws TokenRejected when the token is bad, or too old
 * @throws VerifierUnavailable when that can't be decided
 */
export async function verifyLate(
  raw: RawToken,
  policy: VerifierPolicy,
  maxAgeSeconds: number,
): Promise<ValidatedToken> {
  const remembered = policy.verdicts.recall(raw);
  const validated = remembered ?? (await validateToken(raw, policy, ACCESS_TOKEN));
  if (!remembered) policy.verdicts.remember(validated);
  // One look at the clock for both: between two a token may expire.
  const now = policy.now();
  const counted = countedLate(validated, policy, maxAgeSeconds, now);
  checkStanding(counted, policy, now);
  policy.verdicts.note(counted);
  return counted;
}

/**
 * Asks again what may have changed since a token was validated, all but its key.
 *
 * @throws TokenRejected when the token doesn't count any more
 * @throws VerifierUnavailable when that can't be decided
 */
export function checkStanding(token: ValidatedToken, policy: VerifierPolicy, now = policy.now()): void {
  checkTimes(token, policy, now);
  checkRevocation(token, policy.revocation);
}
