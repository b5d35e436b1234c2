import {
  constants,
  createHash,
  generateKeyPair,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto';
import { promisify } from 'node:util';

/** A public key as a JWKS has it (RFC 7517). */
export type PublicJwk = Readonly<{
  kty: string;
  kid: string;
  alg: string;
  use: 'sig';
  crv?: string;
  x?: string;
  y?: string;
  n?: string;
  e?: string;
}>;

/** One signing key of a `TestIssuer`. */
export interface TestKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly publicJwk: PublicJwk;
  readonly privateKey: KeyObject;
}

interface SigningAlgorithm {
  /** What kind of key pair it takes; two algorithms of one kind can share a pair. */
  readonly pair: 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'ed25519';
  /** `null` where the algorithm brings its own. */
  readonly hash: string | null;
  readonly options: Pick<SignKeyObjectInput, 'dsaEncoding' | 'padding' | 'saltLength'>;
}

// R || S of fixed length, not the DER that OpenSSL defaults to (RFC 7518, section 3.4).
const ecdsa = { dsaEncoding: 'ieee-p1363' } as const;
const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
// The salt is as long as the hash (RFC 7518, section 3.5).
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

const SIGNING_ALGORITHMS: Readonly<Record<string, SigningAlgorithm>> = Object.freeze({
  ES256: { pair: 'P-256', hash: 'sha256', options: ecdsa },
  ES384: { pair: 'P-384', hash: 'sha384', options: ecdsa },
  ES512: { pair: 'P-521', hash: 'sha512', options: ecdsa },
  RS256: { pair: 'rsa', hash: 'sha256', options: pkcs1 },
  RS384: { pair: 'rsa', hash: 'sha384', options: pkcs1 },
  RS512: { pair: 'rsa', hash: 'sha512', options: pkcs1 },
  PS256: { pair: 'rsa', hash: 'sha256', options: pss },
  PS384: { pair: 'rsa', hash: 'sha384', options: pss },
  PS512: { pair: 'rsa', hash: 'sha512', options: pss },
  EdDSA: { pair: 'ed25519', hash: null, options: {} },
  // RFC 9864 gives the same algorithm a name that says the curve.
  Ed25519: { pair: 'ed25519', hash: null, options: {} },
});

/** What a `TestKey` can sign with, by its name in JWS. */
export const TEST_ALGORITHMS: readonly string[] = Object.freeze(Object.keys(SIGNING_ALGORITHMS));

/** @throws TypeError for an algorithm that isn't one of `TEST_ALGORITHMS` */
export function signingAlgorithm(name: string): SigningAlgorithm {
  const algorithm = Object.hasOwn(SIGNING_ALGORITHMS, name) ? SIGNING_ALGORITHMS[name] : undefined;
  if (!algorithm) throw new TypeError(`algorithm: ${name} is none of ${TEST_ALGORITHMS.join(', ')}`);
  return algorithm;
}

const generate = promisify(generateKeyPair);

function generatePair(pair: SigningAlgorithm['pair']): Promise<KeyPairKeyObjectResult> {
  if (pair === 'rsa') return generate('rsa', { modulusLength: 2048 });
  if (pair === 'ed25519') return generate('ed25519');
  return generate('ec', { namedCurve: pair });
}

/** A key that no other call returns. Its `kid` is its thumbprint (RFC 7638) unless one is given. */
export async function generateTestKey(algorithm = 'ES256', options: { kid?: string } = {}): Promise<TestKey> {
  return testKey(algorithm, await generatePair(signingAlgorithm(algorithm).pair), options.kid);
}

/**
 * A key for each of these algorithms. Those for RSA share one pair, as making one takes a while; they are keys of
 * their own nevertheless: each with its own `kid`, and for one algorithm.
 */
export async function generateTestKeys(algorithms: readonly string[]): Promise<TestKey[]> {
  const isForRsa = (name: string) => signingAlgorithm(name).pair === 'rsa';
  const first = algorithms.find(isForRsa);
  const rsa = first === undefined ? undefined : await generatePair('rsa');
  return Promise.all(
    algorithms.map((name) => {
      if (!rsa || !isForRsa(name)) return generateTestKey(name);
      const kid = thumbprint(publicMembers(rsa.publicKey));
      return Promise.resolve(testKey(name, rsa, name === first ? kid : `${kid}.${name}`));
    }),
  );
}

function testKey(algorithm: string, { publicKey, privateKey }: KeyPairKeyObjectResult, givenKid?: string): TestKey {
  const members = publicMembers(publicKey);
  const kid = givenKid ?? thumbprint(members);
  return { kid, algorithm, privateKey, publicJwk: { ...members, kid, alg: algorithm, use: 'sig' } };
}

type PublicMembers = Omit<PublicJwk, 'kid' | 'alg' | 'use'>;

function publicMembers(publicKey: KeyObject): PublicMembers {
  return publicKey.export({ format: 'jwk' }) as PublicMembers;
}

/** RFC 7638, section 3: the required members – those of a public key are just these – in the order of their names. */
function thumbprint(members: PublicMembers): string {
  const sorted = Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url');
}

/** The bytes of a JWS signature, as the key's algorithm makes it. */
export function signatureOf(input: string | Uint8Array, key: TestKey): Buffer {
  const { hash, options } = signingAlgorithm(key.algorithm);
  return sign(hash, Buffer.from(input), { key: key.privateKey, ...options });
}
