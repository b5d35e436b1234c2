import { describeWith, onFreePort, type OwnRedis, REDIS, startOwnRedis } from '@token-relay/testing/servers';
import Redis from 'ioredis';
import { decodeJwt } from 'jose';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { AppProcess } from './app-process';
import { until } from './chain';
import { basic, type ClientId, ISSUER } from './system';

const APPS = resolve(__dirname, '../../apps');

/** Runs a built command in production. */
async function run(path: string, parameters: string[], environment: Record<string, string> = {}, input = '') {
  const child = spawn(process.execPath, [join(APPS, path), ...parameters], {
    env: { PATH: process.env.PATH, ...environment },
  });
  child.stdin.end(input);
  const code = new Promise<number | null>((exited) => child.once('close', exited));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

interface Answer {
  readonly status: number;
  readonly cookie: string;
  readonly body: Readonly<Record<string, string>>;
}

describeWith(REDIS)('with what bootstrap has made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'token-relay-e2e-'));
  const secrets = join(folder, 'secrets');
  const read = (path: string): string => readFileSync(join(secrets, path), 'utf8');
  const started: AppProcess[] = [];
  let redis: OwnRedis;
  /** What may do everything, which nobody may but this test. */
  let observer: Redis;
  let auth: AppProcess;
  let made: string[];

  const tlsOf = (name: string) => ({
    ca: read(`${name}-tls/ca.crt`),
    cert: read(`${name}-tls/tls.crt`),
    key: read(`${name}-tls/tls.key`),
  });
  /** Where this Redis listens, for the same user. */
  const redisUrl = (secret: string): string =>
    read(`${secret}/redis-url`).replace('redis:6379', `127.0.0.1:${redis.port}`);
  const environment = () => ({
    ISSUER,
    TLS_CERT_FILE: join(secrets, 'auth-tls/tls.crt'),
    TLS_KEY_FILE: join(secrets, 'auth-tls/tls.key'),
    TLS_CA_FILE: join(secrets, 'auth-tls/ca.crt'),
    TLS_CLIENTS: 'gateway,resource,audit',
    REDIS_URL: redisUrl('auth'),
    KEY_ENCRYPTION_KEY_FILE: join(secrets, 'auth/key-encryption-key'),
    CLIENTS_FILE: join(secrets, 'auth/clients.json'),
  });
  async function startAuth(more: Record<string, string> = {}): Promise<AppProcess> {
    const app = await AppProcess.start('auth', { ...environment(), ...more });
    started.push(app);
    await until(20_000, async () => (await ask('gateway', 'GET', '/readyz', {}, app)).status, 200);
    return app;
  }

  beforeAll(async () => {
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map(() => run('bootstrap/dist/main.js', ['files', secrets], { DEMO_ACCOUNTS: '1' })),
    );
    expect(outcomes.map(({ code, err }) => [code, err])).toEqual(outcomes.map(() => [0, '']));
    made = outcomes.flatMap(({ out }) => out.match(/^made .*/gm) ?? []);

    const password = randomBytes(16).toString('hex');
    const users = join(folder, 'users.acl');
    writeFileSync(users, `${read('redis/users.acl')}user observer on >${password} ~* &* +@all\n`);
    const file = (name: string): string => join(secrets, 'redis-tls', name);
    redis = await onFreePort((port) =>
      startOwnRedis(
        [
          ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'yes', '--aclfile', users],
          ...[
            '--tls-cert-file',
            file('tls.crt'),
            '--tls-key-file',
            file('tls.key'),
            '--tls-ca-cert-file',
            file('ca.crt'),
          ],
        ],
        port,
      ),
    );
    observer = new Redis(redis.port, '127.0.0.1', { username: 'observer', password, tls: tlsOf('redis') });
    auth = await startAuth({ USERS_FILE: join(secrets, 'demo-accounts/users.json') });
  });
  afterAll(async () => {
    await Promise.all(started.map((app) => app.stop()));
    // A start that has failed has not made them.
    (observer as Redis | undefined)?.disconnect();
    await (redis as OwnRedis | undefined)?.stop();
    rmSync(folder, { recursive: true });
  });

  /** Asks auth as a service does, with its certificate. */
  async function ask(
    client: ClientId,
    method: string,
    path: string,
    { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {},
    app = auth,
  ): Promise<Answer> {
    const { port } = new URL(app.url);
    const options = { host: '127.0.0.1', port, path, method, headers, servername: 'auth', agent: false };
    const outgoing = request({ ...options, ...tlsOf(client) }).end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const said = await text(incoming);
    return {
      status: incoming.statusCode ?? 0,
      cookie: incoming.headers['set-cookie']?.[0]?.split(';')[0] ?? '',
      body: said.startsWith('{') ? (JSON.parse(said) as Answer['body']) : {},
    };
  }

  const json = { 'content-type': 'application/json' };
  const credentials = (id: ClientId) => ({ authorization: basic({ id, secret: read(`${id}-client/client-secret`) }) });
  const login = (username: string, password: string, app = auth): Promise<Answer> =>
    ask(
      'gateway',
      'POST',
      '/auth/login',
      {
        headers: { ...json, ...credentials('gateway') },
        body: JSON.stringify({ username, password }),
      },
      app,
    );
  const accounts = () => JSON.parse(read('demo-accounts/accounts.json')) as { username: string; password: string }[];
  const demoLogin = (name: string) => login(name, accounts().find(({ username }) => username === name)?.password ?? '');
  const session = (method: string, path: string, cookie: string) =>
    ask('gateway', method, path, { headers: { ...credentials('gateway'), cookie, 'x-token-relay': '1' } });
  const form = (client: ClientId, path: string, parameters: Record<string, string>) =>
    ask(client, 'POST', path, {
      headers: { ...credentials(client), 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(parameters).toString(),
    });
  const exchange = (client: ClientId, token: string, audience: string) =>
    form(client, '/oauth/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience,
    });

  it('four that began at once have made each once', () => {
    expect(made.length).toBe(17);
    expect(new Set(made).size).toBe(17);
  });

  it('auth runs in production, as a user of Redis that may do no more than that', async () => {
    const { status, cookie, body } = await demoLogin('alice');
    expect([status, body.token_type]).toEqual([200, 'Bearer']);
    const refreshed = await session('POST', '/auth/refresh', cookie);
    expect(refreshed.status).toBe(200);
    expect((await session('GET', '/auth/sessions', refreshed.cookie)).status).toBe(200);

    const forResource = await exchange('gateway', refreshed.body.access_token ?? '', 'resource');
    expect(forResource.status).toBe(200);
    const forAudit = await exchange('resource', forResource.body.access_token ?? '', 'audit');
    expect(forAudit.status).toBe(200);
    expect(decodeJwt(forAudit.body.access_token ?? '').act).toMatchObject({ sub: 'resource', act: { sub: 'gateway' } });
    const introspected = await form('audit', '/oauth/introspect', { token: forAudit.body.access_token ?? '' });
    expect(introspected.body.active).toBe(true);
    const own = await form('resource', '/oauth/token', { grant_type: 'client_credentials', audience: 'audit' });
    expect(own.status).toBe(200);
    expect((await form('resource', '/oauth/revoke', { token: own.body.access_token ?? '' })).status).toBe(200);

    const others = [await demoLogin('alice'), await demoLogin('alice')];
    expect((await session('POST', '/auth/logout', others[0]?.cookie ?? '')).status).toBe(204);
    expect((await session('DELETE', '/auth/sessions?except=current', others[1]?.cookie ?? '')).status).toBe(204);
    expect((await session('POST', '/auth/refresh', refreshed.cookie)).status).toBe(401);
    for (let i = 0; i < 6; i++) await login('bob', 'wrong');
    expect((await login('bob', 'wrong')).status).toBe(429);

    const admin = await exchange('gateway', (await demoLogin('admin')).body.access_token ?? '', 'auth');
    const asAdmin = { ...json, authorization: `Bearer ${admin.body.access_token}` };
    const { jti } = decodeJwt(forAudit.body.access_token ?? '');
    for (const what of [{ jti }, { sub: decodeJwt(body.access_token ?? '').sub }]) {
      const options = { headers: asAdmin, body: JSON.stringify({ ...what, reason: 'a test' }) };
      expect((await ask('gateway', 'POST', '/admin/revocations', options)).status).toBe(201);
    }
    expect((await ask('gateway', 'GET', '/admin/keys', { headers: asAdmin })).status).toBe(200);
    expect(await observer.acl('LOG')).toEqual([]);
  });

  it("so do operators' commands, and an auth with its users in Redis", async () => {
    const keys = await run('auth/dist/keys/cli.js', ['rotate', '--alg', 'EdDSA'], environment());
    expect(keys).toMatchObject({ code: 0, err: '' });
    const { kid = '' } =
      (JSON.parse(keys.out) as { keys: { kid: string; state: string }[] }).keys.find(
        ({ state }) => state === 'active',
      ) ?? {};
    const compromised = await run('auth/dist/keys/cli.js', ['compromise', kid, '--reason', 'a test'], environment());
    expect(compromised).toMatchObject({ code: 0, err: '' });

    const password = 'correct horse battery';
    const users = (...parameters: string[]) => run('auth/dist/users/cli.js', parameters, environment(), password);
    expect(await users('add', 'dave', '--scopes', 'documents:read')).toMatchObject({ code: 0, err: '' });
    const second = await startAuth();
    expect((await login('dave', password, second)).status).toBe(200);
    expect(await users('disable', 'dave')).toMatchObject({ code: 0, err: '' });
    expect((await users('list')).out).toContain('dave');
    await until(5_000, async () => (await login('dave', password, second)).status, 401);
    expect(await observer.acl('LOG')).toEqual([]);
  });

  it('a verifier reads what auth has revoked, and nothing else', async () => {
    const { body } = await demoLogin('carol');
    const token = (await exchange('gateway', body.access_token ?? '', 'resource')).body.access_token ?? '';
    expect((await form('gateway', '/oauth/revoke', { token })).status).toBe(200);
    const { username, password } = new URL(redisUrl('verifier-redis'));
    const verifier = new Redis(redis.port, '127.0.0.1', { username, password, tls: tlsOf('resource') });
    try {
      const [, entries] = await verifier.hscan('tr:{revocations}:entries', '0', 'COUNT', '1000');
      expect(entries).toContain(`jti:${decodeJwt(token).jti}`);
      const [, events = []] =
        (await verifier.xread('COUNT', 100, 'STREAMS', 'tr:{revocations}:stream', '0'))?.[0] ?? [];
      expect(JSON.stringify(events)).toContain(decodeJwt(token).jti);
      const [, [session = '']] = await observer.scan('0', 'MATCH', 'tr:*:session:*', 'COUNT', '10000');
      expect(session).not.toBe('');
      await expect(verifier.hmget(session, 'username')).rejects.toThrow(/^NOPERM/);
      await expect(verifier.hset('tr:{revocations}:entries', 'all:', '{}')).rejects.toThrow(/^NOPERM/);
    } finally {
      verifier.disconnect();
    }
  });

  it('what auth keeps in Redis is all under the names that it may use', async () => {
    const [, keys] = await observer.scan('0', 'COUNT', '10000');
    expect(keys.length).toBeGreaterThan(10);
    expect(keys.filter((key) => !key.startsWith('tr:'))).toEqual([]);
  });
});
