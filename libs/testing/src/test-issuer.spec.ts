import { compactVerify, createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { TestClock } from './test-clock';
import { TestIssuer } from './test-issuer';
import { generateTestKey, TEST_ALGORITHMS } from './test-key';

describe('TestIssuer', () => {
  let all: TestIssuer;

  beforeAll(async () => {
    all = await TestIssuer.create({ algorithms: TEST_ALGORITHMS });
  });

  it('signs with each of its keys what jose accepts', async () => {
    const signed: unknown[] = [];
    for (const key of all.keys) {
      const { payload, protectedHeader } = await jwtVerify(
        await all.token({}, {}, key),
        createLocalJWKSet({ keys: [...all.jwks.keys] }),
        {
          issuer: all.issuer,
          audience: all.audience,
          typ: 'at+jwt',
          currentDate: new Date(all.clock.now() * 1000),
        },
      );
      expect(protectedHeader).toEqual({ alg: key.algorithm, typ: 'at+jwt', kid: key.kid });
      expect(payload).toEqual(all.claims());
      signed.push(protectedHeader.alg);
    }
    expect(signed).toEqual(TEST_ALGORITHMS);
  });

  it('has a key of its own for each algorithm, and publishes them all', () => {
    expect(all.key).toBe(all.keys[0]);
    expect(all.jwks.keys.map(({ alg }) => alg)).toEqual(TEST_ALGORITHMS);
    expect(new Set(all.jwks.keys.map(({ kid }) => kid)).size).toBe(TEST_ALGORITHMS.length);
  });

  it.each(['RS256', 'PS256', 'EdDSA'])('signs with the one algorithm that it is made for, %s', async (algorithm) => {
    const issuer = await TestIssuer.create({ algorithm });
    expect(decodeProtectedHeader(await issuer.token())).toEqual({ alg: algorithm, typ: 'at+jwt', kid: issuer.key.kid });
  });

  it('takes keys that were made before', async () => {
    const [next, last] = [await generateTestKey(), await generateTestKey('EdDSA', { kid: 'k'.repeat(256) })];
    const issuer = await TestIssuer.create({ keys: [next, last] });
    expect(issuer.jwks).toEqual({ keys: [next.publicJwk, last.publicJwk] });
    expect(decodeProtectedHeader(await issuer.token({}, {}, last)).kid).toBe('k'.repeat(256));
  });

  it.each([[{ algorithm: 'HS256' }], [{ algorithm: 'toString' }], [{ algorithms: [] }], [{ keys: [] }]])(
    'refuses to be made with %p',
    async (options) => {
      await expect(TestIssuer.create(options)).rejects.toThrow(TypeError);
    },
  );

  it('changes, adds and leaves out what it is told to', async () => {
    const issuer = await TestIssuer.create();
    const token = await issuer.token({ sub: 'other', extra: 1, jti: undefined }, { typ: 'JWT', kid: undefined });
    expect(decodeJwt(token)).toMatchObject({ sub: 'other', extra: 1 });
    expect(decodeJwt(token)).not.toHaveProperty('jti');
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT' });
  });

  it('signs what is no JSON, byte for byte', async () => {
    const issuer = await TestIssuer.create();
    const header = `{"alg": "ES256"}`;
    const payload = Buffer.from([0xff, 0x00]);
    const token = issuer.signRaw(header, payload);
    const { payload: verified } = await compactVerify(token, createLocalJWKSet(issuer.jwks));
    expect(Buffer.from(verified)).toEqual(payload);
    expect(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).toBe(header);
  });

  it('keeps to its clock', async () => {
    const clock = new TestClock(1_000_000);
    const issuer = await TestIssuer.create({ clock });
    clock.advance(60);
    expect(decodeJwt(await issuer.token())).toMatchObject({ iat: 1_000_060, exp: 1_000_360 });
  });

  it('publishes no private member, and nothing that a test could spoil for another', () => {
    const members = { ES256: 'crv,kty,x,y', RS256: 'e,kty,n', EdDSA: 'crv,kty,x' };
    for (const [alg, expected] of Object.entries(members)) {
      const { use, kid, alg: bound, ...rest } = all.jwks.keys.find((jwk) => jwk.alg === alg) ?? {};
      expect({ use, kid: typeof kid, bound }).toEqual({ use: 'sig', kid: 'string', bound: alg });
      expect(Object.keys(rest).sort().join()).toBe(expected);
    }
    all.jwks.keys.pop();
    expect(all.jwks.keys).toHaveLength(TEST_ALGORITHMS.length);
  });
});
