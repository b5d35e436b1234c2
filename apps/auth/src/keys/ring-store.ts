import { type RedisClient } from '@token-relay/service-kit';
import { StoreUnavailable } from '../store/store-unavailable';

/** A ring as it is stored: encrypted, with the number of its version for whoever looks at the store. */
export interface StoredRing {
  readonly version: number;
  readonly sealed: string;
}

/** Where the ring is kept. Both methods throw `StoreUnavailable` when the store doesn't answer. */
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
}

const KEYS = { ring: 'tr:{keys}:ring', leader: 'tr:{keys}:leader' };

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

interface Scripts {
  trWriteRing(...parameters: string[]): Promise<number>;
  trLead(...parameters: (string | number)[]): Promise<number>;
}

/** In Redis, for any number of processes. */
export class RedisRingStore implements RingStore {
  readonly #redis: RedisClient & Scripts;

  constructor(redis: RedisClient) {
    redis.defineCommand('trWriteRing', { numberOfKeys: 1, lua: WRITE });
    redis.defineCommand('trLead', { numberOfKeys: 1, lua: LEAD });
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
}

async function decided<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (cause) {
    throw new StoreUnavailable({ cause });
  }
}
