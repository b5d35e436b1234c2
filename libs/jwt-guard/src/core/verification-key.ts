import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type AlgorithmName, isAlgorithmName, SIGNATURE_ALGORITHMS } from './algorithms';

/** A public key, bound to the one algorithm that it may be used with (RFC 8725, section 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: AlgorithmName;
  readonly keyObject: KeyObject;
}

/** A JSON Web Key Set (RFC 7517, section 5). */
export interface JsonWebKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

const MIN_RSA_BITS = 2048;
const MAX_KID_LENGTH = 256;

/** Public members by key type: nothing else of a JWK reaches the crypto library. */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly string[]>> = Object.freeze({
  EC: ['kty', 'crv', 'x', 'y'],
  OKP: ['kty', 'crv', 'x'],
  RSA: ['kty', 'n', 'e'],
});

/**
 * The usable keys of a JWKS by `kid`. A key that can't be used – of another kind, for encryption, too weak,
 * private, malformed – is left out and spoils nothing; one whose `kid` occurs twice is left out altogether,
 * as nobody could say which is meant.
 */
export function importKeySet(
  keySet: unknown,
  algorithms: ReadonlySet<AlgorithmName>,
): ReadonlyMap<string, VerificationKey> {
  const listed = isObject(keySet) && Array.isArray(keySet.keys) ? (keySet.keys as unknown[]) : [];
  const keys = new Map<string, VerificationKey>();
  const seen = new Set<string>();
  for (const jwk of listed) {
    if (!isObject(jwk) || typeof jwk.kid !== 'string') continue;
    const repeated = seen.has(jwk.kid);
    seen.add(jwk.kid);
    const key = repeated ? undefined : importKey(jwk, algorithms);
    if (key) keys.set(key.kid, key);
    else if (repeated) keys.delete(jwk.kid);
  }
  return keys;
}

function importKey(
  jwk: Readonly<Record<string, unknown>>,
  algorithms: ReadonlySet<AlgorithmName>,
): VerificationKey | undefined {
  const { kid, kty, use, key_ops: operations } = jwk;
  if (typeof kid !== 'string' || kid.length === 0 || kid.length > MAX_KID_LENGTH) return undefined;
  if (typeof kty !== 'string' || !Object.hasOwn(PUBLIC_MEMBERS, kty)) return undefined;
  // A private member in a published set means that the key is compromised.
  if ('d' in jwk) return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return undefined;
  }
  const publicMembers = Object.fromEntries((PUBLIC_MEMBERS[kty] ?? []).map((name) => [name, jwk[name]]));
  let keyObject: KeyObject;
  try {
    keyObject = createPublicKey({ key: publicMembers as JsonWebKey, format: 'jwk' });
  } catch {
    return undefined;
  }
  const algorithm = boundAlgorithm(jwk.alg, keyObject, algorithms);
  return algorithm && { kid, algorithm, keyObject };
}

/** `alg` of the key, else the one algorithm on the list that a key of its kind can be for. */
function boundAlgorithm(
  alg: unknown,
  key: KeyObject,
  algorithms: ReadonlySet<AlgorithmName>,
): AlgorithmName | undefined {
  if (alg !== undefined) {
    return isAlgorithmName(alg) && algorithms.has(alg) && fits(alg, key) ? alg : undefined;
  }
  const fitting = [...algorithms].filter((name) => fits(name, key));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function fits(name: AlgorithmName, key: KeyObject): boolean {
  const { keyType, curve } = SIGNATURE_ALGORITHMS[name];
  if (key.asymmetricKeyType !== keyType) return false;
  const details = key.asymmetricKeyDetails;
  if (keyType === 'rsa') return (details?.modulusLength ?? 0) >= MIN_RSA_BITS;
  return curve === undefined || details?.namedCurve === curve;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
