import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectRedis, type RedisClient, type TlsConnection } from '@token-relay/service-kit';
import { type User } from '../user-record';
import { type PendingRevocation, UnreadableUser, UsersInRedis } from '../users-in-redis';
import { Refused } from './refused';
import { type Change, type UserStore } from './user-store';

const CONNECT_LIMIT_MS = 5_000;
/** Auth looks four times a second. */
const REVOKE_LIMIT_MS = 5_000;
const LOOK_EVERY_MS = 50;

/** The users in Redis. */
export class RedisUserStore implements UserStore {
  readonly #users: UsersInRedis;

  private constructor(private readonly redis: RedisClient) {
    this.#users = new UsersInRedis(redis);
  }

  /** @throws Refused, with nothing of the URL, when it can't be reached */
  static async open(url: string, tls?: TlsConnection): Promise<RedisUserStore> {
    const redis = connectRedis(url, () => undefined, 'commands', tls);
    try {
      // Whoever waits at a prompt is told of the first failure, which this throws, and can try again.
      await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_LIMIT_MS) });
      return new RedisUserStore(redis);
    } catch (error) {
      redis.disconnect();
      throw new Refused(`Redis can not be reached: ${(error as Error).message}`);
    }
  }

  list(): Promise<readonly User[]> {
    return answered(this.#users.all());
  }

  async find(username: string): Promise<User | undefined> {
    return (await answered(this.#users.find(username)))?.user;
  }

  async change(username: string, change: (user: User | undefined) => Change): Promise<string> {
    for (;;) {
      const before = await answered(this.#users.find(username));
      const { user, revoke } = change(before?.user);
      const saved = await answered(this.#users.save(user, before, revoke));
      // Somebody else was faster: once more, from what they made of it.
      if (!saved) continue;
      return saved.due ? this.#untilRevoked(saved.due) : 'it counts at once';
    }
  }

  close(): void {
    this.redis.disconnect();
  }

  async #untilRevoked(due: PendingRevocation): Promise<string> {
    for (
      const deadline = performance.now() + REVOKE_LIMIT_MS;
      performance.now() < deadline;
      await sleep(LOOK_EVERY_MS)
    ) {
      const isPending = await this.#users.isPending(due).catch(() => true);
      if (!isPending) return 'what was given before is revoked';
    }
    return 'what was given before will be revoked when auth runs';
  }
}

async function answered<Value>(answer: Promise<Value>): Promise<Value> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof UnreadableUser) throw new Refused(error.message);
    throw new Refused(`Redis did not do it: ${(error as Error).message}`);
  }
}
