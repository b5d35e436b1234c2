import { TokenRejected } from './refusals';
import { type AttributedToken, type VerifiedToken } from './token-states';
import { type VerificationKey } from './verification-key';

/**
 * The signature, with the algorithm that the *key* is bound to; what the token says was compared before.
 *
 * @throws TokenRejected `signature_invalid`
 */
export function verifySignature(token: AttributedToken, key: VerificationKey): VerifiedToken {
  if (!key.check(token.signingInput, token.signature)) throw new TokenRejected('signature_invalid');
  const { raw, issuer, unverifiedClaims: claims } = token;
  return { raw, issuer, key, claims } as VerifiedToken;
}
