import { type JsonWebKeySet } from '@token-relay/jwt-guard';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

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
  // Not extractable: the private key can't leave the crypto library.
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: false });
  return signingKeyOf(privateKey, await exportJWK(publicKey));
}

/** @param publicJwk its public half, without a private member */
export async function signingKeyOf(privateKey: CryptoKey, publicJwk: JWK): Promise<SigningKey> {
  const algorithm = 'ES256';
  const kid = await calculateJwkThumbprint(publicJwk);
  return { kid, algorithm, privateKey, jwks: { keys: [{ ...publicJwk, kid, alg: algorithm, use: 'sig' }] } };
}
