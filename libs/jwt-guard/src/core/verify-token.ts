import { checkRevocation } from './check-revocation';
import { decodeToken } from './decode-token';
import { type Principal } from './principal';
import { resolveKey, selectIssuer } from './resolve-key';
import { type RawToken } from './token-states';
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
  const issuer = selectIssuer(unverified, policy.issuers);
  const key = await resolveKey(unverified, issuer);
  const verified = verifySignature(unverified, key);
  const principal = validateClaims(verified, issuer, policy, policy.now());
  checkRevocation(principal, policy.revocation);
  return principal;
}
