import { decided, type RedisClient } from '@token-relay/service-kit';
import { type AuditEntry, type LatestEntries } from './audit-log';

/** How many entries are kept at hand. */
export const KEPT = 1_000;

/** In the memory of this process, and gone when it ends. */
export class EmbeddedEntries implements LatestEntries {
  readonly #latest: AuditEntry[] = [];

  add(entry: AuditEntry): Promise<void> {
    this.#latest.push(entry);
    if (this.#latest.length > KEPT) this.#latest.shift();
    return Promise.resolve();
  }

  latest(limit: number): Promise<readonly AuditEntry[]> {
    return Promise.resolve(this.#latest.slice(-limit).reverse());
  }
}

const KEY = 'audit:latest';

/** In Redis, shared by all replicas. */
export class RedisEntries implements LatestEntries {
  constructor(private readonly redis: RedisClient) {}

  add(entry: AuditEntry): Promise<void> {
    return decided(this.#add(JSON.stringify(entry)));
  }

  async latest(limit: number): Promise<readonly AuditEntry[]> {
    const entries = await decided(this.redis.lrange(KEY, 0, limit - 1));
    return entries.map((text) => JSON.parse(text) as AuditEntry);
  }

  async #add(entry: string): Promise<void> {
    const answers = await this.redis
      .multi()
      .lpush(KEY, entry)
      .ltrim(KEY, 0, KEPT - 1)
      .exec();
    for (const [error] of answers ?? []) if (error) throw error;
  }
}
