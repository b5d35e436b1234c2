/** A user of a Redis of ours. */
export interface StoreUser {
  readonly name: string;
  /** Where the URL that has its password stands, under `redis-url`. */
  readonly secret: string;
  /** The pattern of the keys that it may touch. */
  readonly keys: string;
  /** What it sends, itself and in its scripts: each command by name, and no category. */
  readonly commands: readonly string[];
}

/** A Redis of ours, at `<name>:6379`. Its users stand in the secret that is called as it is. */
export interface Store {
  readonly name: string;
  readonly users: readonly StoreUser[];
}

/** Its URL stands among auth's other secrets. */
export const AUTH: StoreUser = {
  name: 'auth',
  secret: 'auth',
  keys: 'tr:*',
  commands: [
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
  ],
};

/** Auth's sessions, revocations, users and keys. */
export const REDIS: Store = {
  name: 'redis',
  users: [
    AUTH,
    {
      // Reads what was revoked, and nothing else.
      name: 'verifier',
      secret: 'verifier-redis',
      keys: 'tr:{revocations}:*',
      commands: ['info', 'hmget', 'hscan', 'xread', 'xrevrange'],
    },
  ],
};

/** What the demo's services keep: documents, and the latest audit entries. */
export const RECORDS: Store = {
  name: 'records',
  users: [
    {
      name: 'resource',
      secret: 'resource-records',
      keys: 'documents:*',
      // `info`: whether it has read its log. The rest is for two hashes an owner, which one script writes.
      commands: ['info', 'eval', 'evalsha', 'hexists', 'hget', 'hlen', 'hset', 'hvals'],
    },
    {
      name: 'audit',
      secret: 'audit-records',
      keys: 'audit:*',
      commands: ['info', 'multi', 'exec', 'lpush', 'lrange', 'ltrim'],
    },
  ],
};

export const STORES = [REDIS, RECORDS];

/** Whether the secret with its URL holds nothing else. */
export const hasSecretOfItsOwn = (user: StoreUser): boolean => user !== AUTH;
