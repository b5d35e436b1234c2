import { type JsonWebKeySet } from '@token-relay/jwt-guard';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair } from 'jose';

/** What access tokens are signed with. */
export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: 'ES256';
  readonly privateKey: CryptoKey;
  /** What is published: the public key alone. */
  readonly jwks: JsonWebKeySet;
}

export const SIGNING_KEY = Symbol('signing-key');

/** A new key. It lives in this process, and so do the tokens that it signs: none outlives 15 minutes anyway. */
export async function generateSigningKey(): Promise<SigningKey> {
  const algorithm = 'ES256';
  // Not extractable: the private key can't leave the crypto library.
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: false });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, algorithm, privateKey, jwks: { keys: [{ ...jwk, kid, alg: algorithm, use: 'sig' }] } };
}
