import { createHash } from 'node:crypto';
import { Refused } from './refused';
import { type Store, type StoreUser } from './stores';

/**
 * Redis' ACL file (`aclfile`): who may do what, with the digests of the passwords alone. Nobody else may do anything:
 * to change something else, change the file and restart Redis.
 *
 * @param passwordOf each of the store's users
 */
export function redisUsers({ users }: Store, passwordOf: (user: StoreUser) => string): string {
  return [
    // Nobody can be it: it is off, and has no password. But Redis 7 replays what scripts and transactions wrote, when it starts,
    // by its permissions, and forgets without a word what these don't allow (https://github.com/redis/redis/issues/14541).
    'user default off sanitize-payload resetpass ~* resetchannels +@all',
    ...users.map((user) => line(user, digest(passwordOf(user)))),
    // Whether Redis answers. Whoever gets so far has a certificate of the CA, and learns nothing by it.
    'user probe on sanitize-payload nopass resetkeys resetchannels -@all +ping',
    '',
  ].join('\n');
}

function line({ name, keys, commands }: StoreUser, password: string): string {
  const allowed = commands.map((command) => `+${command}`).join(' ');
  return `user ${name} on sanitize-payload ${password} resetkeys ~${keys} resetchannels -@all ${allowed}`;
}

function digest(password: string): string {
  return `#${createHash('sha256').update(password).digest('hex')}`;
}

export function redisUrl(store: Store, user: StoreUser, password: string): string {
  return `rediss://${user.name}:${password}@${store.name}:6379`;
}

/** @throws Refused, naming the secret, where the URL is none, or has no password */
export function passwordIn({ secret }: StoreUser, url: string): string {
  const { password } = URL.canParse(url.trim()) ? new URL(url.trim()) : { password: '' };
  if (password === '') throw new Refused(`${secret}: redis-url is no URL with a password`);
  try {
    return decodeURIComponent(password);
  } catch {
    throw new Refused(`${secret}: redis-url has a password with a % that escapes nothing`);
  }
}
