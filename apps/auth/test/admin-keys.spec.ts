import { describeWith, REDIS, startRedis, type TestServer } from '@token-relay/testing/servers';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { randomBytes } from 'node:crypto';
import { keysCommand } from '../src/keys/keys-command';
import { AuthApp, ISSUER, USERS } from './auth-app';

interface Report {
  readonly version: number;
  readonly keys: readonly { readonly kid: string; readonly algorithm: string; readonly state: string }[];
  readonly rotation?: { readonly kid: string; readonly dueAt: string };
  readonly history: readonly Record<string, string>[];
}

describeWith(REDIS).each(['the embedded store', 'Redis'])('the keys, with %s', (store) => {
  let redis: TestServer | undefined;
  let auth: AuthApp;

  beforeEach(async () => {
    redis = store === 'Redis' ? await startRedis() : undefined;
    auth = await AuthApp.start({
      JWKS_MAX_AGE_SECONDS: '1',
      ...(redis
        ? { REDIS_URL: redis.url, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') }
        : { SINGLE_AUTH: '1' }),
    });
  }, 30_000);
  afterEach(async () => {
    await auth.stop();
    await redis?.stop();
  });

  const report = async (): Promise<Report> => (await auth.admin('GET', 'keys')).body as unknown as Report;
  const jwks = async (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${auth.url}/.well-known/jwks.json`, { headers });
  const published = async (): Promise<JSONWebKeySet> => (await (await jwks()).json()) as JSONWebKeySet;
  const kidOf = (token: string): string => decodeProtectedHeader(token).kid ?? '';
  const verify = async (token: string) =>
    jwtVerify(token, createLocalJWKSet(await published()), { issuer: ISSUER, audience: 'gateway' });
  const stateOf = async (kid: string): Promise<string | undefined> =>
    (await report()).keys.find((key) => key.kid === kid)?.state;
  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 8_000; !(await holds());) {
      if (performance.now() > end) throw new Error('it does not come true');
    }
  }

  it('are listed with their states, the published ones and no others, and without themselves', async () => {
    const answer = await auth.admin('GET', 'keys');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { keys } = answer.body as unknown as Report;
    expect(keys.map(({ state }) => state)).toEqual(['active', 'pending']);
    expect(keys.map(({ kid }) => kid)).toEqual((await published()).keys.map(({ kid }) => kid));
    expect(JSON.stringify(answer.body)).not.toMatch(/"(d|p|q|dp|dq|qi|k|x|y|n|private|jwks|sealed)":/);
  });

  it('are published so that they can be cached, and asked for again at no cost', async () => {
    const answer = await jwks();
    expect(answer.headers.get('content-type')).toBe('application/jwk-set+json');
    expect(answer.headers.get('cache-control')).toBe('public, max-age=1');
    const etag = answer.headers.get('etag') ?? '';
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await jwks({ 'if-none-match': known });
      expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: '' });
      expect(again.headers.get('etag')).toBe(etag);
    }
    expect((await jwks({ 'if-none-match': '"other"' })).status).toBe(200);
    for (const key of (await published()).keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    }
  });

  it('rotate when that is asked for, to another algorithm too, and old tokens go on', async () => {
    const before = await auth.login('alice');
    const asked = await auth.admin('POST', 'keys/rotate', { alg: 'EdDSA' });
    expect(asked.status).toBe(202);
    const { rotation } = asked.body as unknown as Report;
    expect(Date.parse(rotation?.dueAt ?? '')).toBeGreaterThan(Date.now());
    const again = await auth.admin('POST', 'keys/rotate', {});
    expect(again).toMatchObject({ status: 409, body: { code: 'rotation_pending', dueAt: rotation?.dueAt } });
    await until(async () => kidOf(await auth.login('alice')) === rotation?.kid);
    const after = await auth.login('alice');
    expect(decodeProtectedHeader(after).alg).toBe('EdDSA');
    for (const token of [before, after]) {
      await verify(token);
      expect(await auth.isActive('gateway', token)).toBe(true);
    }
    const { keys, history } = await report();
    expect(keys.map(({ state, algorithm }) => `${state} ${algorithm}`)).toEqual([
      'retiring ES256',
      'retired ES256',
      'active EdDSA',
      'pending EdDSA',
    ]);
    expect(history).toContainEqual(
      expect.objectContaining({ what: 'rotation planned', by: USERS.admin, kid: rotation?.kid }),
    );
  });

  it('that have leaked are refused at once, with all that they have signed; the next login counts', async () => {
    const token = await auth.login('alice');
    const exchanged = await auth.exchanged('gateway', token, 'resource');
    const kid = kidOf(token);
    const answer = await auth.admin('POST', `keys/${kid}/compromise`, { reason: 'found in a log' });
    expect(answer.status).toBe(200);
    expect(await stateOf(kid)).toBe('compromised');
    expect((await published()).keys.map((key) => key.kid)).not.toContain(kid);
    expect((await published()).keys).toHaveLength(2);
    expect(await auth.isActive('gateway', token)).toBe(false);
    expect(await auth.isActive('resource', exchanged)).toBe(false);
    expect((await auth.exchange('gateway', token, 'resource')).body.error_description).toContain('key_revoked');
    expect([...auth.state.log.entries()]).toContainEqual({ kind: 'kid', value: kid });
    const next = await auth.login('alice');
    await verify(next);
    expect(await auth.isActive('gateway', next)).toBe(true);
    const event = { what: 'compromised', kid, by: USERS.admin, reason: 'found in a log' };
    expect((await report()).history).toContainEqual(expect.objectContaining(event));
    // Once more, and while a rotation is planned: never refused.
    await auth.admin('POST', 'keys/rotate', { alg: 'PS256' });
    expect((await auth.admin('POST', `keys/${kid}/compromise`, { reason: 'again' })).status).toBe(200);
    const active = auth.state.keys.signer.kid;
    expect((await auth.admin('POST', `keys/${active}/compromise`, { reason: 'too' })).status).toBe(200);
  });

  it.each([
    ['an algorithm that is none of ours', 'keys/rotate', { alg: 'HS256' }, 400],
    ['a member that there is not', 'keys/rotate', { algorithm: 'ES256' }, 400],
    ['no reason', 'keys/any/compromise', {}, 400],
    ['a key that there is not', 'keys/any/compromise', { reason: 'a test' }, 404],
  ])('refuse %s', async (_what, path, body, status) => {
    const answer = await auth.admin('POST', path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  it('ask for their own scopes', async () => {
    const login = await auth.login('admin');
    const parameters = { audience: 'auth', scope: 'keys:read' };
    const { body } = await auth.asClient('gateway', '/oauth/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: login,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      ...parameters,
    });
    const token = body.access_token as string;
    expect((await auth.admin('GET', 'keys', undefined, token)).status).toBe(200);
    for (const path of ['keys/rotate', 'keys/any/compromise', 'revocations']) {
      expect(await auth.admin('POST', path, {}, token)).toMatchObject({
        status: 403,
        body: { code: 'insufficient_scope' },
      });
    }
  });
});

describeWith(REDIS)('the break-glass command', () => {
  let redis: TestServer;
  let auth: AuthApp;
  let environment: Record<string, string>;

  beforeAll(async () => {
    redis = await startRedis();
    environment = { ISSUER, REDIS_URL: redis.url, KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') };
    auth = await AuthApp.start({ ...environment, JWKS_MAX_AGE_SECONDS: '1' });
  }, 30_000);
  afterAll(async () => {
    await auth.stop();
    await redis.stop();
  });

  async function keys(args: string[], more: Record<string, string> = {}) {
    let [out, err] = ['', ''];
    const code = await keysCommand(args, {
      environment: { ...environment, JWKS_MAX_AGE_SECONDS: '1', ...more },
      write: (text) => (out += text),
      warn: (text) => (err += text),
    });
    return { code, out, err };
  }
  async function until(holds: () => boolean): Promise<void> {
    for (const end = performance.now() + 8_000; !holds(); await new Promise((go) => setTimeout(go, 20))) {
      if (performance.now() > end) throw new Error('it does not come true');
    }
  }

  it('lists, rotates and takes out keys, without a token; auth follows', async () => {
    const { kid } = auth.state.keys.signer;
    const listed = await keys(['list']);
    expect({ code: listed.code, kids: (JSON.parse(listed.out) as Report).keys.map((key) => key.kid) }).toEqual({
      code: 0,
      kids: auth.state.keys.ring.keys.map((key) => key.kid),
    });
    expect((await keys(['rotate', '--alg', 'PS256'])).code).toBe(0);
    await until(() => auth.state.keys.signer.algorithm === 'PS256');
    const leaked = auth.state.keys.signer.kid;
    const done = await keys(['compromise', leaked, '--reason', 'a test']);
    expect(done.code).toBe(0);
    expect((JSON.parse(done.out) as Report).history.at(-2)).toMatchObject({
      by: expect.stringMatching(/^break-glass: /) as string,
    });
    await until(() => auth.state.keys.signer.kid !== leaked && auth.state.log.isKeyRevoked(ISSUER, leaked));
    expect((await keys(['compromise', '--all', '--reason', 'the store has leaked'])).code).toBe(0);
    await until(() => auth.state.log.isKeyRevoked(ISSUER, kid));
    expect(await auth.isActive('gateway', await auth.login('alice'))).toBe(true);
  });

  it.each([
    ['no command', [], 2],
    ['a command that there is not', ['explode'], 2],
    ['an algorithm that is none', ['rotate', '--alg', 'none'], 2],
    ['no reason', ['compromise', 'any'], 2],
    ['neither a key nor all', ['compromise', '--reason', 'a test'], 2],
    ['a key and all', ['compromise', 'any', '--all', '--reason', 'a test'], 2],
    ['an option that there is not', ['list', '--force'], 2],
    ['a key that there is not', ['compromise', 'any', '--reason', 'a test'], 1],
  ])('refuses %s', async (_what, args, code) => {
    const refused = await keys(args);
    expect(refused.code).toBe(code);
    expect(refused.err).not.toContain('    at ');
  });

  it('says which key of encryption is wrong, and changes nothing', async () => {
    const { version } = auth.state.keys.ring;
    const wrong = await keys(['rotate'], { KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64') });
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('KEY_ENCRYPTION_KEY') as string });
    const short = await keys(['rotate'], { KEY_ENCRYPTION_KEY: 'too-short' });
    expect(short).toMatchObject({ code: 1, err: expect.stringContaining('KEY_ENCRYPTION_KEY') as string });
    expect(auth.state.keys.ring.version).toBe(version);
  });
});
