import { checkRevocation } from './check-revocation';
import { checkTimes } from './check-times';
import { decodeToken } from './decode-token';
import { resolveKey } from './resolve-key';
import { selectIssuer } from './select-issuer';
import { type RawToken, type ValidatedToken } from './token-states';
import { validateClaims } from './validate-claims';
import { type VerifierPolicy } from './verifier-options';
import { verifySignature } from './verify-signature';

/**
 * The spine: every stage of verification in order, one call each, cheap and refusing first. Each stage takes
 * what the one before it returns, so that leaving one out doesn't compile.
 *
 * @throws TokenRejected when the token is bad
 * @throws VerifierUnavailable when that can't be decided
 */
export async function verifyToken(raw: RawToken, policy: VerifierPolicy): Promise<ValidatedToken> {
  const unverified = decodeToken(raw, policy);
  const attributed = selectIssuer(unverified, policy.issuers);
  const key = await resolveKey(attributed, policy.revocation);
  const verified = verifySignature(attributed, key);
  const validated = validateClaims(verified);
  checkStanding(validated, policy);
  policy.verdicts.remember(validated);
  return validated;
}

/**
 * The same verdict for a token that was verified before and whose key is still its issuer's, without verifying
 * it again; what may have changed since – the time, revocation – is asked again.
 *
 * @returns `undefined` for every other token
 * @throws TokenRejected when the token doesn't count any more
 * @throws VerifierUnavailable when that can't be decided
 */
export function recallToken(raw: RawToken, policy: VerifierPolicy): ValidatedToken | undefined {
  const validated = policy.verdicts.recall(raw);
  if (validated) checkStanding(validated, policy);
  return validated;
}

/**
 * Asks again what may have changed since a token was validated, all but its key.
 *
 * @throws TokenRejected when the token doesn't count any more
 * @throws VerifierUnavailable when that can't be decided
 */
export function checkStanding(token: ValidatedToken, policy: VerifierPolicy): void {
  checkTimes(token, policy, policy.now());
  checkRevocation(token, policy.revocation);
}
