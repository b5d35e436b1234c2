import { decodeJwt, decodeProtectedHeader } from 'jose';
import { AuthApp } from './auth-app';

const DEMO = { SINGLE_AUTH: '1', NODE_ENV: 'development', DEMO: '1' };

describe('POST /demo/expired-token', () => {
  let auth: AuthApp;

  beforeAll(async () => {
    auth = await AuthApp.start(DEMO);
  });
  afterAll(() => auth.stop());

  const expired = (client: 'gateway' | 'resource', token: string) =>
    auth.asClient(client, '/demo/expired-token', { subject_token: token });

  it('gives, for a good token, the same one whose time is over', async () => {
    const token = await auth.login('alice');
    const { status, headers, body } = await expired('gateway', token);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    const old = body.access_token as string;
    const [claims, before] = [decodeJwt(old), decodeJwt(token)];
    expect(decodeProtectedHeader(old)).toEqual(decodeProtectedHeader(token));
    const times = { iat: expect.any(Number) as number, exp: expect.any(Number) as number };
    expect(claims).toEqual({ ...before, ...times, jti: expect.any(String) as string });
    expect(claims.jti).not.toBe(before.jti);
    // As long as the other one lives, and further in the past than any clock may be behind.
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe((before.exp ?? 0) - (before.iat ?? 0));
    expect(claims.exp).toBeLessThanOrEqual(Date.now() / 1000 - 120);
  });

  it('gives what is over for late handlers too', async () => {
    const late = await AuthApp.start({ ...DEMO, LATE_HANDLING_SECONDS: '3600' });
    try {
      const form = { subject_token: await late.login('alice') };
      const { body } = await late.asClient('gateway', '/demo/expired-token', form);
      expect(decodeJwt(body.access_token as string).exp).toBeLessThanOrEqual(Date.now() / 1000 - 3_720);
    } finally {
      await late.stop();
    }
  });

  it('gives what is good for nothing', async () => {
    const { body } = await expired('gateway', await auth.login('alice'));
    const old = body.access_token as string;
    expect(await auth.isActive('gateway', old)).toBe(false);
    expect(await auth.exchange('gateway', old, 'resource')).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: expect.stringContaining('token_expired') as string },
    });
    expect((await expired('gateway', old)).status).toBe(400);
  });

  it('is for services, and for tokens that are meant for them', async () => {
    const token = await auth.login('alice');
    const anonymous = await auth.post('/demo/expired-token', new URLSearchParams({ subject_token: token }), {});
    expect(anonymous.status).toBe(401);
    expect((await expired('resource', token)).status).toBe(400);
    expect((await expired('gateway', `${token}x`)).status).toBe(400);
    expect((await expired('gateway', '')).status).toBe(400);
    // Signed with the key, and never issued.
    const forged = await auth.signed({ aud: 'gateway', client_id: 'gateway', sub_epoch: 1 }, { typ: 'at+jwt' }, false);
    expect((await expired('gateway', forged)).status).toBe(400);
  });

  it('leaves no token in the log', () => {
    expect(auth.lines.join('\n')).not.toMatch(/eyJ[A-Za-z0-9_-]{8}/);
  });

  it.each([
    ['in development, without DEMO=1', { SINGLE_AUTH: '1', NODE_ENV: 'development' }],
    ['in production', { SINGLE_AUTH: '1' }],
  ])('is not there %s', async (_where, environment) => {
    const other = await AuthApp.start(environment, auth);
    try {
      const answer = await other.asClient('gateway', '/demo/expired-token', { subject_token: 'x' });
      expect(answer).toMatchObject({ status: 404, body: { code: 'route_not_found' } });
    } finally {
      await other.stop();
    }
  });
});
