import { connectRedis, connected, type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import { describeWith, REDIS, startOwnRedis, type TestServer } from '@token-relay/testing/servers';
import { type AuditEntry, type LatestEntries } from './audit-log';
import { EmbeddedEntries, KEPT, RedisEntries } from './latest-entries';

const entry = (target: string): AuditEntry => ({
  id: target,
  recordedAt: '2026-01-01T00:00:00.000Z',
  action: 'a.b',
  target,
  principal: '1:i:alice',
  subject: 'alice',
  actor: ['gateway'],
  tokenId: 't',
});

function latestEntriesContract(fresh: () => LatestEntries): void {
  it('lists the latest first, and no more than it keeps', async () => {
    const entries = fresh();
    for (let i = 0; i <= KEPT; i++) await entries.add(entry(`${i}`));
    expect(await entries.latest(2)).toEqual([entry(`${KEPT}`), entry(`${KEPT - 1}`)]);
    const all = await entries.latest(KEPT + 1);
    expect(all).toHaveLength(KEPT);
    expect(all.at(-1)?.target).toBe('1');
  });
}

describe('the latest entries in memory', () => {
  latestEntriesContract(() => new EmbeddedEntries());
});

describeWith(REDIS)('the latest entries in Redis', () => {
  let server: TestServer;
  let redis: RedisClient;

  beforeAll(async () => {
    server = await startOwnRedis();
    redis = connectRedis(server.url, () => undefined);
    await connected(redis);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  latestEntriesContract(() => new RedisEntries(redis));

  it('can not be had, nor added to, where Redis refuses', async () => {
    await redis.set('audit:latest', 'something else');
    const entries = new RedisEntries(redis);
    await expect(entries.add(entry('1'))).rejects.toThrow(StoreUnavailable);
    await expect(entries.latest(1)).rejects.toThrow(StoreUnavailable);
  });
});
