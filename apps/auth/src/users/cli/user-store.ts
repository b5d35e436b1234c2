import { loadConfig, redisUrl, ServiceTls } from '@token-relay/service-kit';
import { z } from 'zod';
import { type User } from '../user-record';
import { FileUserStore } from './file-user-store';
import { RedisUserStore } from './redis-user-store';
import { Refused } from './refused';

/** A user as it is to be from now on. */
export interface Change {
  readonly user: User;
  /** Whether what the user was given before must not be good any more. */
  readonly revoke: boolean;
}

/** Where users are managed. */
export interface UserStore {
  list(): Promise<readonly User[]>;
  find(username: string): Promise<User | undefined>;
  /**
   * Makes one change, in one step.
   *
   * @param change gets the user as it is, perhaps more than once; what it throws ends it with nothing done
   * @returns when the change counts, as the end of a sentence
   */
  change(username: string, change: (user: User | undefined) => Change): Promise<string>;
  close(): void;
}

/**
 * The store that auth with the same environment would take.
 *
 * @param fallbackFile the file where the environment names none, and no Redis
 * @throws ConfigError, Refused
 */
export async function openUserStore(
  environment: NodeJS.ProcessEnv,
  fallbackFile: string | undefined,
): Promise<UserStore> {
  const path = z.string().min(1).optional();
  const shape = { USERS_FILE: path, REDIS_URL: redisUrl().optional(), REDIS_CA_FILE: path };
  const config = loadConfig(() => shape, environment);
  const { USERS_FILE, REDIS_URL } = config;
  if (USERS_FILE !== undefined) return new FileUserStore(USERS_FILE);
  if (REDIS_URL !== undefined) {
    const tls = new ServiceTls(config, { info: () => undefined, warn: () => undefined });
    // It is over before anything is renewed.
    tls.close();
    return RedisUserStore.open(REDIS_URL, tls.redis);
  }
  if (fallbackFile !== undefined) return new FileUserStore(fallbackFile);
  throw new Refused('USERS_FILE or REDIS_URL has to say where the users are');
}
