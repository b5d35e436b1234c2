import { Logger } from '@nestjs/common';
import { reasonOf } from '../reason-of';
import { Repeater } from '../repeater';
import { type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import { type User, type UserDirectory } from './user-directory';
import { UnreadableUser, UsersInRedis } from './users-in-redis';

const LOOK_EVERY_MS = 250;
const LOOK_AT_LEAST_EVERY_MS = 2_000;

/** The users in Redis, looked up there each time. */
export class RedisUserDirectory implements UserDirectory {
  readonly #users: UsersInRedis;
  readonly #logger = new Logger(RedisUserDirectory.name);
  #looks: Repeater | undefined;

  /** @param redis stays the caller's, and open until this is closed */
  constructor(redis: RedisClient) {
    this.#users = new UsersInRedis(redis);
  }

  /** @throws StoreUnavailable when Redis doesn't answer, or has something under the name that is no user */
  async find(username: string): Promise<User | undefined> {
    try {
      return (await this.#users.find(username))?.user;
    } catch (cause) {
      if (cause instanceof UnreadableUser) this.#logger.error(cause.message);
      throw new StoreUnavailable({ cause });
    }
  }

  watch(revoke: (subject: string) => Promise<void>): void {
    this.#looks = new Repeater(() => this.#report(revoke), {
      everyMs: LOOK_EVERY_MS,
      atMostMs: LOOK_AT_LEAST_EVERY_MS,
      onFailure: (error) =>
        this.#logger.error(`what users were given may have to be revoked, which fails: ${reasonOf(error)}`),
    });
    void this.#looks.now();
  }

  /** Looks now whom to report, and waits until that was done, or has failed. */
  async look(): Promise<void> {
    await this.#looks?.now();
  }

  async close(): Promise<void> {
    await this.#looks?.close();
  }

  async #report(revoke: (subject: string) => Promise<void>): Promise<void> {
    const failures: unknown[] = [];
    for (const due of await this.#users.pending()) {
      try {
        await revoke(due.subject);
        await this.#users.settle(due);
      } catch (error) {
        // The others don't wait for this one.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
