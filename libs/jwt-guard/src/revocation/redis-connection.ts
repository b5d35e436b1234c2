type Reply<Value> = Promise<Value>;
type RawEvent = readonly [id: string, fields: readonly string[]];

/** What is used of an ioredis connection: a `Redis` or a `Cluster` of ioredis 5 or 6 is one. */
export interface RedisConnection {
  info(...sections: string[]): Reply<string>;
  /** Of a `Cluster`. */
  readonly isCluster?: boolean;
  hmget(key: string, ...fields: string[]): Reply<readonly (string | null)[]>;
  hscan(
    key: string,
    cursor: string,
    count: 'COUNT',
    size: number,
  ): Reply<readonly [cursor: string, fields: readonly string[]]>;
  xrevrange(key: string, from: string, to: string, count: 'COUNT', size: number): Reply<readonly RawEvent[]>;
  xread(
    count: 'COUNT',
    size: number,
    streams: 'STREAMS',
    key: string,
    id: string,
  ): Reply<readonly (readonly [key: string, events: readonly RawEvent[]])[] | null>;
  xread(
    count: 'COUNT',
    size: number,
    block: 'BLOCK',
    waitMs: number,
    streams: 'STREAMS',
    key: string,
    id: string,
  ): Reply<readonly (readonly [key: string, events: readonly RawEvent[]])[] | null>;
  /** `ready` once it can be used. */
  readonly status: string;
  once(event: 'ready', listener: () => void): unknown;
  disconnect(): void;
}
