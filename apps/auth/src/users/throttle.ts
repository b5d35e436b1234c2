import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { decided, type RedisClient } from '@token-relay/service-kit';

/** How attempts on one thing are slowed down. */
export interface ThrottleRule {
  /** How many may fail before there is a delay. */
  readonly free: number;
  /** How long failures are remembered, from the first one on. */
  readonly memorySeconds: number;
  /** Then there is one attempt at a time: the first after this many seconds, each one after twice as long as before. */
  readonly firstDelaySeconds: number;
  readonly longestDelaySeconds: number;
}

/** What became of an attempt. */
export interface Attempt {
  /** Milliseconds until it may be made; 0: now, and it is counted. */
  readonly waitMs: number;
  /** Seconds until the next one may be made, if it begins such a delay; 0: it doesn't. */
  readonly delaySeconds: number;
}

/** Makes a counter, whose keys are forgotten after so many seconds unless it is told another time. */
export type Counters = (seconds: number) => RateLimiterAbstract;

/** So many keys are counted in memory; beyond that those that were counted longest ago are forgotten. */
const KEYS_IN_MEMORY = 50_000;
const KEY_PREFIX = 'tr';

/** Counters in Redis, or in the memory of this process where there is none. */
export function countersIn(redis: RedisClient | undefined, keysInMemory = KEYS_IN_MEMORY): Counters {
  // What is refused is decided here, by the counts.
  const unlimited = { keyPrefix: KEY_PREFIX, points: Number.MAX_SAFE_INTEGER };
  return redis
    ? (duration) => new RateLimiterRedis({ ...unlimited, duration, storeClient: redis })
    : (duration) => new BoundedCounter({ ...unlimited, duration }, keysInMemory);
}

/**
 * Attempts on a thing – an account, an address –, each of which is counted before it is made: however many come at
 * once, no more are made than may be.
 *
 * `free - 1` are made as they come. After those, one is made whenever the gate is open, and closes it; each closes it
 * for longer than the one before. It never stays closed.
 */
export class Throttle {
  readonly #free: RateLimiterAbstract;
  readonly #gate: RateLimiterAbstract;
  /** How often the gate was passed. */
  readonly #passed: RateLimiterAbstract;

  constructor(
    private readonly rule: ThrottleRule,
    counters: Counters,
  ) {
    this.#free = counters(rule.memorySeconds);
    this.#gate = counters(rule.longestDelaySeconds);
    this.#passed = counters(rule.memorySeconds);
  }

  /**
   * Milliseconds until an attempt may be made; 0: now. Nothing is counted.
   *
   * @throws StoreUnavailable
   */
  async wait(thing: string): Promise<number> {
    const keys = keysOf(thing);
    const [made, gate] = await decided(Promise.all([countOf(this.#free, keys.free), this.#gate.get(keys.gate)]));
    return made < this.rule.free - 1 ? 0 : Math.max(0, gate?.msBeforeNext ?? 0);
  }

  /**
   * Counts an attempt, unless it has to wait.
   *
   * @throws StoreUnavailable
   */
  begin(thing: string): Promise<Attempt> {
    return decided(this.#begin(keysOf(thing)));
  }

  /**
   * As if the attempt had not been made.
   *
   * @throws StoreUnavailable
   */
  async takeBack(thing: string, { delaySeconds }: Attempt): Promise<void> {
    const keys = keysOf(thing);
    if (delaySeconds === 0) await decided(this.#free.reward(keys.free));
    else await decided(Promise.all([this.#gate.delete(keys.gate), this.#passed.reward(keys.passed)]));
  }

  /**
   * As if no attempt had ever been made.
   *
   * @throws StoreUnavailable
   */
  async clear(thing: string): Promise<void> {
    const keys = keysOf(thing);
    await decided(
      Promise.all([this.#free.delete(keys.free), this.#gate.delete(keys.gate), this.#passed.delete(keys.passed)]),
    );
  }

  async #begin(keys: Keys): Promise<Attempt> {
    const { free, firstDelaySeconds, longestDelaySeconds } = this.rule;
    if ((await countOf(this.#free, keys.free)) < free - 1) {
      const { consumedPoints: made } = await this.#free.penalty(keys.free);
      if (made < free) return { waitMs: 0, delaySeconds: 0 };
      // One of many at once: it comes through the gate, or not at all.
      await this.#free.reward(keys.free);
    }
    const before = Math.max(0, await countOf(this.#passed, keys.passed));
    const delaySeconds = Math.min(firstDelaySeconds * 2 ** before, longestDelaySeconds);
    const gate = await this.#gate.penalty(keys.gate, 1, { customDuration: delaySeconds });
    // The first to count is the one that passes; its delay is what the key is kept for.
    if (gate.consumedPoints > 1) return { waitMs: Math.max(1, gate.msBeforeNext), delaySeconds: 0 };
    await this.#passed.penalty(keys.passed);
    return { waitMs: 0, delaySeconds };
  }
}

type Keys = ReturnType<typeof keysOf>;

/** What is in braces puts all of them on one node of a cluster. */
function keysOf(thing: string) {
  return { free: `{${thing}}:free`, gate: `{${thing}}:gate`, passed: `{${thing}}:passed` };
}

async function countOf(counter: RateLimiterAbstract, key: string): Promise<number> {
  const found = await counter.get(key);
  // In memory it may still be there for a moment when its time is over.
  return found === null || found.msBeforeNext <= 0 ? 0 : found.consumedPoints;
}

/** In memory, for so many keys at most: who makes up names must not fill it. */
class BoundedCounter extends RateLimiterMemory {
  /** The one that was counted longest ago first. */
  readonly #keys = new Set<string | number>();

  constructor(
    options: ConstructorParameters<typeof RateLimiterMemory>[0],
    private readonly most: number,
  ) {
    super(options);
  }

  override penalty(...parameters: Parameters<RateLimiterMemory['penalty']>) {
    const [key] = parameters;
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size > this.most) {
      const [oldest = key] = this.#keys;
      this.#keys.delete(oldest);
      void super.delete(oldest);
    }
    return super.penalty(...parameters);
  }
}
