import { type Principal, type RevocationEntry } from '@token-relay/jwt-guard';
import { connected, connectRedis, type RedisClient } from '@token-relay/service-kit';
import { describeWith, REDIS, startOwnRedis, type TestServer } from '@token-relay/testing/servers';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RevocationLog, type RevocationLogOptions } from '../src/revocation/revocation-log';
import { Revocations } from '../src/revocation/revocations';
import { RedisStore } from '../src/store/redis-store';

const ISSUER = 'https://issuer.test';
const LIMIT_MS = 5_000;

const principal = (claims: Record<string, unknown> & { jti?: string; sub?: string; sid?: string }) =>
  ({
    issuer: ISSUER,
    subject: claims.sub ?? 'somebody',
    tokenId: claims.jti ?? randomUUID(),
    sessionId: claims.sid,
    keyId: 'key',
    claims: { iat: Math.floor(Date.now() / 1000) + 60, ...claims },
  }) as unknown as Principal;

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it does not come true');
    await sleep(10);
  }
}

describeWith(REDIS)('the log of an auth', () => {
  let server: TestServer;
  let redis: RedisClient;
  const logs: RevocationLog[] = [];
  const stores: RedisStore[] = [];

  beforeAll(async () => {
    server = await startOwnRedis();
    redis = connectRedis(server.url, () => undefined);
    await connected(redis);
  });
  beforeEach(() => redis.flushall());
  afterEach(() => {
    for (const log of logs.splice(0)) log.close();
    for (const store of stores.splice(0)) store.close();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  /** One auth of several. */
  async function start(options: Partial<RevocationLogOptions> = {}) {
    const [commands, waiting] = [
      connectRedis(server.url, () => undefined),
      connectRedis(server.url, () => undefined, 'waiting'),
    ];
    await Promise.all([connected(commands), connected(waiting)]);
    const store = new RedisStore(commands, waiting);
    stores.push(store);
    const log = new RevocationLog({ issuer: ISSUER, store, ...options });
    logs.push(log);
    await log.start();
    return { log, store, revocations: new Revocations(log, store) };
  }
  /** As every connection breaks, when a server is replaced by another. */
  const breakConnections = async (): Promise<void> => {
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  };
  const isRevoked = (log: RevocationLog, claims: Parameters<typeof principal>[0]): boolean =>
    log.isRevoked(principal(claims));

  it('begins by refusing everything that was issued before, and issues what counts', async () => {
    const { log } = await start();
    const now = Math.floor(Date.now() / 1000);
    expect(isRevoked(log, { iat: now - 1 })).toBe(true);
    expect(isRevoked(log, { iat: log.issuedAt() })).toBe(false);
  });

  it('revokes here at once, and at another one in a moment', async () => {
    const [one, other] = [await start(), await start()];
    const jti = randomUUID();
    await one.revocations.revokeToken(jti);
    expect(isRevoked(one.log, { jti })).toBe(true);
    await until(() => isRevoked(other.log, { jti }));
    expect(other.log.events.last).toBe(2);
  });

  it('gives a user an epoch that only rises, which both have', async () => {
    const [one, other] = [await start(), await start()];
    const sub = randomUUID();
    const before = await one.store.mint({
      subject: sub,
      jti: '1',
      expiresAt: Date.now(),
      now: 1,
      defaultEpoch: one.log.firstEpoch,
    });
    const first = await one.revocations.revokeSubject(sub);
    const second = await other.revocations.revokeSubject(sub);
    expect(first).toMatchObject({ kind: 'sub', value: sub });
    const [a, b] = [first, second].map((entry) => (entry as Extract<RevocationEntry, { kind: 'sub' }>).epoch);
    expect(before).toBeLessThan(a ?? 0);
    expect(a).toBeLessThan(b ?? 0);
    const now = await one.store.mint({ subject: sub, jti: '2', expiresAt: Date.now(), now: 1, defaultEpoch: 0 });
    expect(now).toBe(b);
    await until(() => isRevoked(one.log, { sub, sub_epoch: a }));
    expect(isRevoked(one.log, { sub, sub_epoch: now })).toBe(false);
    expect(isRevoked(other.log, { sub, sub_epoch: before })).toBe(true);
  });

  it('finishes what one left that crashed between revoking a user and raising the epoch', async () => {
    const { log, store } = await start();
    const epoch = Date.now() + 5;
    const until_ = Math.floor(Date.now() / 1000) + 600;
    await store.append(log.events.streamId, { kind: 'sub', value: 'u', epoch, until: until_ });
    await until(async () => (await store.epoch('u')) === epoch);
  });

  it('finishes it at its start, too', async () => {
    const { log, store } = await start();
    const epoch = Date.now() + 5;
    const until_ = Math.floor(Date.now() / 1000) + 600;
    log.close();
    await store.append(log.events.streamId, { kind: 'sub', value: 'u', epoch, until: until_ });
    await start();
    expect(await store.epoch('u')).toBe(epoch);
  });

  it('notices that the store was emptied: everything issued before is refused, and what was revoked stays so', async () => {
    const [one, other] = [await start(), await start()];
    await one.log.publish({ kind: 'kid', value: 'leaked' });
    const issued = one.log.issuedAt();
    const { streamId } = one.log.events;
    await redis.flushall();
    for (const { log } of [one, other]) {
      await until(() => log.events.streamId !== streamId && isRevoked(log, { iat: issued }));
      expect(isRevoked(log, { origin_kid: 'leaked' })).toBe(true);
      expect(isRevoked(log, { iat: log.issuedAt() })).toBe(false);
    }
    const third = await start();
    expect(isRevoked(third.log, { origin_kid: 'leaked' })).toBe(true);
    expect(isRevoked(third.log, { iat: issued })).toBe(true);
  });

  it('whose clock is ahead refuses what it issued itself before the store was emptied', async () => {
    const one = await start();
    const ahead = await start({ now: () => Date.now() / 1000 + 4 });
    const issued = ahead.log.issuedAt();
    await redis.flushall();
    for (const { log } of [one, ahead]) await until(() => isRevoked(log, { iat: issued }));
  });

  it('whose clock is ahead refuses what it issued before another revoked everything, and nothing that it issues then', async () => {
    const one = await start();
    const ahead = await start({ now: () => Date.now() / 1000 + 4 });
    const issued = ahead.log.issuedAt();
    const entry = await one.revocations.revokeAll();
    expect(entry).toMatchObject({ kind: 'all' });
    expect((entry as { notBefore: number }).notBefore).toBeLessThan(issued);
    for (const { log } of [one, ahead]) await until(() => isRevoked(log, { iat: issued }));
    const next = ahead.log.issuedAt();
    const { last } = ahead.log.events;
    await until(() => one.log.events.last >= last);
    await sleep(100);
    for (const { log } of [one, ahead]) expect(isRevoked(log, { iat: next })).toBe(false);
    expect(ahead.log.events.last).toBeLessThanOrEqual(last + 1);
  });

  it('puts back what the store has lost, under a new stream, so that nobody misses it', async () => {
    const [one, other] = [await start(), await start()];
    const kept = Buffer.from('tr:{revocations}:entries');
    const dump = await redis.dumpBuffer(kept);
    const head = await redis.hgetall('tr:{revocations}:head');
    const jti = randomUUID();
    await one.revocations.revokeToken(jti);
    await until(() => isRevoked(other.log, { jti }));
    other.log.close();
    // As a replica is promoted that hadn't heard of it.
    await redis.restore('tr:{revocations}:entries', 0, dump, 'REPLACE');
    await redis.hset('tr:{revocations}:head', head);
    await redis.xdel('tr:{revocations}:stream', '2-0');
    await breakConnections();
    await until(() => one.log.events.streamId !== head.stream);
    const third = await start();
    expect(isRevoked(third.log, { jti })).toBe(true);
    expect(third.log.events.streamId).toBe(one.log.events.streamId);
  });

  it('notices others in the place of events that are lost, though nothing broke', async () => {
    const { log, store, revocations } = await start();
    const head = await redis.hgetall('tr:{revocations}:head');
    await revocations.revokeToken('lost');
    await until(() => log.events.last === 2);
    // The same number again, for something else.
    await redis.hset('tr:{revocations}:head', head);
    await redis.hdel('tr:{revocations}:entries', 'jti:lost');
    await redis.xtrim('tr:{revocations}:stream', 'MAXLEN', 1);
    await redis.del('tr:{revocations}:stream');
    await store.append(head.stream ?? '', { kind: 'jti', value: 'other', until: Date.now() });
    await until(() => log.events.streamId !== head.stream && isRevoked(log, { jti: 'other' }));
    expect(isRevoked(log, { jti: 'lost' })).toBe(true);
    expect(await redis.hexists('tr:{revocations}:entries', 'jti:lost')).toBe(1);
  });

  it('is not up to date with a Redis that is not the primary any more, though that answers', async () => {
    const { log } = await start();
    const primary = await startOwnRedis();
    try {
      await redis.call('REPLICAOF', '127.0.0.1', String(primary.port));
      await until(() => log.ageSeconds > 1.5);
      await expect(log.publish({ kind: 'kid', value: 'k' })).rejects.toMatchObject({ code: 'store_unavailable' });
      await redis.call('REPLICAOF', 'NO', 'ONE');
      await until(() => log.ageSeconds < 1);
    } finally {
      await redis.call('REPLICAOF', 'NO', 'ONE');
      await primary.stop();
    }
  }, 20_000);

  it('renews the stream of a Redis that is another one than before: who has followed that takes everything again', async () => {
    const { log, store } = await start();
    const { streamId } = log.events;
    // As the replica has it that was promoted: all but the server.
    await redis.hset('tr:{revocations}:head', 'node', '0'.repeat(40));
    expect(await store.append(streamId, { kind: 'kid', value: 'k' })).toBeUndefined();
    await log.publish({ kind: 'kid', value: 'k' });
    await until(() => log.events.streamId !== streamId);
    const third = await start();
    expect(isRevoked(third.log, { origin_kid: 'k' })).toBe(true);
  });

  it('that starts with a Redis that has started too refuses what was issued before, unless that forgets nothing', async () => {
    const { log } = await start();
    const issued = log.issuedAt();
    log.close();
    await redis.hset('tr:{revocations}:head', 'node', '0'.repeat(40));
    const second = await start();
    await until(() => isRevoked(second.log, { iat: issued }));
    const issuedThen = second.log.issuedAt();
    second.log.close();
    await redis.config('SET', 'appendonly', 'yes');
    try {
      await redis.hset('tr:{revocations}:head', 'node', '1'.repeat(40));
      const third = await start();
      await sleep(100);
      expect(isRevoked(third.log, { iat: issuedThen })).toBe(false);
    } finally {
      await redis.config('SET', 'appendonly', 'no');
    }
  });

  it('renews the stream when it could not before', async () => {
    const { log, store } = await start();
    const head = await redis.hgetall('tr:{revocations}:head');
    await log.publish({ kind: 'kid', value: 'lost' });
    await until(() => log.events.last === 2);
    const renew = jest.spyOn(store, 'renew').mockRejectedValueOnce(new Error('not now'));
    await redis.hset('tr:{revocations}:head', head);
    await redis.hdel('tr:{revocations}:entries', 'kid:lost');
    await redis.del('tr:{revocations}:stream');
    await until(() => renew.mock.calls.length >= 2 && log.events.streamId !== head.stream);
    expect(await redis.hexists('tr:{revocations}:entries', 'kid:lost')).toBe(1);
  });

  it('issues nothing while that would have to be in the future', async () => {
    const { log, store } = await start();
    const ahead = Math.floor(Date.now() / 1000) + 30;
    await store.append(log.events.streamId, { kind: 'all', notBefore: ahead, until: ahead + 960 });
    await until(() => isRevoked(log, { iat: ahead }));
    expect(() => log.issuedAt()).toThrow('Store Unavailable');
  });

  it('goes on in the same stream when only its connections broke', async () => {
    const { log, revocations } = await start();
    const { streamId } = log.events;
    for (let i = 0; i < 3; i++) {
      const jti = randomUUID();
      await breakConnections();
      await until(() =>
        revocations.revokeToken(jti).then(
          () => true,
          () => false,
        ),
      );
      expect(isRevoked(log, { jti })).toBe(true);
    }
    await until(() => log.events.last >= 4);
    expect(log.events.streamId).toBe(streamId);
  });

  it('knows since when sessions count, also of what is no entry any more and was before its time', async () => {
    const { log } = await start();
    const before = log.sessionsNotBefore;
    expect(before).toBeGreaterThan(0);
    await redis.hset('tr:{revocations}:head', 'notBefore', before + 100);
    await redis.hdel('tr:{revocations}:entries', 'all:');
    const { log: later } = await start();
    expect(later.sessionsNotBefore).toBe(before + 100);
  });

  it('remembers events, so that whoever was away can go on', async () => {
    const { log, revocations } = await start();
    const jtis = [randomUUID(), randomUUID(), randomUUID()];
    for (const jti of jtis) await revocations.revokeToken(jti);
    await until(() => log.events.last === 4);
    const { streamId } = log.events;
    const another = await start();
    for (const { events } of [log, another.log]) {
      expect(events.after(streamId, 1, 10)?.map(({ entry }) => 'value' in entry && entry.value)).toEqual(jtis);
      expect(events.after(streamId, 4, 10)).toEqual([]);
      expect(events.after(streamId, 5, 10)).toBeUndefined();
      expect(events.after('another', 1, 10)).toBeUndefined();
    }
  });

  it('says how old its knowledge is, while Redis is away', async () => {
    const lost: string[] = [];
    const { log } = await start({ observer: { lost: ({ reason }) => lost.push(reason) } });
    expect(log.ageSeconds).toBeLessThan(2);
    await redis.call('CLIENT', 'PAUSE', '2500', 'ALL');
    await until(() => log.ageSeconds > 1.2);
    await until(() => lost.length > 0);
    await until(() => log.ageSeconds < 1);
    expect(lost).toHaveLength(1);
  }, 15_000);
});
