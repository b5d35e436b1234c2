import Redis from 'ioredis';
import { embeddedStores, redisSessionStores } from './auth-modules';
import { heldBytes } from './heap';
import { SimulatedSessions } from './simulated-sessions';

/** How many commands a busy auth has under way. */
const AT_ONCE = 64;
/** How many sessions there are before those that are counted. */
const WARM_UP = 2_000;
const WARM_UP_REDIS = 100;

export interface Filled {
  /** That each takes: right after its login, and when it has been refreshed for some time. */
  readonly newBytes: number;
  readonly refreshedBytes: number;
}

interface StoreSetting {
  readonly sessions: number;
}

/** The embedded store by itself, in a process that has nothing else. */
export async function openEmbedded({ sessions: count }: StoreSetting) {
  const { EmbeddedStore } = await embeddedStores();
  // So that what is compiled meanwhile isn't taken for sessions.
  const others = await SimulatedSessions.of(WARM_UP);
  const forOthers = new EmbeddedStore(others.now).sessions;
  await others.fill(forOthers, 1);
  for (let i = 0; i < 2; i++) await others.refreshAll(forOthers, 1);
  const sessions = await SimulatedSessions.of(count);
  const store = new EmbeddedStore(sessions.now).sessions;
  return {
    async fill(): Promise<Filled> {
      const empty = await heldBytes();
      await sessions.fill(store, 1);
      const begun = await heldBytes();
      for (let i = 0; i < 2; i++) await sessions.refreshAll(store, 1);
      const refreshed = await heldBytes();
      if (store.size !== count) throw new Error('the store does not hold what was created');
      return { newBytes: (begun - empty) / count, refreshedBytes: (refreshed - empty) / count };
    },
    create: (ms: number) => sessions.create(store, 1, ms),
    refresh: (ms: number) => sessions.refresh(store, 1, ms),
  };
}

/** Auth's sessions in Redis, whose scripts do the work; this process only asks. */
export async function openRedisSessions({ sessions: count, url }: StoreSetting & { readonly url: string }) {
  const { RedisSessionStore } = await redisSessionStores();
  const redis = new Redis(url);
  const sessions = await SimulatedSessions.of(count);
  const store = new RedisSessionStore(redis, { now: sessions.now });
  // So that its scripts aren't taken for sessions.
  const others = await SimulatedSessions.of(WARM_UP_REDIS);
  await others.fill(store, AT_ONCE);
  await others.refreshAll(store, AT_ONCE);
  const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  return {
    async fill(): Promise<Filled> {
      const empty = await used();
      await sessions.fill(store, AT_ONCE);
      const begun = await used();
      for (let i = 0; i < 2; i++) await sessions.refreshAll(store, AT_ONCE);
      return { newBytes: (begun - empty) / count, refreshedBytes: ((await used()) - empty) / count };
    },
    create: (ms: number) => sessions.create(store, AT_ONCE, ms),
    refresh: (ms: number) => sessions.refresh(store, AT_ONCE, ms),
    close: () => redis.disconnect(),
  };
}

export type StoreWorker = Awaited<ReturnType<typeof openEmbedded>>;
