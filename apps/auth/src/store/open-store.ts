import { type AuthConfig } from '../auth.config';
import { type AuthStore } from './auth-store';
import { connected, connectRedis, type RedisClient, StartRefused } from '@token-relay/service-kit';
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
 * @throws StartRefused when Redis isn't there, or would drop what it is to keep
 */
export async function openStore(
  { REDIS_URL: url }: Pick<AuthConfig, 'REDIS_URL'>,
  log: StoreLog,
): Promise<OpenedStore> {
  if (url === undefined) {
    log.warn(
      {},
      'state is in the memory of this process, and gone when it ends: tokens issued until now are refused then',
    );
    return { store: new EmbeddedStore(), redis: undefined };
  }
  const trouble = troubleTeller(log);
  const redis = connectRedis(url, trouble);
  const waiting = connectRedis(url, trouble, 'waiting');
  const store = new RedisStore(redis, waiting);
  try {
    const isThere = await Promise.all([connected(redis), connected(waiting)]);
    if (isThere.includes(false)) throw new StartRefused('REDIS_URL: there is no connection');
    await refuseEviction(redis);
    return { store, redis };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** A reason once, until there is another. */
function troubleTeller(log: StoreLog): (reason: string) => void {
  let last = '';
  return (reason) => {
    if (reason !== last) log.warn({ reason }, 'trouble with Redis');
    last = reason;
  };
}

/** What Redis drops for want of memory is forgotten here: revoked tokens would count again. */
async function refuseEviction(redis: RedisClient): Promise<void> {
  const memory = await redis.info('memory').catch((cause: unknown) => {
    throw new StartRefused('REDIS_URL: Redis does not answer INFO', { cause });
  });
  const value = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(memory)?.[1];
  if (value('maxmemory') !== '0' && value('maxmemory_policy') !== 'noeviction') {
    throw new StartRefused('REDIS_URL: the maxmemory-policy of this Redis must be noeviction');
  }
}
