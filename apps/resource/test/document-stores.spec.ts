import { connectRedis, connected, type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import { describeWith, REDIS, startOwnRedis, startRedis, startRedisCluster } from '@token-relay/testing/servers';
import { MAX_DOCUMENTS, newDocument } from '../src/documents/document-store';
import { EmbeddedDocuments } from '../src/documents/embedded-documents';
import { RedisDocuments } from '../src/documents/redis-documents';
import { documentStoreContract } from './document-store-contract';

describe('documents in memory', () => {
  documentStoreContract(() => Promise.resolve(new EmbeddedDocuments()));
});

describeWith(REDIS).each([
  ['Redis', startRedis],
  ['a Redis cluster', startRedisCluster],
] as const)('documents in %s', (_name, start) => {
  let server: Awaited<ReturnType<typeof start>>;
  let redis: RedisClient;

  beforeAll(async () => {
    server = await start();
    redis = connectRedis(server.url, () => undefined);
    await connected(redis);
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  // Owners are the same in every test: what the last one left goes.
  documentStoreContract(async () => {
    const nodes = 'nodes' in redis ? redis.nodes('master') : [redis];
    await Promise.all(nodes.map((node) => node.flushdb()));
    return new RedisDocuments(redis);
  });

  it('are the same for every replica', async () => {
    const document = newDocument({ title: 'Plan', body: 'x' });
    await new RedisDocuments(redis).save('owner', document);
    expect(await new RedisDocuments(redis).find('owner', document.id)).toEqual(document);
  });

  it('are saved once, however often that is asked for', async () => {
    const store = new RedisDocuments(redis);
    const document = newDocument({ title: 'Plan', body: 'x' });
    expect(await store.save('repeater', document)).toBe(true);
    expect(await store.save('repeater', document)).toBe(true);
    expect(await store.list('repeater')).toHaveLength(1);
  });

  it('are saved again, as they were, for an owner who has as many as there may be', async () => {
    const store = new RedisDocuments(redis);
    const first = newDocument({ title: 'Plan', body: 'x' });
    await store.save('collector', first);
    for (let i = 1; i < MAX_DOCUMENTS; i++) await store.save('collector', newDocument({ title: `${i}`, body: '' }));
    expect(await store.save('collector', newDocument({ title: 'one more', body: '' }))).toBe(false);
    expect(await store.save('collector', { ...first, body: 'another' })).toBe(true);
    expect(await store.find('collector', first.id)).toEqual(first);
  });
});

describeWith(REDIS)('documents in a Redis that is away', () => {
  it('are neither there nor missing: nobody can say', async () => {
    const server = await startOwnRedis();
    const redis = connectRedis(server.url, () => undefined);
    try {
      await connected(redis);
      await server.stop();
      const store = new RedisDocuments(redis);
      for (const asked of [
        store.list('owner'),
        store.find('owner', 'id'),
        store.isFull('owner'),
        store.save('owner', newDocument({ title: 'Plan', body: '' })),
      ]) {
        await expect(asked).rejects.toThrow(StoreUnavailable);
      }
    } finally {
      redis.disconnect();
      await server.stop();
    }
  });
});
