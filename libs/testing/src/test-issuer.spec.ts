import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { hostileTokens } from './hostile-tokens';
import { JwksServer, TestClock, TestIssuer } from './test-issuer';

describe('TestIssuer', () => {
  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'])('signs with %s what jose accepts', async (algorithm) => {
    const issuer = await TestIssuer.create({ algorithm });
    const token = await issuer.token();
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(issuer.jwks), {
      issuer: issuer.issuer,
      audience: issuer.audience,
      typ: 'at+jwt',
      currentDate: new Date(issuer.clock.now() * 1000),
    });
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'at+jwt', kid: issuer.key.kid });
    expect(payload).toEqual(issuer.claims());
  });

  it('changes, adds and leaves out what it is told to', async () => {
    const issuer = await TestIssuer.create();
    const token = await issuer.token({ sub: 'other', extra: 1, jti: undefined }, { typ: 'JWT', kid: undefined });
    expect(decodeJwt(token)).toMatchObject({ sub: 'other', extra: 1 });
    expect(decodeJwt(token)).not.toHaveProperty('jti');
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'JWT' });
  });

  it('keeps to its clock', async () => {
    const clock = new TestClock(1_000_000);
    const issuer = await TestIssuer.create({ clock });
    clock.advance(60);
    expect(decodeJwt(await issuer.token())).toMatchObject({ iat: 1_000_060, exp: 1_000_360 });
  });

  it('publishes no private member', async () => {
    const issuer = await TestIssuer.create();
    expect(Object.keys(issuer.jwks.keys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });
});

describe('hostileTokens', () => {
  it('lists each under a name of its own, no two the same, and none that is good', async () => {
    const issuer = await TestIssuer.create();
    const listed = await hostileTokens(issuer);
    expect(new Set(listed.map(({ name }) => name)).size).toBe(listed.length);
    expect(new Set(listed.map(({ token }) => token)).size).toBe(listed.length);
    expect(listed.length).toBeGreaterThan(40);
  });
});

describe('JwksServer', () => {
  it('answers what it is told to, counts, and can be silent', async () => {
    const server = await JwksServer.start({ keys: [] });
    expect(await (await fetch(server.url)).json()).toEqual({ keys: [] });
    server.status = 500;
    server.body = 'text';
    const failed = await fetch(server.url);
    expect([failed.status, await failed.text()]).toEqual([500, 'text']);
    server.hangs = true;
    await expect(fetch(server.url, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    expect(server.requests).toBe(3);
    await server.stop();
  });
});
