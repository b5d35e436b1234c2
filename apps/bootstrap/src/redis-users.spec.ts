import { describeWith, onFreePort, type OwnRedis, REDIS, startOwnRedis } from '@token-relay/testing/servers';
import Redis, { type RedisOptions } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { issueCertificate, makeAuthority, namesOf } from './certificates';
import { passwordIn, redisUrl, redisUsers } from './redis-users';

const ROOT = resolve(__dirname, '../../..');
const passwords = { auth: randomBytes(32).toString('base64url'), verifier: randomBytes(32).toString('base64url') };
const lines = redisUsers(passwords).trimEnd().split('\n');
const lineOf = (user: string): string => lines.find((line) => line.startsWith(`user ${user} `)) ?? '';
const commandsOf = (user: string) => [...lineOf(user).matchAll(/\+(\S+)/g)].map(([, command = '']) => command).sort();

describe("Redis' users", () => {
  it('are these, with the digests of their passwords, and commands by name', () => {
    expect(lines.map((line) => line.split(' ')[1])).toEqual(['default', 'auth', 'verifier', 'probe']);
    const text = lines.join('\n');
    for (const password of Object.values(passwords)) expect(text).not.toContain(password);
    expect(text).not.toMatch(/\+@|allkeys|allchannels|allcommands|&/);
    expect(text.match(/nopass/g)).toEqual(['nopass']);
    for (const line of lines) expect(line).toMatch(/ resetkeys .*resetchannels -@all/);
    expect(lineOf('default')).toMatch(/^user default off .*resetpass resetkeys resetchannels -@all$/);
    expect(lineOf('probe')).toMatch(/ nopass resetkeys resetchannels -@all \+ping$/);
  });

  it('let auth do what its scripts do', () => {
    const folders = ['apps/auth/src/store', 'apps/auth/src/keys', 'apps/auth/src/users'].map((path) =>
      join(ROOT, path),
    );
    const sources = folders.flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
        .map((name) => readFileSync(join(folder, name), 'utf8')),
    );
    sources.push(readFileSync(join(ROOT, 'node_modules/rate-limiter-flexible/lib/RateLimiterRedis.js'), 'utf8'));
    const called = sources.flatMap((text) => [...text.matchAll(/redis\.call\('(\w+)'/g)].map(([, name = '']) => name));
    const allowed = commandsOf('auth');
    expect(called.length).toBeGreaterThan(60);
    expect([...new Set(called.map((name) => name.toLowerCase()))].filter((name) => !allowed.includes(name))).toEqual(
      [],
    );
  });

  it('let a verifier do what its docs say', () => {
    const [, keys, commands = ''] =
      /resetkeys (~\S+) -@all (.*) \+hello \+auth`/.exec(readFileSync(join(ROOT, 'docs/revocation.md'), 'utf8')) ?? [];
    expect(lineOf('verifier')).toContain(` ${keys} `);
    expect(commandsOf('verifier').map((name) => `+${name}`)).toEqual(commands.split(' ').sort());
  });

  it('have passwords that URLs hold, escaped or not', () => {
    expect(redisUrl('auth', 'secret')).toBe('rediss://auth:secret@redis:6379');
    expect(passwordIn('auth', 'rediss://auth:a%2Fb@redis:6379\n')).toBe('a/b');
    expect(() => passwordIn('auth', 'redis')).toThrow('auth: redis-url is no URL with a password');
  });
});

describeWith(REDIS)("Redis' users, in Redis", () => {
  const folder = mkdtempSync(join(tmpdir(), 'redis-users-'));
  const clients: Redis[] = [];
  let redis: OwnRedis;
  let tls: NonNullable<RedisOptions['tls']>;
  beforeAll(async () => {
    const now = new Date();
    const authority = await makeAuthority(now);
    const server = await issueCertificate(authority, namesOf('redis', 'token-relay', true), now);
    const auth = await issueCertificate(authority, namesOf('auth', 'token-relay', false), now);
    tls = { ca: auth['ca.crt'], cert: auth['tls.crt'], key: auth['tls.key'] };
    for (const [name, text] of Object.entries(server)) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'users.acl'), redisUsers(passwords));
    redis = await onFreePort((port) =>
      startOwnRedis(
        [
          ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'yes'],
          ...['--tls-cert-file', join(folder, 'tls.crt'), '--tls-key-file', join(folder, 'tls.key')],
          ...['--tls-ca-cert-file', join(folder, 'ca.crt'), '--aclfile', join(folder, 'users.acl')],
        ],
        port,
      ),
    );
  });
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));
  afterAll(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true });
  });

  function connect(options: RedisOptions): Redis {
    // What a user may not do is told at the command, not by asking for INFO.
    const settings = {
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      disconnectTimeout: 100,
      tls,
      ...options,
    };
    const client = new Redis(redis.port, '127.0.0.1', settings);
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }
  const as = (username: 'auth' | 'verifier') => connect({ username, password: passwords[username] });
  const probe = () => connect({ username: 'probe', password: 'any' });

  it('are known by their passwords, where they have one', async () => {
    expect(await as('auth').set('tr:{a}:epoch', '1')).toBe('OK');
    await expect(connect({ username: 'auth', password: passwords.verifier }).get('tr:{a}')).rejects.toThrow();
    expect(await probe().ping()).toBe('PONG');
  });

  it('are all that get in: nobody without a name, and nobody without a certificate', async () => {
    await expect(connect({}).ping()).rejects.toThrow('NOAUTH');
    await expect(connect({ username: 'default', password: '' }).ping()).rejects.toThrow();
    const { ca } = tls;
    const stranger = connect({ username: 'probe', password: 'any', tls: { ca } });
    await expect(stranger.ping()).rejects.toThrow();
  });

  it.each([
    ['auth', 'FLUSHALL', []],
    ['auth', 'KEYS', ['*']],
    ['auth', 'CONFIG', ['GET', '*']],
    ['auth', 'ACL', ['LIST']],
    ['auth', 'SCRIPT', ['FLUSH']],
    ['auth', 'GET', ['another:key']],
    ['auth', 'PUBLISH', ['channel', 'message']],
    ['verifier', 'GET', ['tr:{a}:epoch']],
    ['verifier', 'HMGET', ['tr:{keys}:ring', 'sealed']],
    ['verifier', 'HSCAN', ['tr:{users}:users', '0']],
    ['verifier', 'HGETALL', ['tr:{0123456789abcdef}:session:0123456789abcdefx']],
    ['verifier', 'HSET', ['tr:{revocations}:head', 'stream', 'another']],
    ['verifier', 'XADD', ['tr:{revocations}:stream', '*', 'a', 'b']],
    ['verifier', 'DEL', ['tr:{revocations}:entries']],
    ['verifier', 'EVAL', ["return redis.call('DEL', 'tr:{revocations}:entries')", '0']],
  ] as const)('%s may not %s %j', async (user, command, parameters) => {
    await expect(as(user).call(command, ...parameters)).rejects.toThrow(/^NOPERM/);
  });

  it.each(['INFO', 'GET', 'CLIENT', 'ACL'])('probe may not %s', async (command) => {
    await expect(probe().call(command, 'LIST')).rejects.toThrow(/^NOPERM/);
  });

  it('verifier may read what was revoked', async () => {
    await as('auth').hset('tr:{revocations}:entries', 'jti:x', '{}');
    expect(await as('verifier').hscan('tr:{revocations}:entries', '0')).toEqual(['0', ['jti:x', '{}']]);
    expect(await as('verifier').xrevrange('tr:{revocations}:stream', '+', '-', 'COUNT', '1')).toEqual([]);
  });
});
