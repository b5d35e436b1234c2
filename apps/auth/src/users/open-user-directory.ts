import { type AuthConfig } from '../auth.config';
import { type RedisClient } from '@token-relay/service-kit';
import { FileUserDirectory } from './file-user-directory';
import { RedisUserDirectory } from './redis-user-directory';
import { type UserDirectory } from './user-directory';

/**
 * The users of `USERS_FILE`, if that is set, and else those in Redis.
 *
 * @param redis what `REDIS_URL` leads to, where that is set
 * @throws StartRefused when the file can't be read, isn't as it must be, or isn't for this mode
 */
export function openUserDirectory(
  { USERS_FILE, NODE_ENV }: Pick<AuthConfig, 'USERS_FILE' | 'NODE_ENV'>,
  redis: RedisClient | undefined,
): UserDirectory {
  if (USERS_FILE !== undefined) return new FileUserDirectory(USERS_FILE, NODE_ENV);
  if (redis === undefined) throw new TypeError('users are in USERS_FILE or in Redis');
  return new RedisUserDirectory(redis);
}
