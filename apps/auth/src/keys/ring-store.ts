import { decided, type RedisClient } from '@token-relay/service-kit';

/** A ring as it is stored: encrypted, with the number of its version for whoever looks at the store. */
export interface StoredRing {
  readonly version: number;
  readonly sealed: string;
}

/** Where the ring is kept. All methods throw `StoreUnavailable` when the store doesn't answer. */
export interface RingStore {
  read(): Promise<StoredRing | undefined>;
  /**
   * Puts a ring in the place of that one, as it is stored, or where there is none: of two who change the same ring one
   * does.
   *
   * @returns whether it did
   */
  write(ring: StoredRing, replacing: string | undefined): Promise<boolean>;
  /**
   * Whether this process is the one that changes the ring as time passes, and will be for so long, in milliseconds. That
   * there is one only saves work: what keeps two from changing the same ring is `write`.
   */
  lead(id: string, forMs: number): Promise<boolean>;
  /**
   * Says for so long, in milliseconds, what is configured here.
   *
   * @returns the most that anybody says now
   */
  mostLateHandling(seconds: number, forMs: number): Promise<number>;
}

/** In the memory of the one process. */
export class EmbeddedRingStore implements RingStore {
  #ring: StoredRing | undefined;

  read(): Promise<StoredRing | undefined> {
    return Promise.resolve(this.#ring);
  }

  write(ring: StoredRing, replacing: string | undefined): Promise<boolean> {
    if (this.#ring?.sealed !== replacing) return Promise.resolve(false);
    this.#ring = ring;
    return Promise.resolve(true);
  }

  lead(): Promise<boolean> {
    return Promise.resolve(true);
  }

  mostLateHandling(seconds: number): Promise<number> {
    return Promise.resolve(seconds);
  }
}

const KEYS = { ring: 'tr:{keys}:ring', leader: 'tr:{keys}:leader', late: 'tr:{keys}:late' };

const WRITE = `
local sealed = redis.call('HGET', KEYS[1], 'sealed') or ''
if sealed ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'sealed', ARGV[3])
return 1`;

const LEAD = `
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** What each one says, until when: an auth that has gone is out of it by itself. */
const MOST_LATE_HANDLING = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local most = 0
for _, seconds in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do most = math.max(most, tonumber(seconds)) end
return most`;

interface Scripts {
  trMostLateHandling(...parameters: (string | number)[]): Promise<number>;
  trWriteRing(...parameters: string[]): Promise<number>;
  trLead(...parameters: (string | number)[]): Promise<number>;
}

/** In Redis, for any number of processes. */
export class RedisRingStore implements RingStore {
  readonly #redis: RedisClient & Scripts;

  constructor(redis: RedisClient) {
    redis.defineCommand('trWriteRing', { numberOfKeys: 1, lua: WRITE });
    redis.defineCommand('trLead', { numberOfKeys: 1, lua: LEAD });
    redis.defineCommand('trMostLateHandling', { numberOfKeys: 1, lua: MOST_LATE_HANDLING });
    this.#redis = redis as RedisClient & Scripts;
  }

  async read(): Promise<StoredRing | undefined> {
    const [version, sealed] = await decided(this.#redis.hmget(KEYS.ring, 'version', 'sealed'));
    return sealed ? { version: Number(version), sealed } : undefined;
  }

  async write({ version, sealed }: StoredRing, replacing = ''): Promise<boolean> {
    return (await decided(this.#redis.trWriteRing(KEYS.ring, replacing, String(version), sealed))) === 1;
  }

  async lead(id: string, forMs: number): Promise<boolean> {
    return (await decided(this.#redis.trLead(KEYS.leader, id, forMs))) === 1;
  }

  mostLateHandling(seconds: number, forMs: number): Promise<number> {
    return decided(this.#redis.trMostLateHandling(KEYS.late, seconds, forMs));
  }
}
