import { describeWith, type OwnRedis, REDIS, startOwnRedis } from '@token-relay/testing/servers';
import Redis from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisRevocations, type RevocationEntry, REVOCATION_KEYS } from '../src';
import { principalOf } from './principals';

const ISSUER = 'https://issuer.test';
const LIMIT_MS = 8_000;
const { head, stream, entries } = REVOCATION_KEYS;

describeWith(REDIS)('revocations read from Redis', () => {
  let server: OwnRedis;
  let auth: Redis;
  const open: RedisRevocations[] = [];
  const told: string[] = [];

  beforeAll(async () => {
    server = await startOwnRedis();
    auth = new Redis(server.url);
    // What stands in the docs, and not a command more.
    await auth.call(
      'ACL',
      ...['SETUSER', 'verifier', 'on', '>secret', 'resetkeys', '~tr:{revocations}:*', '-@all'],
      ...['+hmget', '+hscan', '+xread', '+xrevrange', '+info', '+hello', '+auth'],
    );
  });
  beforeEach(async () => {
    await auth.flushall();
    told.length = 0;
  });
  afterEach(() => {
    for (const source of open.splice(0)) source.close();
  });
  afterAll(async () => {
    auth.disconnect();
    await server.stop();
  });

  /** As auth writes them. */
  async function begin(streamId: string): Promise<void> {
    await auth.del(stream);
    const [, node = ''] = /run_id:(\w+)/.exec(await auth.info('server')) ?? [];
    await auth.hset(head, { stream: streamId, created: Date.now(), last: 0, tail: streamId, node });
  }
  async function revoke(entry: RevocationEntry): Promise<void> {
    const [streamId = '', previous = ''] = (await auth.hmget(head, 'stream', 'tail')) as string[];
    const n = await auth.hincrby(head, 'last', 1);
    const id = `${streamId}:${n}`;
    const field = `${entry.kind}:${'value' in entry ? entry.value : ''}`;
    if (entry.kind !== 'keys') await auth.hset(entries, field, JSON.stringify(entry));
    await auth
      .multi()
      .hset(head, 'tail', id)
      .xadd(stream, `${n}-0`, 'stream', streamId, 'id', id, 'previous', previous, 'entry', JSON.stringify(entry))
      .exec();
  }
  function source(): RedisRevocations {
    const made = new RedisRevocations({
      issuer: ISSUER,
      connect: () => {
        const redis = new Redis(server.url, {
          username: 'verifier',
          password: 'secret',
          commandTimeout: 2_000,
          enableOfflineQueue: false,
          maxRetriesPerRequest: 1,
          retryStrategy: () => 50,
        });
        redis.on('error', () => undefined);
        return redis;
      },
      observer: {
        followed: () => told.push('followed'),
        lost: ({ reason }) => told.push(`lost: ${reason}`),
      },
    });
    open.push(made);
    return made;
  }
  const jti = (value: string): RevocationEntry => ({ kind: 'jti', value, until: Math.floor(Date.now() / 1000) + 600 });
  const isRevoked = (at: RedisRevocations, value: string): boolean => at.isRevoked(principalOf({ jti: value }));
  async function until(holds: () => boolean): Promise<void> {
    for (const end = performance.now() + LIMIT_MS; !holds(); await sleep(5)) {
      if (performance.now() > end) throw new Error(`it does not come true: ${told.join('; ')}`);
    }
  }

  it('are heard of by a user that may read, and nothing else', async () => {
    await begin('one');
    await revoke(jti('before'));
    const one = source();
    expect(() => isRevoked(one, 'any')).toThrow('Whether the access token was revoked is not known.');
    await one.start();
    expect(isRevoked(one, 'before')).toBe(true);
    expect(isRevoked(one, 'later')).toBe(false);
    const changed = new Promise<void>((resolve) => one.subscribe(resolve));
    await revoke(jti('later'));
    await changed;
    expect(isRevoked(one, 'later')).toBe(true);
    expect(one.ageSeconds).toBeLessThan(2);
    expect(one.stats).toEqual({ entries: 2, hits: 2 });
    const verifier = new Redis(server.url, { username: 'verifier', password: 'secret' });
    await expect(verifier.hset(head, 'stream', 'mine')).rejects.toThrow('NOPERM');
    await expect(verifier.get('another')).rejects.toThrow('NOPERM');
    verifier.disconnect();
  });

  it('tell of a key that is revoked, and that the keys have changed', async () => {
    await begin('one');
    const one = source();
    await one.start();
    const keysChanged = new Promise<void>((resolve) => one.onKeysChanged(resolve));
    expect(one.isKeyRevoked(ISSUER, 'key-9')).toBe(false);
    await revoke({ kind: 'kid', value: 'key-9' });
    await revoke({ kind: 'keys', version: 2 });
    await keysChanged;
    expect(['key-9', 'key-1'].map((kid) => one.isKeyRevoked(ISSUER, kid))).toEqual([true, false]);
    expect(one.stats.entries).toBe(1);
  });

  it('are not complete where there is no stream', async () => {
    const one = source();
    void one.start();
    await until(() => told.some((line) => line.includes('holds no stream')));
    expect(one.ready).toBe(false);
    await begin('one');
    await one.start();
    expect(one.ready).toBe(true);
  });

  it('are kept when the store is emptied', async () => {
    await begin('one');
    await revoke(jti('known'));
    const one = source();
    await one.start();
    await auth.flushall();
    await until(() => one.ageSeconds > 0.7);
    expect(isRevoked(one, 'known')).toBe(true);
    await begin('two');
    await revoke(jti('new'));
    await until(() => one.ageSeconds < 0.7 && isRevoked(one, 'new'));
    expect(isRevoked(one, 'known')).toBe(true);
  });

  it('grow old while the server is frozen, and are heard of again', async () => {
    await begin('one');
    const one = source();
    await one.start();
    server.signal('SIGSTOP');
    try {
      await until(() => one.ageSeconds > 3);
      expect(told.filter((line) => line.startsWith('lost'))).toHaveLength(1);
    } finally {
      server.signal('SIGCONT');
    }
    await revoke(jti('after'));
    await until(() => isRevoked(one, 'after') && one.ageSeconds < 1);
  }, 20_000);

  it('are not vouched for by another server, before auth has looked at it', async () => {
    await begin('one');
    const one = source();
    await one.start();
    await auth.hset(head, 'node', 'another');
    await until(() => told.some((line) => line.includes('which no auth has looked at yet')));
    await until(() => one.ageSeconds > 0.7);
    await begin('two');
    await until(() => one.ageSeconds < 0.7);
  });

  it('are vouched for by a replica as long as it hears its primary, and as old as it may be behind', async () => {
    await begin('one');
    const primary = await startOwnRedis();
    const one = source();
    await one.start();
    try {
      const copy = new Redis(primary.url);
      await auth.call('REPLICAOF', '127.0.0.1', String(primary.port));
      await until(() =>
        told.some((line) => line.includes('a replica without its primary') || line.includes('no stream')),
      );
      const node = 'the run id of the primary';
      await copy.hset(head, { stream: 'three', created: Date.now(), last: 0, tail: 'three', node });
      await until(() => told.filter((line) => line === 'followed').length === 2);
      // Whole seconds are all that a replica says of it.
      expect(one.ageSeconds).toBeGreaterThanOrEqual(1);
      expect(one.ageSeconds).toBeLessThan(5);
      copy.disconnect();
      primary.signal('SIGKILL');
      await until(() => told.at(-1) === 'lost: this Redis is a replica without its primary');
      await until(() => one.ageSeconds > 4);
    } finally {
      await auth.call('REPLICAOF', 'NO', 'ONE');
      await primary.stop();
    }
  }, 20_000);

  it.each([
    ['no issuer', { issuer: '' }, 'issuer: required'],
    ['no connection', { connect: undefined }, 'connect: required'],
  ])('are not read with %s', (_what, options, message) => {
    const all = { issuer: ISSUER, connect: () => auth, ...options };
    expect(() => new RedisRevocations(all as ConstructorParameters<typeof RedisRevocations>[0])).toThrow(message);
  });
});
