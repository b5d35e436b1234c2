import { connected, connectRedis, type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import {
  describeWith,
  type OwnRedis,
  REDIS,
  startOwnRedis,
  startRedis,
  startRedisCluster,
  type TestServer,
} from '@token-relay/testing/servers';
import { countersIn, Throttle } from '../src/users/throttle';
import { describeThrottle } from './throttle-contract';

const RULE = { free: 3, memorySeconds: 60, firstDelaySeconds: 1, longestDelaySeconds: 2 };

describe('a throttle in memory', () => {
  describeThrottle((rule) => {
    const throttle = new Throttle(rule, countersIn(undefined));
    return [throttle, throttle];
  });
});

describeWith(REDIS).each([
  ['one Redis', startRedis],
  ['a cluster of three', startRedisCluster],
])('a throttle in Redis, on %s', (_what, start) => {
  let server: TestServer;
  let clients: RedisClient[];

  beforeAll(async () => {
    server = await start();
    clients = [connectRedis(server.url, () => undefined), connectRedis(server.url, () => undefined)];
    expect(await Promise.all(clients.map((client) => connected(client)))).toEqual([true, true]);
  }, 60_000);
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });

  describeThrottle((rule) => [new Throttle(rule, countersIn(clients[0])), new Throttle(rule, countersIn(clients[1]))]);
});

describeWith(REDIS)('a throttle in Redis, while Redis is away', () => {
  it.each([
    ['stopped', (server: OwnRedis): Promise<void> => server.stop()],
    ['frozen', (server: OwnRedis): Promise<void> => Promise.resolve(server.signal('SIGSTOP'))],
  ])('lets nobody pass: %s', async (_how, leave) => {
    const server = await startOwnRedis();
    const redis = connectRedis(server.url, () => undefined);
    const throttle = new Throttle(RULE, countersIn(redis));
    try {
      expect(await connected(redis)).toBe(true);
      const attempt = await throttle.begin('thing');
      await leave(server);
      for (const asked of [
        () => throttle.wait('thing'),
        () => throttle.begin('thing'),
        () => throttle.takeBack('thing', attempt),
        () => throttle.clear('thing'),
      ]) {
        await expect(asked()).rejects.toBeInstanceOf(StoreUnavailable);
      }
    } finally {
      redis.disconnect();
      server.signal('SIGCONT');
      await server.stop();
    }
  });
});
