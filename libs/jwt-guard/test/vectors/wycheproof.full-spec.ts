import { createPublicKey, createSecretKey, type JsonWebKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AlgorithmName,
  type AnyAlgorithmName,
  isSharedSecretAlgorithmName,
  SHARED_SECRET_ALGORITHMS,
  sharedSecretCheck,
  SIGNATURE_ALGORITHMS,
  type SignatureCheck,
} from '../../src/core/algorithms';
import { decodeToken } from '../../src/core/decode-token';
import { isRefusal } from '../../src/core/refusals';
import { KEY_PARAMETERS } from '../../src/core/select-issuer';
import { SharedSecret } from '../../src/core/shared-secret';
import { rawToken } from '../../src/core/token-states';
import { importKeySet } from '../../src/core/verification-key';

/** A vector of the JWS and JWK files. */
interface TokenVector {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid';
  readonly jws: string;
}

interface TokenGroup {
  readonly private: JsonWebKey;
  /** Absent for symmetric keys. */
  readonly public?: JsonWebKey;
  readonly tests: readonly TokenVector[];
}

/** A vector of the files for one signature algorithm. */
interface SignatureVector {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  /** In hex. */
  readonly msg: string;
  readonly sig: string;
}

interface SignatureGroup {
  readonly publicKeyDer: string;
  readonly tests: readonly SignatureVector[];
}

/** What isn't as the file says, by the vector's number. */
type Differences = Readonly<Record<number, string>>;

/** `testvectors_v1` of a clone of C2SP/wycheproof; README.md says how to come by one. */
const directory = process.env.WYCHEPROOF_VECTORS;
if (!directory) throw new Error('WYCHEPROOF_VECTORS: the path of testvectors_v1 in a clone of C2SP/wycheproof');

function groups<Group>(file: string): readonly Group[] {
  return (JSON.parse(readFileSync(join(String(directory), file), 'utf8')) as { testGroups: Group[] }).testGroups;
}

const ACCEPTED = 'accepted';
const SIGNATURES: ReadonlySet<AnyAlgorithmName> = new Set(Object.keys(SIGNATURE_ALGORITHMS) as AlgorithmName[]);
const CODES = new Set(Object.keys(SHARED_SECRET_ALGORITHMS) as AnyAlgorithmName[]);
/** Claims that the decoder takes: what it refuses then is the header, the signature or the shape. */
const CLAIMS = Buffer.from('{"iss":"issuer"}').toString('base64url');

interface Key {
  readonly algorithm: AnyAlgorithmName;
  readonly check: SignatureCheck;
}

/** The key of that id, or why there is none. */
type FindKey = (kid: unknown) => Key | string;

/** Whether a compact JWS would be verified if its payload were claims, which no payload of these vectors is. */
function judge(jws: string, algorithms: ReadonlySet<AnyAlgorithmName>, find: FindKey): string {
  const decode = (raw: string) => decodeToken(rawToken(raw), { algorithms, maxTokenBytes: 65_536 });
  const [header = '', payload = '', signature = '', ...more] = jws.split('.');
  try {
    const token = decode([header, CLAIMS, signature, ...more].join('.'));
    // In the place of the signature their payload is judged by its spelling only.
    if (payload !== '') decode([header, CLAIMS, payload].join('.'));
    if (KEY_PARAMETERS.some((name) => Object.hasOwn(token.header, name))) return 'header_not_allowed';
    const key = find(token.header.kid);
    if (typeof key === 'string') return key;
    if (key.algorithm !== token.algorithm) return 'key_alg_mismatch';
    return key.check(Buffer.from(`${header}.${payload}`), token.signature) ? ACCEPTED : 'signature_invalid';
  } catch (error) {
    if (isRefusal(error)) return error.code;
    throw error;
  }
}

function inKeySet(keys: readonly JsonWebKey[]): FindKey {
  const { keys: usable, unusable } = importKeySet({ keys }, SIGNATURES);
  return (kid) => usable.get(String(kid)) ?? (unusable.map(({ reason }) => reason).join(', ') || 'key_unknown');
}

function bytesOf({ k }: JsonWebKey): Buffer {
  return Buffer.from(String(k), 'base64url');
}

/** What comes of the vectors: the differences from what the files say, and how many were judged. */
function differences<Vector extends { tcId: number; result: string }>(
  vectors: readonly Vector[],
  verdict: (vector: Vector) => string,
): { readonly judged: Readonly<Record<string, number>>; readonly differences: Differences } {
  const judged: Record<string, number> = {};
  const found: Record<number, string> = {};
  for (const vector of vectors) {
    judged[vector.result] = (judged[vector.result] ?? 0) + 1;
    const reached = verdict(vector);
    if ((reached === ACCEPTED) !== (vector.result === 'valid')) found[vector.tcId] = reached;
  }
  return { judged, differences: found };
}

function merged(parts: readonly ReturnType<typeof differences>[]): ReturnType<typeof differences> {
  const judged: Record<string, number> = {};
  for (const part of parts) {
    for (const [result, count] of Object.entries(part.judged)) judged[result] = (judged[result] ?? 0) + count;
  }
  return { judged, differences: Object.assign({}, ...parts.map((part) => part.differences)) as Differences };
}

describe('Wycheproof', () => {
  it('json_web_signature_test: all is as it says, but for what is refused on purpose', () => {
    const results = groups<TokenGroup>('json_web_signature_test.json').map((group) => {
      const { public: publicKey, private: secret } = group;
      if (publicKey) {
        const find = inKeySet([publicKey]);
        return differences(group.tests, ({ jws }) => judge(jws, SIGNATURES, find));
      }
      // Below SharedSecret, which takes no secret of zeros; it also knows but one secret, whatever the token names it.
      const { alg } = secret;
      if (!isSharedSecretAlgorithmName(alg)) throw new Error(`alg ${String(alg)}`);
      const key = { algorithm: alg, check: sharedSecretCheck(alg, createSecretKey(bytesOf(secret))) };
      return differences(group.tests, ({ jws }) => judge(jws, CODES, () => key));
    });
    expect(merged(results)).toEqual({
      judged: { valid: 46, invalid: 355 },
      differences: {
        // The token says PS384, the key is published for PS256: one key, one algorithm (RFC 8725, section 3.1).
        346: 'key_alg_mismatch',
        350: 'key_alg_mismatch',
        // ES521 is no algorithm: the one with the curve P-521 is ES512.
        347: 'no algorithm on the list is for it',
        351: 'no algorithm on the list is for it',
        // A question mark in base64url.
        372: 'token_malformed',
        373: 'token_malformed',
        // To the letter the same token as 357, which is valid.
        367: ACCEPTED,
        370: ACCEPTED,
      },
    });
  });

  it('json_web_key_test: all is as it says, but for secrets that are several or can be guessed', () => {
    const results = groups<TokenGroup>('json_web_key_test.json').map((group) => {
      const { keys } = (group.public ?? group.private) as unknown as { keys: JsonWebKey[] };
      if (!keys.every(({ kty }) => kty === 'oct')) {
        const find = inKeySet(keys);
        return differences(group.tests, ({ jws }) => judge(jws, SIGNATURES, find));
      }
      const [secret, ...more] = keys;
      const { alg } = secret ?? {};
      return differences(group.tests, ({ jws }) => {
        if (!secret || more.length > 0) return 'one secret, not a set';
        if (!isSharedSecretAlgorithmName(alg)) return 'no algorithm for it';
        let source: SharedSecret;
        try {
          source = new SharedSecret(bytesOf(secret), alg);
        } catch (error) {
          return (error as TypeError).message;
        }
        return judge(jws, CODES, () => source.find());
      });
    });
    expect(merged(results)).toEqual({
      judged: { valid: 5, invalid: 21 },
      differences: {
        2: 'one secret, not a set',
        // Bytes that count up from 0.
        13: 'sharedSecret: it can be guessed; generate 32 random bytes or more',
        14: 'sharedSecret: it can be guessed; generate 32 random bytes or more',
        15: 'sharedSecret: it can be guessed; generate 32 random bytes or more',
      },
    });
  });

  const smallExponent = 'its exponent is not an odd number above 65536';
  it.each<[file: string, algorithm: AlgorithmName, judged: Record<string, number>, differences: Differences]>([
    ['ecdsa_secp256r1_sha256_p1363', 'ES256', { valid: 173, invalid: 89 }, {}],
    ['ecdsa_secp384r1_sha384_p1363', 'ES384', { valid: 193, invalid: 87 }, {}],
    ['ecdsa_secp521r1_sha512_p1363', 'ES512', { valid: 231, invalid: 87 }, {}],
    [
      'rsa_signature_2048_sha256',
      'RS256',
      { valid: 9, invalid: 249, acceptable: 1 },
      { 258: smallExponent, 259: smallExponent },
    ],
    ['rsa_signature_3072_sha256', 'RS256', { valid: 8, invalid: 250, acceptable: 1 }, { 259: smallExponent }],
    ['rsa_signature_4096_sha256', 'RS256', { valid: 7, invalid: 250, acceptable: 1 }, {}],
    ['rsa_signature_8192_sha256', 'RS256', { valid: 7, invalid: 250, acceptable: 1 }, {}],
    ['rsa_signature_2048_sha384', 'RS384', { valid: 7, invalid: 250, acceptable: 1 }, {}],
    ['rsa_signature_2048_sha512', 'RS512', { valid: 8, invalid: 250, acceptable: 1 }, { 259: smallExponent }],
    ['rsa_pss_2048_sha256_mgf1_32', 'PS256', { valid: 63, invalid: 45 }, {}],
    ['rsa_pss_3072_sha256_mgf1_32', 'PS256', { valid: 63, invalid: 45 }, {}],
    ['rsa_pss_4096_sha256_mgf1_32', 'PS256', { valid: 63, invalid: 45 }, {}],
    ['rsa_pss_2048_sha384_mgf1_48', 'PS384', { valid: 95, invalid: 46 }, {}],
    ['rsa_pss_4096_sha384_mgf1_48', 'PS384', { valid: 95, invalid: 46 }, {}],
    ['rsa_pss_4096_sha512_mgf1_64', 'PS512', { valid: 132, invalid: 47 }, {}],
    ['ed25519', 'EdDSA', { valid: 88, invalid: 63 }, {}],
    ['ed25519', 'Ed25519', { valid: 88, invalid: 63 }, {}],
  ])('%s_test as %s: all is as it says, but for weak keys', (file, algorithm, judged, expected) => {
    const results = groups<SignatureGroup>(`${file}_test.json`).map(({ publicKeyDer, tests }) => {
      const key = createPublicKey({ key: Buffer.from(publicKeyDer, 'hex'), format: 'der', type: 'spki' });
      const find = inKeySet([{ ...key.export({ format: 'jwk' }), kid: 'k', alg: algorithm }]);
      return differences(tests, ({ msg, sig }) => {
        const found = find('k');
        if (typeof found === 'string') return found;
        return found.check(Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex')) ? ACCEPTED : 'signature_invalid';
      });
    });
    expect(merged(results)).toEqual({ judged, differences: expected });
  });
});
