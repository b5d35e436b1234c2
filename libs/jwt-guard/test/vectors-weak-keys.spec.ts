import { type JsonWebKey } from 'node:crypto';
import { generateTestKey } from '@token-relay/testing';
import { type AnyAlgorithmName } from '../src/core/algorithms';
import { importKeySet } from '../src/core/verification-key';

const ALGORITHMS = new Set<AnyAlgorithmName>(['RS256', 'ES256', 'EdDSA']);

const base64url = (value: bigint) => {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
};

function rsaKey(modulus: bigint, exponent = 65_537n): JsonWebKey {
  return { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) };
}

/** Why a key is left out; `undefined` for one that is used. */
function reason(jwk: JsonWebKey): string | undefined {
  const { keys, unusable } = importKeySet({ keys: [{ ...jwk, kid: 'k' }] }, ALGORITHMS);
  expect(keys.size + unusable.length).toBe(1);
  return unusable[0]?.reason;
}

// A modulus need not be a product of two primes for its importer: how it looks is enough.
const BITS = 2048n;
const ODD = 2n ** (BITS - 1n) + 1n;

describe('an RSA key', () => {
  it.each([
    ['2048 bits', ODD, undefined],
    ['2047 bits', (ODD >> 1n) | 1n, 'its modulus has less than 2048 bits'],
    ['8192 bits', 2n ** 8191n + 1n, undefined],
    ['8193 bits', 2n ** 8192n + 1n, 'its modulus has more than 8192 bits'],
  ])('of %s', (_name, modulus, expected) => {
    expect(reason(rsaKey(modulus))).toBe(expected);
  });

  it.each([
    [1n, false],
    [3n, false],
    [65_535n, false],
    [65_536n, false],
    [65_537n, true],
    [65_538n, false],
    [65_539n, true],
    [2n ** 256n - 1n, true],
    [2n ** 256n + 1n, false],
  ])('with the exponent %s: used is %s', (exponent, used) => {
    expect(reason(rsaKey(ODD, exponent))).toBe(used ? undefined : 'its exponent is not an odd number above 65536');
  });

  describe('made by the library of CVE-2017-15361', () => {
    const primes = Array.from({ length: 166 }, (_, index) => index + 2).filter((candidate) =>
      Array.from({ length: candidate - 2 }, (_, index) => index + 2).every((divisor) => candidate % divisor !== 0),
    );
    const product = primes.reduce((all, prime) => all * BigInt(prime), 1n);
    /** Of 2048 bits, and 65537 to some power modulo every small prime. */
    const marked = (power: bigint) => {
      const residue = 65_537n ** power % product;
      return (ODD / product + 1n) * product + residue;
    };

    it.each([0n, 1n, 2n, 77n, 1000n])('is left out: 65537 to the power of %s', (power) => {
      expect(reason(rsaKey(marked(power)))).toBe('its private key can be computed from its modulus (CVE-2017-15361)');
    });

    it.each([11, 13, 37, 53, 97, 163, 167])('is one only if it looks so modulo %i as well', (prime) => {
      const others = product / BigInt(prime);
      const near = Array.from({ length: prime }, (_, step) => reason(rsaKey(marked(1n) + others * BigInt(step))));
      expect(near).toContain(undefined);
    });
  });

  it('that OpenSSL makes is used', async () => {
    for (let count = 0; count < 3; count++) expect(reason((await generateTestKey('RS256')).publicJwk)).toBeUndefined();
  });
});

describe('an Ed25519 key', () => {
  const key = (hex: string): JsonWebKey => ({
    kty: 'OKP',
    crv: 'Ed25519',
    x: Buffer.from(hex, 'hex').toString('base64url'),
  });
  const SMALL = 'its point has a small order, so that anybody can sign for it';

  it.each([
    ['the identity', `01${'00'.repeat(31)}`],
    ['the identity, written with the other sign', `01${'00'.repeat(30)}80`],
    ['the identity, not reduced', `ee${'ff'.repeat(30)}7f`],
    ['a point of order two', `ec${'ff'.repeat(30)}7f`],
    ['a point of order four', '00'.repeat(32)],
    ['a point of order four, with the other sign', `${'00'.repeat(31)}80`],
    ['a point of order eight', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['another point of order eight', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
  ])('of %s is left out', (_name, hex) => {
    // Where Node takes no such key at all, that is as good.
    expect([SMALL, 'its members make no public key']).toContain(reason(key(hex)));
  });

  it('that OpenSSL makes is used', async () => {
    expect(reason((await generateTestKey('EdDSA')).publicJwk)).toBeUndefined();
  });
});
