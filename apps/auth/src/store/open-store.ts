import {
  connected,
  connectRedis,
  connectRedisTelling,
  type RedisClient,
  StartRefused,
  type TlsConnection,
} from '@token-relay/service-kit';
import { Cluster } from 'ioredis';
import { type AuthConfig } from '../auth.config';
import { type AuthStore } from './auth-store';
import { EmbeddedStore } from './embedded-store';
import { RedisStore } from './redis-store';

export interface OpenedStore {
  readonly store: AuthStore;
  /** What `REDIS_URL` leads to, where that is set. */
  readonly redis: RedisClient | undefined;
}

/** Where what auth does behind the scenes is told. */
export interface StoreLog {
  warn(details: object, message: string): void;
}

/**
 * The store that `REDIS_URL` names, or one in memory.
 *
 * @param tls what connections to Redis are secured with
 * @throws StartRefused when Redis isn't there, or would drop what it is to keep
 */
export async function openStore(
  config: Pick<AuthConfig, 'REDIS_URL' | 'SESSION_IDLE_SECONDS' | 'SESSION_SECONDS'>,
  log: StoreLog,
  tls?: TlsConnection,
): Promise<OpenedStore> {
  const { REDIS_URL: url } = config;
  const times = { idleSeconds: config.SESSION_IDLE_SECONDS, absoluteSeconds: config.SESSION_SECONDS };
  if (url === undefined) {
    log.warn(
      {},
      'state is in the memory of this process, and gone when it ends: tokens issued until now are refused then',
    );
    return { store: new EmbeddedStore(undefined, times), redis: undefined };
  }
  const redis = connectRedisTelling(url, (reason) => log.warn({ reason }, 'trouble with Redis'), tls);
  // Fails with the other one, which tells why.
  const waiting = connectRedis(url, () => undefined, 'waiting', tls);
  const store = new RedisStore(redis, waiting, { times });
  try {
    const isThere = await Promise.all([connected(redis), connected(waiting)]);
    if (isThere.includes(false)) throw new StartRefused('REDIS_URL: there is no connection');
    await refuseEviction(redis);
    await warnOfLoss(redis, log);
    return { store, redis };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** What Redis drops for want of memory is forgotten here: revoked tokens would count again. */
async function refuseEviction(redis: RedisClient): Promise<void> {
  const nodes = redis instanceof Cluster ? redis.nodes('master') : [redis];
  for (const memory of await Promise.all(nodes.map((node) => infoOf(node, 'memory')))) {
    if (valueIn(memory, 'maxmemory') !== '0' && valueIn(memory, 'maxmemory_policy') !== 'noeviction') {
      throw new StartRefused('REDIS_URL: the maxmemory-policy of this Redis must be noeviction');
    }
  }
}

/** What it was told isn't on its disk: with auth it loses its memory, or the end of it. */
async function warnOfLoss(redis: RedisClient, log: StoreLog): Promise<void> {
  if (valueIn(await infoOf(redis, 'persistence'), 'aof_enabled') === '1') return;
  const consequence = 'everything issued before is refused when it and auth restart together';
  log.warn({}, `Redis does not write what it is told to its disk (appendonly no): ${consequence}`);
}

async function infoOf(redis: RedisClient, section: string): Promise<string> {
  return redis.info(section).catch((cause: unknown) => {
    throw new StartRefused('REDIS_URL: Redis does not answer INFO', { cause });
  });
}

function valueIn(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
