import { checkRevocation } from './check-revocation';
import { checkTimes } from './check-times';
import { decodeToken } from './decode-token';
import { type Principal } from './principal';
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
export async function verifyToken(raw: RawToken, policy: VerifierPolicy): Promise<Principal> {
  const unverified = decodeToken(raw, policy);
  const attributed = selectIssuer(unverified, policy.issuers);
  const key = await resolveKey(attributed);
  const verified = verifySignature(attributed, key);
  const validated = validateClaims(verified);
  const principal = checkStanding(validated, policy);
  policy.verdicts.remember(validated);
  return principal;
}

/**
 * The same verdict for a token that was verified before and whose key is still its issuer's, without verifying
 * it again; what may have changed since – the time, revocation – is asked again.
 *
 * @returns `undefined` for every other token
 * @throws TokenRejected when the token doesn't count any more
 * @throws VerifierUnavailable when that can't be decided
 */
export function recallToken(raw: RawToken, policy: VerifierPolicy): Principal | undefined {
  const validated = policy.verdicts.recall(raw);
  return validated && checkStanding(validated, policy);
}

function checkStanding(token: ValidatedToken, policy: VerifierPolicy): Principal {
  checkTimes(token, policy, policy.now());
  checkRevocation(token.principal, policy.revocation);
  return token.principal;
}
