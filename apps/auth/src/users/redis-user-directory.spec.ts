import { Logger } from '@nestjs/common';
import {
  describeWith,
  REDIS,
  startOwnRedis,
  startRedis,
  startRedisCluster,
  type TestServer,
} from '@token-relay/testing/servers';
import { connected, connectRedis, type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import { RedisUserDirectory } from './redis-user-directory';
import { type User } from './user-record';
import { UnreadableUser, UsersInRedis } from './users-in-redis';

const alice: User = {
  sub: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
  username: 'alice',
  passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g',
  scopes: ['documents:read'],
};
const bob: User = { ...alice, username: 'bob', sub: '0d2f6f0e-53f7-4c53-8a3b-0a9f7c1b2d33' };
const KEYS = ['tr:{users}:users', 'tr:{users}:pending'] as const;

describeWith(REDIS).each([
  ['one Redis', startRedis],
  ['a cluster', startRedisCluster],
])('RedisUserDirectory, on %s', (_what, start) => {
  let server: TestServer;
  let redis: RedisClient;
  let users: UsersInRedis;
  let directory: RedisUserDirectory;
  const revoked: string[] = [];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    server = await start();
    redis = connectRedis(server.url, () => undefined);
    await connected(redis);
    users = new UsersInRedis(redis);
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    for (const key of KEYS) await redis.del(key);
    revoked.length = 0;
    directory = new RedisUserDirectory(redis);
  });
  afterEach(() => directory.close());

  const save = async (user: User, revoke = false) => {
    const saved = await users.save(user, await users.find(user.username), revoke);
    if (!saved) throw new Error('another was faster');
    return saved.due;
  };
  const watch = async (revoke = (subject: string) => Promise.resolve(void revoked.push(subject))) => {
    directory.watch(revoke);
    await directory.look();
  };

  it('finds users by the exact name, as they are now', async () => {
    await save(alice);
    expect(await directory.find('alice')).toEqual(alice);
    for (const name of ['Alice', 'alice ', 'bob', 'toString', '']) expect(await directory.find(name)).toBeUndefined();
    await save({ ...alice, disabled: true });
    expect(await directory.find('alice')).toEqual({ ...alice, disabled: true });
  });

  it.each([
    ['no JSON', 'x'],
    ['no user', '{}'],
    ['another user', JSON.stringify(bob)],
    ['a user with a member that nobody knows', JSON.stringify({ ...alice, disable: true })],
  ])('can not tell who it is with %s under the name', async (_what, text) => {
    await redis.hset(KEYS[0], 'alice', text);
    await expect(directory.find('alice')).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(users.all()).rejects.toBeInstanceOf(UnreadableUser);
  });

  it('writes nothing over a change that it has not seen', async () => {
    expect(await users.save(alice, undefined, false)).toEqual({ due: undefined });
    expect(await users.save({ ...bob, username: 'alice' }, undefined, true)).toBe(false);
    const before = await users.find('alice');
    await save({ ...alice, scopes: [] });
    expect(await users.save({ ...alice, disabled: true }, before, true)).toBe(false);
    expect(await directory.find('alice')).toEqual({ ...alice, scopes: [] });
    expect(await users.pending()).toEqual([]);
  });

  it('reports whom a change has taken something from, once, also from before it was watched', async () => {
    await save(alice);
    await save(bob);
    const due = await save({ ...alice, disabled: true }, true);
    expect(due && (await users.isPending(due))).toBe(true);
    await watch();
    expect(revoked).toEqual([alice.sub]);
    expect(due && (await users.isPending(due))).toBe(false);
    await directory.look();
    expect(revoked).toEqual([alice.sub]);
  });

  it('reports by itself', async () => {
    const reported = new Promise((resolve) => {
      directory.watch((subject) => Promise.resolve(resolve(subject)));
    });
    await save(alice, true);
    expect(await reported).toBe(alice.sub);
  });

  it('reports until that succeeds, and nobody waits for somebody else', async () => {
    await save(alice, true);
    await save(bob, true);
    let fails = true;
    await watch((subject) => {
      if (fails && subject === alice.sub) return Promise.reject(new Error('store away'));
      return Promise.resolve(void revoked.push(subject));
    });
    expect(revoked).toEqual([bob.sub]);
    expect((await users.pending()).map(({ username }) => username)).toEqual(['alice']);
    fails = false;
    await directory.look();
    expect(revoked).toEqual([bob.sub, alice.sub]);
    expect(await users.pending()).toEqual([]);
  });

  it('reports once more who changes while being reported', async () => {
    await save(alice, true);
    await watch(async (subject) => {
      if (revoked.push(subject) === 1) await save({ ...alice, disabled: true }, true);
    });
    expect(await users.pending()).toHaveLength(1);
    await directory.look();
    expect(revoked).toEqual([alice.sub, alice.sub]);
    expect(await users.pending()).toEqual([]);
  });
});

describeWith(REDIS)('RedisUserDirectory, while Redis is away', () => {
  it('says that it can not tell, and goes on when Redis is back', async () => {
    Logger.overrideLogger(false);
    let server = await startOwnRedis();
    const redis = connectRedis(server.url, () => undefined);
    const directory = new RedisUserDirectory(redis);
    try {
      await connected(redis);
      const reported = new Promise((resolve) => {
        directory.watch((subject) => Promise.resolve(resolve(subject)));
      });
      await server.stop();
      await expect(directory.find('alice')).rejects.toBeInstanceOf(StoreUnavailable);
      await directory.look();
      server = await startOwnRedis([], server.port);
      while (redis.status !== 'ready') await new Promise((resolve) => setTimeout(resolve, 10));
      await new UsersInRedis(redis).save(alice, undefined, true);
      expect(await reported).toBe(alice.sub);
    } finally {
      await directory.close();
      redis.disconnect();
      await server.stop();
    }
  });
});
