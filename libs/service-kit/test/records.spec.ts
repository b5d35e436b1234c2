import {
  describeWith,
  MountedSecret,
  type OwnRedis,
  REDIS,
  startOwnRedis,
  startTlsRedis,
  TestCa,
} from '@token-relay/testing/servers';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { connected, type RedisClient, Records, redisUrl, ServiceTls } from '../src';

/** What was warned of, as it was said. */
class Warnings {
  readonly said: string[] = [];
  readonly warn = (...words: unknown[]): void => void this.said.push(String(words.at(-1)));
}

describe('records', () => {
  it('are in memory where nobody says where they are, which is warned of', () => {
    const logger = new Warnings();
    expect(new Records({}, logger).redis).toBeUndefined();
    expect(logger.said).toEqual([expect.stringMatching(/^records are in the memory of this process/)]);
  });

  it.each([
    ['redis://host', true],
    ['rediss://user:password@host:6379', true],
    ['rediss://a:1, rediss://b:2', true],
    [undefined, true],
    ['https://host', false],
    ['redis://', false],
    ['redis://a,b', false],
  ])('have an URL of Redis: %p is one, or none is needed: %p', (url, isGood) => {
    expect(z.object({ RECORDS_URL: redisUrl().optional() }).safeParse({ RECORDS_URL: url }).success).toBe(isGood);
  });
});

describeWith(REDIS)('records in a Redis', () => {
  const opened: Records[] = [];
  function open(url: string, logger = new Warnings(), tls?: ServiceTls): RedisClient {
    const records = new Records({ RECORDS_URL: url }, logger, tls);
    opened.push(records);
    if (!records.redis) throw new Error('there is no connection');
    return records.redis;
  }
  afterEach(() => {
    for (const records of opened.splice(0)) records.onApplicationShutdown();
  });

  it('are warned of once each time they go away, and never while they are there', async () => {
    const logger = new Warnings();
    let server: OwnRedis = await startOwnRedis();
    const redis = open(server.url, logger);
    let attempts = 0;
    redis.on('error', () => attempts++);
    try {
      expect(await connected(redis)).toBe(true);
      expect(logger.said).toEqual([]);
      for (const outage of [1, 2]) {
        await server.stop();
        for (attempts = 0; attempts < 3;) await sleep(10);
        expect(logger.said).toEqual(Array(outage).fill('trouble with the Redis of RECORDS_URL'));
        server = await startOwnRedis([], server.port);
        expect(await connected(redis)).toBe(true);
      }
    } finally {
      await server.stop();
    }
  });

  it("are read and written with the service's certificate, by what REDIS_CA_FILE holds", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'records-'));
    const [ca, redisCa] = [await TestCa.create('CN=Services'), await TestCa.create('CN=Redis')];
    const files = new MountedSecret(folder, { ...(await redisCa.issue(['127.0.0.1'])), ca: ca.pem });
    const REDIS_CA_FILE = join(folder, 'redis-ca.crt');
    writeFileSync(REDIS_CA_FILE, redisCa.pem);
    const secret = new MountedSecret(folder, await ca.issue(['resource']));
    const tls = new ServiceTls(
      { ...secret.environment, REDIS_CA_FILE },
      { info: () => undefined, warn: () => undefined },
    );
    const server = await startTlsRedis({
      cert: files.path('tls.crt'),
      key: files.path('tls.key'),
      ca: files.path('ca.crt'),
    });
    try {
      const redis = open(server.url, new Warnings(), tls);
      expect(await connected(redis)).toBe(true);
      expect(await redis.ping()).toBe('PONG');
      expect(await connected(open(server.url), 700)).toBe(false);
    } finally {
      tls.close();
      await server.stop();
      rmSync(folder, { recursive: true });
    }
  });
});
