import {
  describeWith,
  REDIS,
  startOwnRedis,
  startRedis,
  startRedisCluster,
  TcpProxy,
  type TestServer,
} from '@token-relay/testing/servers';
import { connected, connectRedis, type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import { RedisStore } from '../../src/store/redis-store';
import { slotOf } from '../../src/store/slot';
import { describeSessions } from './session-contract';
import { describeStore } from './store-contract';

describeWith(REDIS)('the Redis store, while Redis is away', () => {
  it('says that it can not tell, in time', async () => {
    const server = await startOwnRedis();
    const [commands, waiting] = [connectRedis(server.url, () => undefined), connectRedis(server.url, () => undefined)];
    const store = new RedisStore(commands, waiting);
    try {
      await Promise.all([connected(commands), connected(waiting)]);
      await server.stop();
      const user = {
        subject: 's',
        username: 's',
        credential: 'c',
        clientId: 'c',
        scopes: [],
        authTime: 1,
        notBefore: 0,
      };
      const session = { id: 'x'.repeat(38), ...user, defaultEpoch: 1, tokenHash: 'h' };
      for (const asked of [
        () => store.head(),
        () => store.begin({ notBefore: 1, keptSeconds: 1 }),
        () => store.append('stream', { kind: 'kid', value: 'k' }),
        () => store.mint({ subject: 's', jti: 'j', expiresAt: 1, defaultEpoch: 1, now: 1 }),
        () => store.wasMinted('s', 'j', 1),
        () => store.useOnce('c', 'j', 1),
        () => store.isDurable(),
        () => store.notBefore(),
        () => store.sessions.create(session),
        () => store.sessions.use({ sessionId: session.id, hash: 'h', clientId: 'c', notBefore: 0 }),
        () => store.sessions.end(session.id),
        () => store.sessions.endBefore('s', 1),
        () => store.sessions.list('s', 0),
        () => store.sessions.raiseEpochBut(session.id, 1),
        () => store.after(0, 500),
        () => store.snapshot().next(),
      ]) {
        await expect(asked()).rejects.toBeInstanceOf(StoreUnavailable);
      }
    } finally {
      store.close();
    }
  });
});

describeWith(REDIS)('the Redis store, when an answer is lost', () => {
  it('knows a use of its own when the command is sent again', async () => {
    const server = await startOwnRedis();
    const url = new URL(server.url);
    const proxy = await TcpProxy.start(Number(url.port));
    proxy.overhear();
    url.port = String(proxy.port);
    const [commands, waiting] = [connectRedis(url.href, () => undefined), connectRedis(url.href, () => undefined)];
    const store = new RedisStore(commands, waiting);
    try {
      await Promise.all([connected(commands), connected(waiting)]);
      const until = Date.now() / 1000 + 60;
      proxy.answerDelayMs = 500;
      const used = store.useOnce('c', 'name', until);
      // It has come to Redis, and its answer is on the way.
      while (
        !proxy.overheard.some(({ answered, asked }) => asked.includes('tr:{used:') && answered.endsWith('_\r\n'))
      ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      proxy.answerDelayMs = 0;
      proxy.drop();
      expect(await used).toBe(true);
      expect(await store.useOnce('c', 'name', until)).toBe(false);
    } finally {
      store.close();
      await proxy.stop();
      await server.stop();
    }
  });
});

describeWith(REDIS).each([
  ['one Redis', startRedis],
  ['a cluster of three', startRedisCluster],
])('the Redis store, on %s', (_what, start) => {
  let server: TestServer;
  const clients: RedisClient[] = [];

  beforeAll(async () => {
    server = await start();
  }, 60_000);
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });

  const client = async (use: 'commands' | 'waiting'): Promise<RedisClient> => {
    const redis = connectRedis(server.url, () => undefined, use);
    clients.push(redis);
    expect(await connected(redis)).toBe(true);
    return redis;
  };
  let now = (): number => Date.now() / 1000;
  const openStore = async () => {
    const commands = await client('commands');
    return { commands, store: new RedisStore(commands, await client('waiting'), { now: () => now() }) };
  };
  let opened: Promise<[Awaited<ReturnType<typeof openStore>>, Awaited<ReturnType<typeof openStore>>]> | undefined;

  it('can not tell whether a token was issued that is older than its memory', async () => {
    const { commands, store } = await openStore();
    const now = Math.floor(Date.now() / 1000);
    const slot = `tr:{${slotOf('u')}}`;
    const token = { subject: 'u', jti: 'one', expiresAt: now + 600, defaultEpoch: 1, now: now - 10 };
    expect(await store.wasMinted('u', 'one', now)).toBeUndefined();
    await store.mint(token);
    await commands.del(`${slot}:jti:one`, `${slot}:memory`);
    expect(await store.wasMinted('u', 'one', now)).toBeUndefined();
    await store.mint({ ...token, jti: 'two', now });
    expect(await store.wasMinted('u', 'one', now)).toBeUndefined();
    expect(await store.wasMinted('u', 'one', now + 1)).toBe(false);
    // As on another server, or another run of one.
    await commands.set(`${slot}:memory`, `${'0'.repeat(40)} ${now - 10}`);
    expect(await store.wasMinted('u', 'one', now)).toBeUndefined();
    expect(await store.wasMinted('u', 'two', now)).toBe(true);
    store.close();
  });

  const openEmpty = async () => {
    const [{ commands, store }, { store: other }] = await (opened ??= Promise.all([openStore(), openStore()]));
    const nodes = 'nodes' in commands ? commands.nodes('master') : [commands];
    await Promise.all(nodes.map((node) => node.flushall()));
    return { store, other };
  };
  it('forgets a session when it expires, and what leads to it when the last one does', async () => {
    const { commands, store } = await openStore();
    now = () => Date.now() / 1000;
    const slot = slotOf('somebody');
    const user = { subject: 'somebody', username: 's', credential: 'c', clientId: 'c', scopes: [], notBefore: 0 };
    const begun = { ...user, id: `${slot}${'x'.repeat(22)}`, authTime: 1, defaultEpoch: 1, tokenHash: 'h' };
    await store.sessions.create(begun);
    const [session, index] = [`tr:{${slot}}:session:${begun.id}`, `tr:{${slot}}:sessions`];
    const days = async (key: string): Promise<number> => (await commands.pttl(key)) / 86_400_000;
    expect([await days(session), await days(index)]).toEqual([expect.closeTo(1, 2), expect.closeTo(7, 2)]);
    // A session of a shorter kind, and another touch of the first: the index outlives both.
    const shorter = new RedisStore(commands, await client('waiting'), {
      times: { idleSeconds: 60, absoluteSeconds: 60 },
    });
    await shorter.sessions.create({ ...begun, id: `${slot}${'y'.repeat(22)}` });
    expect(await days(index)).toBeCloseTo(7, 2);
    await commands.persist(index);
    const shown = { sessionId: begun.id, hash: 'h', clientId: 'c', notBefore: 0 };
    await store.sessions.use(shown, { hash: 'next', sealed: 's' });
    expect([await days(session), await days(index)]).toEqual([expect.closeTo(1, 2), expect.closeTo(7, 2)]);
    store.close();
  });

  describeStore(openEmpty);
  describeSessions((clock) => {
    now = clock;
    return openEmpty();
  });
});
