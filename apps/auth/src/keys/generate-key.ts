import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { type KeyAlgorithm, type NewKey } from './key-ring';

const RSA_BITS = 2048;

/** A new key pair, as JWKs. `kid` is its thumbprint (RFC 7638). */
export async function generateKey(algorithm: KeyAlgorithm): Promise<NewKey> {
  let key = await generated(algorithm);
  // Which a command line would take for an option.
  while (key.kid.startsWith('-')) key = await generated(algorithm);
  return key;
}

async function generated(algorithm: KeyAlgorithm): Promise<NewKey> {
  // To be encrypted and kept; what signs is imported without this.
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: RSA_BITS });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  return { kid, algorithm, jwks: { public: publicJwk, private: await exportJWK(pair.privateKey) } };
}
