import { randomUUID } from 'node:crypto';
import { type RedisClient } from '@token-relay/service-kit';
import { type User, userRecord } from './user-record';

/** A hash: a user each, as JSON, by name. What is in braces puts both keys on one node of a cluster. */
const USERS = 'tr:{users}:users';
/** A hash: by name, whose tokens are still to be revoked, and because of which change. */
const PENDING = 'tr:{users}:pending';

/** Writes a user down unless another change came first, and with it that the tokens are to be revoked. */
const SAVE = `
local found = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if found ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[4]) end
return 1`;

/** Done with, unless the user has changed again meanwhile. */
const SETTLE = `
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end
return 0`;

/** A change after which what the user was given must not be good any more. */
export interface PendingRevocation {
  readonly username: string;
  readonly subject: string;
  /** The entry as it is stored: no other change has the same. */
  readonly entry: string;
}

/** A user as found, and as it is stored. */
export interface StoredUser {
  readonly user: User;
  readonly text: string;
}

/** What is stored under a user's name is none. The message holds neither. */
export class UnreadableUser extends Error {
  override readonly name = 'UnreadableUser';
  override readonly message = 'a user in Redis is not as it must be';
}

/** The users in Redis, each step of which is safe to repeat. Whatever fails throws what Redis' client does. */
export class UsersInRedis {
  constructor(private readonly redis: RedisClient) {}

  /** @throws UnreadableUser */
  async find(username: string): Promise<StoredUser | undefined> {
    const text = await this.redis.hget(USERS, username);
    return text === null ? undefined : { user: parse(username, text), text };
  }

  /**
   * In the order of their names.
   * @throws UnreadableUser
   */
  async all(): Promise<User[]> {
    const users = Object.entries(await this.redis.hgetall(USERS)).map(([username, text]) => parse(username, text));
    return users.sort((a, b) => (a.username < b.username ? -1 : 1));
  }

  /**
   * @param before what was found under the name: undefined for a new user
   * @param revoke whether what the user was given before is to be revoked
   * @returns the revocation that is due now, if any; false when another change came first and nothing was done
   */
  async save(
    user: User,
    before: StoredUser | undefined,
    revoke: boolean,
  ): Promise<{ due: PendingRevocation | undefined } | false> {
    const { username, sub: subject } = user;
    const due = revoke ? { username, subject, entry: `${subject} ${randomUUID()}` } : undefined;
    const values = [username, before?.text ?? '', JSON.stringify(user), due?.entry ?? ''];
    return (await this.redis.eval(SAVE, 2, USERS, PENDING, ...values)) === 1 && { due };
  }

  async pending(): Promise<PendingRevocation[]> {
    return Object.entries(await this.redis.hgetall(PENDING)).map(([username, entry]) => {
      const [subject = ''] = entry.split(' ');
      return { username, subject, entry };
    });
  }

  async isPending({ username, entry }: PendingRevocation): Promise<boolean> {
    return (await this.redis.hget(PENDING, username)) === entry;
  }

  /** The tokens have been revoked. */
  async settle({ username, entry }: PendingRevocation): Promise<void> {
    await this.redis.eval(SETTLE, 1, PENDING, username, entry);
  }
}

function parse(username: string, text: string): User {
  try {
    const user = userRecord.parse(JSON.parse(text));
    if (user.username === username) return user;
  } catch {
    // As one of another name: refused below.
  }
  throw new UnreadableUser();
}
