import { createHash } from 'node:crypto';
import { Refused } from './refused';

/** What auth sends, itself and in its scripts: each of them, and no category. */
const AUTH_COMMANDS = [
  // Connections, and what they lead to: its `run_id`, whether it evicts, whether it writes to its disk.
  'info',
  'time',
  'multi',
  'exec',
  'eval',
  'evalsha',
  // Strings: epochs, tokens that were issued, names that were used, counters.
  'get',
  'set',
  'incrby',
  'del',
  'exists',
  'expire',
  'pexpire',
  'pexpireat',
  'pexpiretime',
  'pttl',
  // Hashes: sessions, users, the ring of keys, revocations.
  'hget',
  'hgetall',
  'hmget',
  'hset',
  'hdel',
  'hincrby',
  'hscan',
  // Sorted sets: when what expires.
  'zadd',
  'zcard',
  'zrange',
  'zrangebyscore',
  'zrem',
  'zremrangebyscore',
  // The stream of revocations.
  'xadd',
  'xread',
  'xrevrange',
];

/** Reads what was revoked, and nothing else. */
const VERIFIER_COMMANDS = ['info', 'hmget', 'hscan', 'xread', 'xrevrange'];

/**
 * Redis' ACL file (`aclfile`): who may do what, with the digests of the passwords alone. Nobody may do more than these:
 * to change something else, change the file and restart Redis.
 */
export function redisUsers(passwords: { readonly auth: string; readonly verifier: string }): string {
  return [
    'user default off sanitize-payload resetpass resetkeys resetchannels -@all',
    user('auth', digest(passwords.auth), 'tr:*', AUTH_COMMANDS),
    user('verifier', digest(passwords.verifier), 'tr:{revocations}:*', VERIFIER_COMMANDS),
    // Whether Redis answers. Whoever gets so far has a certificate of the CA, and learns nothing by it.
    'user probe on sanitize-payload nopass resetkeys resetchannels -@all +ping',
    '',
  ].join('\n');
}

function user(name: string, password: string, keys: string, commands: readonly string[]): string {
  const allowed = commands.map((command) => `+${command}`).join(' ');
  return `user ${name} on sanitize-payload ${password} resetkeys ~${keys} resetchannels -@all ${allowed}`;
}

function digest(password: string): string {
  return `#${createHash('sha256').update(password).digest('hex')}`;
}

const REDIS_ADDRESS = 'redis:6379';

export function redisUrl(user: 'auth' | 'verifier', password: string): string {
  return `rediss://${user}:${password}@${REDIS_ADDRESS}`;
}

/** @throws Refused, naming the secret, where the URL is none, or has no password */
export function passwordIn(secret: string, url: string): string {
  const { password } = URL.canParse(url.trim()) ? new URL(url.trim()) : { password: '' };
  if (password === '') throw new Refused(`${secret}: redis-url is no URL with a password`);
  return decodeURIComponent(password);
}
