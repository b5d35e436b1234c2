import { createSecretKey } from 'node:crypto';
import { compactVerify, importJWK } from 'jose';
import {
  type AlgorithmName,
  type AnyAlgorithmName,
  isAlgorithmName,
  isSharedSecretAlgorithmName,
  SHARED_SECRET_ALGORITHMS,
  sharedSecretCheck,
  SIGNATURE_ALGORITHMS,
  type SignatureCheck,
} from '../src/core/algorithms';
import { importKeySet } from '../src/core/verification-key';
import { PUBLISHED_VECTORS, type PublishedVector } from './vectors/published';

type Jwk = PublishedVector['jwk'];

/** The check that a key is bound to when it is published for that algorithm; `undefined` where it can't be. */
function checkOf(jwk: Jwk, algorithm: string): SignatureCheck | undefined {
  if (jwk.kty === 'oct') {
    if (!isSharedSecretAlgorithmName(algorithm)) return undefined;
    return sharedSecretCheck(algorithm, createSecretKey(Buffer.from(jwk.k ?? '', 'base64url')));
  }
  const listed = new Set<AnyAlgorithmName>(isAlgorithmName(algorithm) ? [algorithm] : []);
  return importKeySet({ keys: [{ ...jwk, kid: 'k', alg: algorithm }] }, listed).keys.get('k')?.check;
}

/** Each copy has one bit of one byte flipped, every bit of a byte in its turn. */
function* flipped(bytes: Buffer): Generator<Buffer> {
  for (let index = 0; index < bytes.length; index++) {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(index) ^ (1 << (index % 8)), index);
    yield copy;
  }
}

const ALGORITHMS = [...Object.keys(SIGNATURE_ALGORITHMS), ...Object.keys(SHARED_SECRET_ALGORITHMS)];
/** Two names of one computation: it is the key's binding that tells them apart. */
const SAME: Partial<Record<string, AlgorithmName>> = { EdDSA: 'Ed25519', Ed25519: 'EdDSA' };

describe.each(PUBLISHED_VECTORS)('$url', ({ jwk, algorithm, token }) => {
  const [header = '', payload = '', signaturePart = ''] = token.split('.');
  const signingInput = Buffer.from(`${header}.${payload}`);
  const signature = Buffer.from(signaturePart, 'base64url');
  const check = checkOf(jwk, algorithm);
  if (!check) throw new Error(`no key for ${algorithm}`);

  it('is verified, here and by jose', async () => {
    expect(check(signingInput, signature)).toBe(true);
    const verified = await compactVerify(token, await importJWK({ ...jwk, kty: jwk.kty ?? '' }, algorithm));
    expect(verified.protectedHeader.alg).toBe(algorithm);
  });

  it('is not verified with a bit of any byte of the header or of the payload flipped', () => {
    const verified = [...flipped(signingInput)].filter((changed) => check(changed, signature));
    expect(verified).toEqual([]);
    expect(signingInput.length).toBeGreaterThan(30);
  });

  it('is not verified with a bit of any byte of the signature flipped', () => {
    const verified = [...flipped(signature)].filter((changed) => check(signingInput, changed));
    expect(verified).toEqual([]);
    expect(signature.length).toBeGreaterThanOrEqual(32);
  });

  it('is not verified with a signature that is cut, longer, or not there', () => {
    const zero = Buffer.alloc(1);
    const others = [
      Buffer.alloc(0),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, zero]),
      Buffer.concat([zero, signature]),
      Buffer.concat([signature, signature]),
      Buffer.alloc(signature.length),
      Buffer.alloc(signature.length, 0xff),
    ];
    expect(others.map((other) => check(signingInput, other))).toEqual(others.map(() => false));
  });

  it("is not verified by another vector's key", () => {
    const others = PUBLISHED_VECTORS.filter((vector) => vector.jwk !== jwk);
    const verdicts = others.map((other) => checkOf(other.jwk, other.algorithm)?.(signingInput, signature));
    expect(verdicts).toEqual(others.map(() => false));
  });

  it('is not verified by its own key when that is bound to another algorithm', () => {
    const verdicts = Object.fromEntries(
      ALGORITHMS.map((name) => [name, checkOf(jwk, name)?.(signingInput, signature) ?? 'not importable']),
    );
    const same = SAME[algorithm];
    expect(Object.keys(verdicts).filter((name) => verdicts[name] === true)).toEqual(
      same === undefined ? [algorithm] : [algorithm, same],
    );
    const bindable = { RSA: 6, oct: 3, EC: 1, OKP: 2 }[jwk.kty ?? ''];
    expect(Object.values(verdicts).filter((verdict) => verdict !== 'not importable')).toHaveLength(bindable ?? NaN);
  });
});
