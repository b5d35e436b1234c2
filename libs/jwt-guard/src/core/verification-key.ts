import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import {
  type AlgorithmName,
  type AnyAlgorithmName,
  isAlgorithmName,
  SIGNATURE_ALGORITHMS,
  type SignatureCheck,
  signatureCheck,
} from './algorithms';
import { MAX_KID_LENGTH } from './decode-token';
import { announcedHorizon } from './late-handling';
import { type UnusableKey } from './resolve-key';
import { hasRocaMark, hasSmallOrder } from './weak-keys';

/** A key, bound to the one algorithm that it may be used with (RFC 8725, section 3.1). */
export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: AnyAlgorithmName;
  readonly keyObject: KeyObject;
  readonly check: SignatureCheck;
}

/** A JSON Web Key Set (RFC 7517, section 5). */
export interface JsonWebKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
  /**
   * How long after its `iat`, in seconds, a token of this issuer may be handled by an event handler that is late: for so
   * long the issuer keeps what it has revoked, and the keys. No member of RFC 7517. Default: no later than `exp`.
   */
  readonly late_handling_seconds?: number;
}

/** What could be made of a JWKS. */
export interface ImportedKeys {
  readonly keys: ReadonlyMap<string, VerificationKey>;
  readonly unusable: readonly UnusableKey[];
  readonly lateHandlingSeconds?: number | undefined;
}

const MIN_RSA_BITS = 2048;
/** Larger ones serve nobody, and cost whoever verifies with them. */
const MAX_RSA_BITS = 8192;
/** FIPS 186-5, section 5.1: odd, and between these two. */
const MIN_RSA_EXPONENT = 2n ** 16n;
const MAX_RSA_EXPONENT = 2n ** 256n;

/** Public members by key type: nothing else of a JWK reaches the crypto library. */
const PUBLIC_MEMBERS: Readonly<Record<string, readonly string[]>> = Object.freeze({
  EC: ['kty', 'crv', 'x', 'y'],
  OKP: ['kty', 'crv', 'x'],
  RSA: ['kty', 'n', 'e'],
});
/** A key that is published with any of these is compromised. */
const PRIVATE_MEMBERS = Object.freeze(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']);

/**
 * The usable keys of a JWKS by `kid`. A key that can't be used – of another kind, for encryption, too weak,
 * private, malformed – is left out and spoils nothing; one whose `kid` occurs twice is left out altogether,
 * as nobody could say which is meant.
 */
export function importKeySet(keySet: unknown, algorithms: ReadonlySet<AnyAlgorithmName>): ImportedKeys {
  const listed = isObject(keySet) && Array.isArray(keySet.keys) ? (keySet.keys as unknown[]) : [];
  const keys = new Map<string, VerificationKey>();
  const unusable: UnusableKey[] = [];
  const seen = new Map<string, number>();
  for (const jwk of listed) {
    if (isObject(jwk) && typeof jwk.kid === 'string') seen.set(jwk.kid, (seen.get(jwk.kid) ?? 0) + 1);
  }
  for (const [index, jwk] of listed.entries()) {
    const kid = isObject(jwk) && typeof jwk.kid === 'string' ? jwk.kid : `#${index + 1}`;
    const key = (seen.get(kid) ?? 0) > 1 ? 'its kid occurs twice in the set' : importKey(jwk, algorithms);
    if (typeof key === 'string') unusable.push({ kid, reason: key });
    else keys.set(kid, key);
  }
  return { keys, unusable, lateHandlingSeconds: announcedHorizon(keySet) };
}

/**
 * The keys of a new set, with the old objects of those that are the same: verdicts are remembered for an object.
 *
 * @returns also whether a key has left, or has another in its place
 */
export function renewed(
  before: ImportedKeys | undefined,
  { keys }: ImportedKeys,
): { readonly keys: ReadonlyMap<string, VerificationKey>; readonly removed: boolean } {
  const merged = new Map<string, VerificationKey>();
  for (const [kid, key] of keys) {
    const old = before?.keys.get(kid);
    merged.set(kid, old?.algorithm === key.algorithm && old.keyObject.equals(key.keyObject) ? old : key);
  }
  return { keys: merged, removed: [...(before?.keys ?? [])].some(([kid, key]) => merged.get(kid) !== key) };
}

/** Why keys were left out, for the message of an error: nothing of a key but its id. */
export function reasons({ unusable }: ImportedKeys): string {
  return unusable.length === 0
    ? ''
    : `: ${unusable.map(({ kid, reason }) => `${JSON.stringify(kid.slice(0, MAX_KID_LENGTH))} (${reason})`).join(', ')}`;
}

/** The key, or what is wrong with it. */
function importKey(jwk: unknown, algorithms: ReadonlySet<AnyAlgorithmName>): VerificationKey | string {
  if (!isObject(jwk)) return 'it is not an object';
  const { kid, kty, use, key_ops: operations } = jwk;
  if (typeof kid !== 'string' || kid.length === 0 || kid.length > MAX_KID_LENGTH) return 'it has no kid';
  const secret = PRIVATE_MEMBERS.find((name) => Object.hasOwn(jwk, name));
  if (secret !== undefined) return `it is published with the private or symmetric member ${secret}`;
  if (typeof kty !== 'string' || !Object.hasOwn(PUBLIC_MEMBERS, kty)) return 'its kty is not EC, OKP or RSA';
  if (use !== undefined && use !== 'sig') return 'its use is not sig';
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'its key_ops do not have verify';
  }
  const publicMembers = Object.fromEntries((PUBLIC_MEMBERS[kty] ?? []).map((name) => [name, jwk[name]]));
  let keyObject: KeyObject;
  try {
    keyObject = createPublicKey({ key: publicMembers as JsonWebKey, format: 'jwk' });
  } catch {
    return 'its members make no public key';
  }
  const weakness = weaknessOf(keyObject);
  if (weakness !== undefined) return weakness;
  const fitting = [...algorithms].filter((name) => isAlgorithmName(name) && fits(name, keyObject)) as AlgorithmName[];
  const algorithm =
    jwk.alg === undefined && fitting.length === 1 ? fitting[0] : fitting.find((name) => name === jwk.alg);
  if (algorithm === undefined) {
    return jwk.alg === undefined && fitting.length > 1
      ? `it has no alg, and ${fitting.join(' and ')} are both on the list`
      : 'no algorithm on the list is for it';
  }
  return Object.freeze({ kid, algorithm, keyObject, check: signatureCheck(algorithm, keyObject) });
}

function weaknessOf(key: KeyObject): string | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType === 'ed25519') {
    return hasSmallOrder(member(key, 'x')) ? 'its point has a small order, so that anybody can sign for it' : undefined;
  }
  if (asymmetricKeyType !== 'rsa') return undefined;
  const { modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS) return `its modulus has less than ${MIN_RSA_BITS} bits`;
  if (modulusLength > MAX_RSA_BITS) return `its modulus has more than ${MAX_RSA_BITS} bits`;
  const sane = publicExponent > MIN_RSA_EXPONENT && publicExponent < MAX_RSA_EXPONENT && publicExponent % 2n === 1n;
  if (!sane) return 'its exponent is not an odd number above 65536';
  return hasRocaMark(BigInt(`0x${member(key, 'n').toString('hex')}`))
    ? 'its private key can be computed from its modulus (CVE-2017-15361)'
    : undefined;
}

function member(key: KeyObject, name: 'n' | 'x'): Buffer {
  return Buffer.from(key.export({ format: 'jwk' })[name] ?? '', 'base64url');
}

function fits(name: AlgorithmName, key: KeyObject): boolean {
  const { keyType, curve } = SIGNATURE_ALGORITHMS[name];
  return key.asymmetricKeyType === keyType && (curve === undefined || key.asymmetricKeyDetails?.namedCurve === curve);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
