import { generateTestKey } from '@token-relay/testing';
import { exportJWK, generateKeyPair } from 'jose';
import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { type AlgorithmName } from './algorithms';
import { importKeySet } from './verification-key';

const all = new Set<AlgorithmName>(['ES256', 'RS256', 'PS256', 'EdDSA']);

describe('importKeySet', () => {
  let good: Record<string, unknown>;

  beforeAll(async () => {
    good = { ...(await generateTestKey()).publicJwk };
  });

  const kids = (keys: unknown[], algorithms = all) => [...importKeySet({ keys }, algorithms).keys.keys()];

  it('takes a key for signatures', () => {
    expect(kids([good])).toEqual([good.kid]);
  });

  it.each([
    ['another use', { use: 'enc' }],
    ['other operations', { key_ops: ['encrypt'] }],
    ['an algorithm that is not on the list', { alg: 'ES384' }],
    ['an algorithm that it can not be for', { alg: 'RS256' }],
    ['no kid', { kid: undefined }],
    ['an endless kid', { kid: 'x'.repeat(257) }],
    ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].map((name): [string, object] => [
      `the member ${name}`,
      { [name]: 'AAAA' },
    ]),
    ['a point off the curve', { x: 'AAAA' }],
  ])('leaves out one with %s, and keeps its neighbour', (_name, change) => {
    expect(kids([{ ...good, kid: 'bad', ...change }, good])).toEqual([good.kid]);
  });

  it('leaves out a key of another curve than its alg is for', async () => {
    const { publicJwk } = await generateTestKey('ES384');
    expect(kids([{ ...publicJwk, alg: 'ES256' }], new Set(['ES256', 'ES384']))).toEqual([]);
    expect(kids([publicJwk], new Set(['ES256', 'ES384']))).toEqual([publicJwk.kid]);
  });

  it('leaves out a symmetric key', () => {
    expect(kids([{ kty: 'oct', kid: 'secret', k: 'AAAA' }])).toEqual([]);
  });

  it('leaves out every key whose kid is there twice, or more often', () => {
    expect(kids([good, { ...good }])).toEqual([]);
    expect(kids([good, { ...good }, { ...good }])).toEqual([]);
  });

  it.each([
    [2048, 1],
    [2040, 0],
    [1024, 0],
  ])('takes of an RSA key with %i bits %i', (modulusLength, count) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' };
    expect(kids([jwk])).toHaveLength(count);
  });

  it('binds a key without alg to the one algorithm on the list that it fits, and to none if there are two', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: 'rsa' };
    expect(importKeySet({ keys: [jwk] }, new Set(['PS256'] as const)).keys.get('rsa')?.algorithm).toBe('PS256');
    expect(kids([jwk], new Set(['PS256', 'RS256']))).toEqual([]);
  });

  it.each([[undefined], [null], ['x'], [[]], [{}], [{ keys: {} }], [{ keys: [null, 1, 'x', []] }]])(
    'finds nothing in %p',
    (keySet) => {
      expect(importKeySet(keySet, all).keys.size).toBe(0);
    },
  );
});

describe('the check of a key', () => {
  const input = Buffer.from('header.payload');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pss = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING };
  const signatures = {
    PS256: sign('sha256', input, { ...pss, saltLength: 32 }),
    RS256: sign('sha256', input, rsa.privateKey),
    ES256: sign('sha256', input, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    'PS256 with another salt': sign('sha256', input, { ...pss, saltLength: 20 }),
    'ES256 in DER': sign('sha256', input, ec.privateKey),
  };

  it.each(['PS256', 'RS256', 'ES256'] as const)('of %s takes that, and nothing that is like it', (alg) => {
    const { publicKey } = alg === 'ES256' ? ec : rsa;
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'key', alg };
    const { check } = importKeySet({ keys: [jwk] }, all).keys.get('key') ?? {};
    const taken = Object.entries(signatures).filter(([, signature]) => check?.(input, signature));
    expect(taken.map(([name]) => name)).toEqual([alg]);
  });
});
