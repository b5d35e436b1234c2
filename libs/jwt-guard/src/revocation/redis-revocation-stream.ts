import { type RedisConnection } from './redis-connection';
import { parseRevocationEntry, type RevocationEntry } from './revocation-entry';
import { type RevocationStream, type StreamEvent, type StreamHead } from './revocation-stream';

/** The keys of the revocations in Redis; what is in the braces puts them all into one hash slot. */
export const REVOCATION_KEYS = Object.freeze({
  /** Hash: `stream`, `created` (milliseconds), `last`, `tail`, `node` (`run_id` of the server that it was begun on). */
  head: 'tr:{revocations}:head',
  /** Stream of events, each with the id `<n>-0` and the fields `stream`, `id`, `previous` and `entry` (JSON). Trimmed. */
  stream: 'tr:{revocations}:stream',
  /** Hash of every unexpired entry: `<kind>:<value>` to JSON. */
  entries: 'tr:{revocations}:entries',
  /** Sorted set of the fields of `entries` by their `until`. */
  expiry: 'tr:{revocations}:expiry',
});

const SNAPSHOT_PART = 1_000;
const EVENTS_PART = 1_000;

/** The revocations that auth keeps in Redis. Reads only; waiting reads go by a connection of their own. */
export class RedisRevocationStream implements RevocationStream {
  readonly #redis: RedisConnection;
  readonly #waiting: RedisConnection;

  /** @param waiting another connection than `redis`: a read that waits holds up whatever comes behind it */
  constructor(redis: RedisConnection, waiting: RedisConnection) {
    this.#redis = redis;
    this.#waiting = waiting;
  }

  async head(): Promise<StreamHead | undefined> {
    const { head } = REVOCATION_KEYS;
    const [[streamId, created, last, tail, node], server] = await Promise.all([
      this.#redis.hmget(head, 'stream', 'created', 'last', 'tail', 'node'),
      // Of a cluster any node would answer: there a replica doesn't answer for a slot, it sends to its primary.
      this.#redis.isCluster ? undefined : this.#redis.info('server', 'replication'),
    ]);
    if (!streamId) return undefined;
    const behindMs = server === undefined ? 0 : behind(server, node);
    return { streamId, createdMs: wholeNumber(created), last: wholeNumber(last), tail: tail ?? '', behindMs };
  }

  async *snapshot(): AsyncGenerator<readonly RevocationEntry[]> {
    let cursor = '0';
    do {
      const [next, fields] = await this.#redis.hscan(REVOCATION_KEYS.entries, cursor, 'COUNT', SNAPSHOT_PART);
      // Name, value, name, value; what is asked for is in the value.
      yield fields.filter((_, i) => i % 2 === 1).map(parsedEntry);
      cursor = next;
    } while (cursor !== '0');
  }

  async recent(limit: number): Promise<readonly StreamEvent[]> {
    const events = await this.#redis.xrevrange(REVOCATION_KEYS.stream, '+', '-', 'COUNT', limit);
    return events.map(parsedEvent).reverse();
  }

  async after(n: number, waitMs: number): Promise<readonly StreamEvent[]> {
    const { stream } = REVOCATION_KEYS;
    const answer =
      waitMs === 0
        ? await this.#redis.xread('COUNT', EVENTS_PART, 'STREAMS', stream, `${n}-0`)
        : await this.#waiting.xread('COUNT', EVENTS_PART, 'BLOCK', waitMs, 'STREAMS', stream, `${n}-0`);
    return (answer?.[0]?.[1] ?? []).map(parsedEvent);
  }
}

/**
 * How far a server is behind the one that auth writes to.
 *
 * @throws Error where nobody can say: a replica without its primary, and a server that auth hasn't looked at
 */
function behind(info: string, node: string | null | undefined): number {
  const value = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  if (value('role') !== 'master') {
    if (value('master_link_status') !== 'up') throw new Error('this Redis is a replica without its primary');
    // In whole seconds, rounded down.
    return (Number(value('master_last_io_seconds_ago')) + 1) * 1_000;
  }
  if (value('run_id') !== node) throw new Error('this Redis is another one, which no auth has looked at yet');
  return 0;
}

function parsedEvent([id, fields]: readonly [id: string, fields: readonly string[]]): StreamEvent {
  const field = (name: string): string => {
    const at = fields.indexOf(name);
    const value = at % 2 === 0 ? fields[at + 1] : undefined;
    if (value === undefined) throw new TypeError(`an event of the stream lacks its field ${name}`);
    return value;
  };
  return {
    streamId: field('stream'),
    n: wholeNumber(id.replace(/-0$/, '')),
    id: field('id'),
    previous: field('previous'),
    entry: parsedEntry(field('entry')),
  };
}

function parsedEntry(text: string): RevocationEntry {
  return parseRevocationEntry(JSON.parse(text));
}

function wholeNumber(text: string | null | undefined): number {
  if (!/^\d{1,15}$/.test(text ?? '')) throw new TypeError('the stream of revocations has a number that is none');
  return Number(text);
}
