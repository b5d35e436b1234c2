import { verify } from 'node:crypto';
import { SIGNATURE_ALGORITHMS } from './algorithms';
import { TokenRejected } from './refusals';
import { type UnverifiedToken, type VerifiedToken } from './token-states';
import { type VerificationKey } from './verification-key';

/**
 * The signature, with the algorithm that the *key* is bound to; what the token says was compared before.
 *
 * @throws TokenRejected `signature_invalid`
 */
export function verifySignature(token: UnverifiedToken, key: VerificationKey): VerifiedToken {
  const { hash, verifyOptions } = SIGNATURE_ALGORITHMS[key.algorithm];
  const valid = verify(hash, token.signingInput, { key: key.keyObject, ...verifyOptions }, token.signature);
  if (!valid) throw new TokenRejected('signature_invalid');
  return { key, claims: Object.freeze(token.unverifiedClaims) } as VerifiedToken;
}
