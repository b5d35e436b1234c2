import { describeWith, REDIS, startRedis, type TestServer } from '@token-relay/testing/servers';
import { decodeJwt, SignJWT } from 'jose';
import { randomBytes, randomUUID } from 'node:crypto';
import { slotOf } from '../src/store/slot';
import { AuthApp, ISSUER, USERS } from './auth-app';

interface Marks {
  jti: string;
  sid: string;
  sub_epoch: number;
  iat: number;
  exp: number;
  origin_jti?: string;
  origin_kid?: string;
  origin_iat?: number;
  via_jti?: string[];
}
const marksOf = (token: string): Marks => decodeJwt(token);

describeWith(REDIS).each(['the embedded store', 'Redis'])('revocation, with %s', (store) => {
  let redis: TestServer | undefined;
  let auth: AuthApp;

  beforeAll(async () => {
    redis = store === 'Redis' ? await startRedis() : undefined;
    auth = await AuthApp.start(
      redis ? { REDIS_URL: redis.url, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') } : { SINGLE_AUTH: '1' },
    );
  }, 30_000);
  afterAll(async () => {
    await auth.stop();
    await redis?.stop();
  });

  /** A login's token, what the gateway gets for it, and what resource gets for that. */
  async function chain(username: keyof typeof USERS = 'alice') {
    const login = await auth.login(username);
    const resource = await auth.exchanged('gateway', login, 'resource');
    return { login, resource, audit: await auth.exchanged('resource', resource, 'audit') };
  }
  async function activityOf({ login, resource, audit }: Awaited<ReturnType<typeof chain>>): Promise<boolean[]> {
    return Promise.all([
      auth.isActive('gateway', login),
      auth.isActive('resource', resource),
      auth.isActive('audit', audit),
    ]);
  }

  describe('what is exchanged', () => {
    it('carries the marks of all those that it comes from', async () => {
      const tokens = await chain();
      const [login, resource, audit] = [marksOf(tokens.login), marksOf(tokens.resource), marksOf(tokens.audit)];
      expect(login).not.toHaveProperty('origin_jti');
      const origin = {
        sid: login.sid,
        sub_epoch: login.sub_epoch,
        origin_jti: login.jti,
        origin_kid: auth.state.keys.signer.kid,
        origin_iat: login.iat,
      };
      expect(resource).toMatchObject(origin);
      expect(resource).not.toHaveProperty('via_jti');
      expect(audit).toMatchObject({ ...origin, via_jti: [resource.jti] });
      expect(await activityOf(tokens)).toEqual([true, true, true]);
    });

    it.each<[string, (tokens: Record<string, string>) => object, boolean[]]>([
      [
        'the first token',
        (tokens: Record<string, string>) => ({ jti: marksOf(tokens.login ?? '').jti }),
        [false, false, false],
      ],
      [
        'one in the middle',
        (tokens: Record<string, string>) => ({ jti: marksOf(tokens.resource ?? '').jti }),
        [true, false, false],
      ],
      [
        'the last one',
        (tokens: Record<string, string>) => ({ jti: marksOf(tokens.audit ?? '').jti }),
        [true, true, false],
      ],
      [
        'the session',
        (tokens: Record<string, string>) => ({ sid: marksOf(tokens.login ?? '').sid }),
        [false, false, false],
      ],
      ['the user', () => ({ sub: USERS.alice }), [false, false, false]],
    ])('is revoked with %s', async (_what, revoked, active) => {
      const tokens = await chain();
      const others = await chain('bob');
      const what = revoked(tokens);
      const [[kind, value] = []] = Object.entries(what) as [string, string][];
      expect(await auth.asAdmin({ ...what, reason: 'a test' })).toMatchObject({
        status: 201,
        body: { revoked: { kind, value, until: expect.any(Number) as number } },
      });
      expect(await activityOf(tokens)).toEqual(active);
      expect(await activityOf(others)).toEqual([true, true, true]);
      // Whoever logs in again begins anew.
      expect(await activityOf(await chain())).toEqual([true, true, true]);
    });

    it('is not exchanged on once it is revoked', async () => {
      const { login, resource } = await chain();
      await auth.asAdmin({ jti: marksOf(login).jti, reason: 'a test' });
      for (const answer of [
        await auth.exchange('gateway', login, 'resource'),
        await auth.exchange('resource', resource, 'audit'),
      ]) {
        expect(answer.status).toBe(400);
        expect(answer.body).toMatchObject({
          error: 'invalid_request',
          error_description: expect.stringContaining('token_revoked') as string,
        });
      }
    });
  });

  it('of everything leaves nothing, and the next token counts', async () => {
    const before = [await chain(), await chain('bob')];
    const admin = await auth.exchanged('gateway', await auth.login('admin'), 'auth');
    expect((await auth.asAdmin({ all: true, reason: 'a test' }, admin)).status).toBe(201);
    for (const tokens of before) expect(await activityOf(tokens)).toEqual([false, false, false]);
    expect((await auth.asAdmin({ all: true, reason: 'again' }, admin)).status).toBe(401);
    expect(await activityOf(await chain())).toEqual([true, true, true]);
  });

  describe('POST /oauth/revoke (RFC 7009)', () => {
    const revoke = (client: 'gateway' | 'resource', token: string, more = {}) =>
      auth.asClient(client, '/oauth/revoke', { token, ...more });

    it('revokes a token of the client, and what was exchanged from it', async () => {
      const tokens = await chain();
      expect(await revoke('gateway', tokens.login, { token_type_hint: 'access_token' })).toMatchObject({
        status: 200,
        body: {},
      });
      expect(await activityOf(tokens)).toEqual([false, false, false]);
    });

    it('may be asked twice', async () => {
      const { login } = await chain();
      for (const answer of [await revoke('gateway', login), await revoke('gateway', login)]) {
        expect(answer.status).toBe(200);
        expect(answer.headers.get('cache-control')).toBe('no-store');
      }
    });

    it('takes a token that the client got by exchange, and leaves the one that it was exchanged for', async () => {
      const tokens = await chain();
      expect((await revoke('gateway', tokens.resource)).status).toBe(200);
      expect(await activityOf(tokens)).toEqual([true, false, false]);
    });

    it("refuses another client's token, and leaves it", async () => {
      const tokens = await chain();
      const answer = await revoke('resource', tokens.resource);
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect(await activityOf(tokens)).toEqual([true, true, true]);
    });

    it.each([
      ['nothing of a token that nobody knows', { token: 'a.b.c' }, 200],
      ['nothing of a token of another kind', { token: 'opaque', token_type_hint: 'refresh_token' }, 200],
      ['nothing of a hint that nobody knows', { token: 'opaque', token_type_hint: 'other' }, 200],
      ['no request without a token', {}, 400],
      ['no empty token', { token: '' }, 400],
    ])('makes %s', async (_what, parameters, status) => {
      const answer = await auth.asClient('gateway', '/oauth/revoke', parameters);
      expect(answer.status).toBe(status);
      if (status === 400) expect(answer.body).toMatchObject({ error: 'invalid_request' });
    });

    it.each([
      ['is for a service that no client may ask for any more', { audience: 'gone' }, 2],
      ['is from the future, by a clock that is behind', {}, 40],
    ])('revokes a token that %s', async (_what, more, issuedIn) => {
      const jti = randomUUID();
      const token = await sign({ jti, audience: 'gateway', ...more, issuedIn });
      expect((await revoke('gateway', token)).status).toBe(200);
      const entries = [...auth.state.log.entries()];
      expect(entries).toContainEqual(expect.objectContaining({ kind: 'jti', value: jti }));
    });

    it.each([
      [123],
      [true],
      [null],
      [{ a: 1 }],
      [[null]],
      [[1]],
      [[['x']]],
      [['']],
      [Array.from({ length: 33 }, (_, i) => `a${i}`)],
      [['a', 'a']],
    ])('answers as ever to a token that nobody has signed, whose aud is %j', async (aud) => {
      const { kid } = auth.state.keys.signer;
      const claims = { iss: ISSUER, sub: 'x', aud, iat: 1, exp: 2 ** 40, jti: 'x', client_id: 'mobile' };
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      for (const header of [{ kid }, { kid: 'x' }, { kid: 1 }, {}]) {
        const token = `${part({ alg: 'ES256', typ: 'at+jwt', ...header })}.${part(claims)}.${'A'.repeat(86)}`;
        const form = new URLSearchParams({ client_id: 'mobile', token });
        expect(await auth.post('/oauth/revoke', form, {})).toMatchObject({ status: 200, body: {} });
      }
    });

    it.each([
      [32, 1],
      [33, 0],
    ])('takes a token for %i audiences, and revokes %i: more no verifier accepts', async (count, revoked) => {
      const aud = [...Array.from({ length: count - 1 }, (_, i) => `a${i}`), 'gateway'];
      const claims = { client_id: 'gateway', sub_epoch: Number.MAX_SAFE_INTEGER };
      const token = await auth.signed({ ...claims, aud }, { typ: 'at+jwt' });
      expect(await auth.isActive('gateway', token)).toBe(revoked === 1);
      const { last } = auth.state.log.events;
      expect((await auth.asClient('gateway', '/oauth/revoke', { token })).status).toBe(200);
      expect(auth.state.log.events.last).toBe(last + revoked);
    });

    it('is for clients that say who they are', async () => {
      const { login } = await chain();
      const answer = await auth.post('/oauth/revoke', new URLSearchParams({ token: login }), {
        authorization: auth.basic('gateway', 'x'.repeat(40)),
      });
      expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
      expect(await auth.isActive('gateway', login)).toBe(true);
    });
  });

  describe('POST /oauth/introspect (RFC 7662)', () => {
    it('tells the client that a token is meant for what is in it', async () => {
      const { resource } = await chain();
      const answer = await auth.asClient('resource', '/oauth/introspect', { token: resource });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toEqual({ active: true, token_type: 'Bearer', ...decodeJwt(resource) });
    });

    it('tells everybody else the same, whatever is the matter', async () => {
      const { login, resource, audit } = await chain();
      await auth.asAdmin({ jti: marksOf(audit).jti, reason: 'a test' });
      for (const [client, token] of [
        ['gateway', resource],
        ['audit', login],
        ['audit', audit],
        ['gateway', `${login.slice(0, -6)}AAAAAA`],
        ['gateway', 'opaque'],
      ] as const) {
        const answer = await auth.asClient(client, '/oauth/introspect', { token });
        expect(answer).toMatchObject({ status: 200, body: { active: false } });
        expect(Object.keys(answer.body)).toEqual(['active']);
      }
    });

    it('needs a token', async () => {
      const answer = await auth.asClient('gateway', '/oauth/introspect', {});
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    });
  });

  describe('POST /admin/revocations', () => {
    it.each([
      ['nothing to revoke', { reason: 'a test' }],
      ['two things to revoke', { jti: 'a', sid: 'b', reason: 'a test' }],
      ['all that is not true', { all: false, reason: 'a test' }],
      ['no reason', { jti: 'a' }],
      ['an empty reason', { jti: 'a', reason: ' ' }],
      ['a jti that is no text', { jti: 7, reason: 'a test' }],
      ['an empty jti', { jti: '', reason: 'a test' }],
      ['a jti that is too long', { jti: 'a'.repeat(257), reason: 'a test' }],
      ['a kind that there is not', { jti: 'a', kid: 'b', reason: 'a test' }],
      ['a list', []],
    ])('refuses %s', async (_what, body) => {
      const answer = await auth.asAdmin(body);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    });

    it('takes the longest jti that there may be', async () => {
      const answer = await auth.asAdmin({ jti: 'a'.repeat(256), reason: 'a test' });
      const until = expect.any(Number) as number;
      expect(answer).toMatchObject({ status: 201, body: { revoked: { kind: 'jti', value: 'a'.repeat(256), until } } });
    });

    it('needs the scope, and a token for auth', async () => {
      const login = await auth.login('alice');
      expect((await auth.exchange('gateway', login, 'auth')).body).toMatchObject({ error: 'invalid_scope' });
      const answer = await auth.asAdmin({ jti: 'a', reason: 'a test' }, login);
      expect(answer).toMatchObject({ status: 401, body: { code: 'audience_mismatch' } });
    });
  });

  it('of a user leaves those who log in again in, though the store has lost their epoch', async () => {
    await auth.asAdmin({ sub: USERS.bob, reason: 'a test' });
    await auth.state.redis?.del(`tr:{${slotOf(USERS.bob)}}:epoch`);
    expect(await activityOf(await chain('bob'))).toEqual([true, true, true]);
  });

  /** As whoever has the key can. */
  async function sign({
    jti = randomUUID() as string,
    audience = '',
    clientId = 'gateway',
    issuedIn = 0,
  }): Promise<string> {
    const { privateKey, kid, algorithm } = auth.state.keys.signer;
    const issuedAt = Math.floor(Date.now() / 1000) + issuedIn;
    return new SignJWT({
      client_id: clientId,
      scope: 'documents:read revocations:write',
      sub_epoch: Number.MAX_SAFE_INTEGER,
    })
      .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid })
      .setIssuer('https://issuer.test')
      .setSubject(USERS.admin)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + 300)
      .setJti(jti)
      .sign(privateKey);
  }

  describe('a token that was signed with the key, but never issued', () => {
    const forge = async (audience: string, clientId: string) => {
      // Its subject has had others: that this one isn't among them is known.
      await auth.login('admin');
      return sign({ audience, clientId, issuedIn: 2 });
    };
    it('is exchanged for nothing', async () => {
      const answer = await auth.exchange('gateway', await forge('gateway', 'gateway'), 'resource');
      expect(answer).toMatchObject({
        status: 400,
        body: { error_description: expect.stringContaining('jti_never_issued') as string },
      });
    });

    it('is inactive, and revokes nothing', async () => {
      expect(await auth.isActive('gateway', await forge('gateway', 'gateway'))).toBe(false);
      const answer = await auth.asAdmin({ all: true, reason: 'mine now' }, await forge('auth', 'gateway'));
      expect(answer).toMatchObject({ status: 401, body: { code: 'jti_never_issued' } });
    });
  });
});
