import { describeWith, REDIS as REDIS_SERVER } from '@token-relay/testing/servers';
import { type Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { StoreServer } from '../test/store-server';
import { passwordIn, redisUrl, redisUsers } from './redis-users';
import { AUTH, RECORDS, REDIS, type Store, STORES, type StoreUser } from './stores';

const ROOT = resolve(__dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const USERS = STORES.flatMap(({ users }) => users);
const passwords = new Map(USERS.map(({ name }) => [name, randomBytes(32).toString('base64url')]));
const passwordOf = ({ name }: Pick<StoreUser, 'name'>): string => passwords.get(name) ?? '';
const linesOf = new Map(STORES.map((store) => [store.name, redisUsers(store, passwordOf).trimEnd().split('\n')]));
const lineOf = (user: string): string =>
  [...linesOf.values()].flat().find((line) => line.startsWith(`user ${user} `)) ?? '';
const commandsOf = (user: string) => [...lineOf(user).matchAll(/\+(\S+)/g)].map(([, command = '']) => command).sort();
const callsIn = (texts: readonly string[]) =>
  texts.flatMap((text) => [...text.matchAll(/redis\.call\('(\w+)'/g)].map(([, name = '']) => name.toLowerCase()));

describe("Redis' users", () => {
  it.each([
    ['redis', ['default', 'auth', 'verifier', 'probe']],
    ['records', ['default', 'resource', 'audit', 'probe']],
  ])('of %s are these, with the digests of their passwords, and commands by name', (store, names) => {
    const lines = linesOf.get(store) ?? [];
    expect(lines.map((line) => line.split(' ')[1])).toEqual(names);
    const [byDefault, ...others] = lines;
    const text = others.join('\n');
    for (const password of passwords.values()) expect(text).not.toContain(password);
    expect(text).not.toMatch(/\+@|allkeys|allchannels|allcommands|&/);
    expect(text.match(/nopass/g)).toEqual(['nopass']);
    for (const line of others)
      expect(line).toMatch(/^user \w+ on sanitize-payload (#[\da-f]{64}|nopass) resetkeys .*resetchannels -@all/);
    expect(byDefault).toBe('user default off sanitize-payload resetpass ~* resetchannels +@all');
    expect(lines.at(-1)).toMatch(/ nopass resetkeys resetchannels -@all \+ping$/);
  });

  it('have names, and secrets, of their own', () => {
    expect(new Set(USERS.map(({ name }) => name)).size).toBe(USERS.length);
    expect(new Set([...USERS.map(({ secret }) => secret), ...STORES.map(({ name }) => name)]).size).toBe(
      USERS.length + STORES.length,
    );
  });

  it('let auth do what its scripts do', () => {
    const folders = ['apps/auth/src/store', 'apps/auth/src/keys', 'apps/auth/src/users'];
    const sources = folders.flatMap((folder) =>
      readdirSync(join(ROOT, folder))
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
        .map((name) => read(join(folder, name))),
    );
    const called = callsIn([...sources, read('node_modules/rate-limiter-flexible/lib/RateLimiterRedis.js')]);
    const allowed = commandsOf('auth');
    expect(called.length).toBeGreaterThan(60);
    expect([...new Set(called)].filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it('let a verifier do what its docs say', () => {
    const [, keys, commands = ''] =
      /resetkeys (~\S+) -@all (.*) \+hello \+auth`/.exec(read('docs/revocation.md')) ?? [];
    expect(lineOf('verifier')).toContain(` ${keys} `);
    expect(commandsOf('verifier').map((name) => `+${name}`)).toEqual(commands.split(' ').sort());
  });

  it('have passwords that URLs hold, escaped or not', () => {
    expect(redisUrl(REDIS, AUTH, 'secret')).toBe('rediss://auth:secret@redis:6379');
    expect(passwordIn(AUTH, 'rediss://auth:a%2Fb@redis:6379\n')).toBe('a/b');
    expect(() => passwordIn(AUTH, 'redis')).toThrow('auth: redis-url is no URL with a password');
  });
});

const KEPT = ['string', 'hash', 'set', 'stream'].map((name) => `tr:{kept}:${name}`);

interface Documents {
  save(owner: string, document: object): Promise<boolean>;
  list(owner: string): Promise<readonly object[]>;
  find(owner: string, id: string): Promise<object | undefined>;
  isFull(owner: string): Promise<boolean>;
}
interface Entries {
  add(entry: object): Promise<void>;
  latest(limit: number): Promise<readonly object[]>;
}
/** Of another app: the border between the two is crossed here on purpose, and by nothing that is shipped. */
const classOf = async <Instance>(path: string, name: string) => {
  const module = (await import(join(ROOT, path))) as Record<string, new (redis: Redis) => Instance>;
  const found = module[name];
  if (!found) throw new Error(`${path} has no ${name}`);
  return found;
};

/** What holds for every store. */
function storeUsersContract(store: Store): () => StoreServer {
  let server: StoreServer;
  beforeAll(async () => {
    server = await StoreServer.start(store, passwordOf);
  });
  afterEach(() => server.disconnect());
  afterAll(() => server.stop());

  it('are known by their passwords, where they have one', async () => {
    for (const { name } of store.users) {
      expect(await server.as(name).info('server')).toContain('run_id');
      await expect(server.connect({ username: name, password: 'another' }).info()).rejects.toThrow('WRONGPASS');
    }
    expect(await server.probe().ping()).toBe('PONG');
  });

  it('are all that get in: nobody of another store, nobody without a name, and nobody without a certificate', async () => {
    for (const { name } of USERS.filter((user) => !store.users.includes(user))) {
      await expect(server.as(name).info()).rejects.toThrow('WRONGPASS');
    }
    await expect(server.connect({}).ping()).rejects.toThrow('NOAUTH');
    await expect(server.connect({ username: 'default', password: 'any' }).ping()).rejects.toThrow('WRONGPASS');
    await expect(server.withoutCertificate().ping()).rejects.toThrow();
  });

  it.each(store.users.map(({ name }) => name))('%s changes no setting and no user, and lists no keys', async (user) => {
    const client = server.as(user);
    for (const [command, ...parameters] of [
      ['FLUSHALL'],
      ['KEYS', '*'],
      ['SCAN', '0'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
      ['SCRIPT', 'FLUSH'],
      ['PUBLISH', 'channel', 'message'],
      ['MONITOR'],
      ['SHUTDOWN'],
    ] as const) {
      await expect(client.call(command, ...parameters)).rejects.toThrow(/^NOPERM/);
    }
  });

  it.each(['INFO', 'GET', 'CLIENT', 'ACL'])('probe may not %s', async (command) => {
    await expect(server.probe().call(command, 'LIST')).rejects.toThrow(/^NOPERM/);
  });

  return () => server;
}

describeWith(REDIS_SERVER)("the users of auth's Redis, in Redis", () => {
  const server = storeUsersContract(REDIS);

  it.each([
    ['auth', 'GET', ['another:key']],
    ['verifier', 'GET', ['tr:{a}:epoch']],
    ['verifier', 'HMGET', ['tr:{keys}:ring', 'sealed']],
    ['verifier', 'HSCAN', ['tr:{users}:users', '0']],
    ['verifier', 'HGETALL', ['tr:{0123456789abcdef}:session:0123456789abcdefx']],
    ['verifier', 'HSET', ['tr:{revocations}:head', 'stream', 'another']],
    ['verifier', 'XADD', ['tr:{revocations}:stream', '*', 'a', 'b']],
    ['verifier', 'DEL', ['tr:{revocations}:entries']],
    ['verifier', 'EVAL', ["return redis.call('DEL', 'tr:{revocations}:entries')", '0']],
  ] as const)('%s may not %s %j', async (user, command, parameters) => {
    await expect(
      server()
        .as(user)
        .call(command, ...parameters),
    ).rejects.toThrow(/^NOPERM/);
  });

  it('verifier may read what was revoked', async () => {
    await server().as('auth').hset('tr:{revocations}:entries', 'jti:x', '{}');
    expect(await server().as('verifier').hscan('tr:{revocations}:entries', '0')).toEqual(['0', ['jti:x', '{}']]);
    expect(await server().as('verifier').xrevrange('tr:{revocations}:stream', '+', '-', 'COUNT', '1')).toEqual([]);
  });

  it.each([
    [
      'a script',
      () =>
        server()
          .as('auth')
          .eval(
            `redis.call('SET', KEYS[1], 'a', 'PX', 60000) redis.call('HSET', KEYS[2], 'b', 'c')
           redis.call('PEXPIRE', KEYS[2], 60000) redis.call('ZADD', KEYS[3], 1, 'd') redis.call('XADD', KEYS[4], '*', 'e', 'f')`,
            4,
            ...KEPT,
          ),
    ],
    [
      'a transaction',
      () => {
        const [string = '', hash = '', set = '', stream = ''] = KEPT;
        const changes = server().as('auth').multi().set(string, 'a', 'PX', 60_000).hset(hash, 'b', 'c');
        return changes.pexpire(hash, 60_000).zadd(set, 1, 'd').xadd(stream, '*', 'e', 'f').exec();
      },
    ],
  ])('auth finds after a restart what %s of its wrote', async (_, write) => {
    await server()
      .as('auth')
      .del(...KEPT);
    await write();
    await server().restart();
    const auth = server().as('auth');
    expect(await auth.exists(...KEPT)).toBe(KEPT.length);
  });
});

describeWith(REDIS_SERVER)('the users of the Redis of records, in Redis', () => {
  const server = storeUsersContract(RECORDS);

  it('resource keeps documents, also when Redis starts anew', async () => {
    const RedisDocuments = await classOf<Documents>('apps/resource/src/documents/redis-documents', 'RedisDocuments');
    const documents = new RedisDocuments(server().as('resource'));
    const head = { id: 'a', title: 'Plan', createdAt: '2026-01-01T00:00:00.000Z' };
    expect(await documents.isFull('owner')).toBe(false);
    expect(await documents.save('owner', { ...head, body: 'x' })).toBe(true);
    await server().restart();
    const after = new RedisDocuments(server().as('resource'));
    expect(await after.list('owner')).toEqual([head]);
    expect(await after.find('owner', 'a')).toEqual({ ...head, body: 'x' });
  });

  it('audit keeps the latest entries, also when Redis starts anew', async () => {
    const RedisEntries = await classOf<Entries>('apps/audit/src/latest-entries', 'RedisEntries');
    const entries = new RedisEntries(server().as('audit'));
    await entries.add({ id: '1' });
    await entries.add({ id: '2' });
    await server().restart();
    expect(await new RedisEntries(server().as('audit')).latest(20)).toEqual([{ id: '2' }, { id: '1' }]);
  });

  it.each([
    ['resource', 'HGET', ['audit:latest', 'a']],
    ['resource', 'LRANGE', ['audit:latest', '0', '-1']],
    ['resource', 'DEL', ['documents:{a}:heads']],
    ['resource', 'HDEL', ['documents:{a}:heads', 'a']],
    ['resource', 'EXPIRE', ['documents:{a}:heads', '1']],
    ['resource', 'SET', ['documents:a', 'b']],
    ['resource', 'EVAL', ["return redis.call('HSET', 'audit:latest', 'a', 'b')", '0']],
    ['resource', 'EVAL', ["return redis.call('DEL', 'documents:{a}:heads')", '0']],
    ['audit', 'HVALS', ['documents:{a}:heads']],
    ['audit', 'LRANGE', ['documents:{a}:heads', '0', '-1']],
    ['audit', 'DEL', ['audit:latest']],
    ['audit', 'LSET', ['audit:latest', '0', 'another']],
    ['audit', 'LPOP', ['audit:latest']],
    ['audit', 'EVAL', ['return 1', '0']],
  ] as const)('%s may not %s %j', async (user, command, parameters) => {
    // Of what a script may not do Redis 7.0 and later ones speak differently.
    const refusal = /^NOPERM|^ERR The user executing the script can't|^ERR ACL failure in script/;
    await expect(
      server()
        .as(user)
        .call(command, ...parameters),
    ).rejects.toThrow(refusal);
  });
});
