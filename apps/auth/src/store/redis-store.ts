import {
  RedisRevocationStream,
  REVOCATION_KEYS,
  type RevocationEntry,
  type StreamEvent,
  type StreamHead,
} from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { type AuthStore, EPOCH_SECONDS, type Minting, type RevokedUntilNow, STREAM_EVENTS } from './auth-store';
import { type RedisClient } from '@token-relay/service-kit';
import { APPEND, BEGIN, MINT, RAISE_EPOCH, RENEW } from './redis-scripts';
import { StoreUnavailable } from './store-unavailable';

type RawHead = readonly [streamId: string, createdMs: string, last: string, tail: string];

/** The scripts, as ioredis makes methods of them: sent by their hash, and in full where Redis doesn't know them yet. */
interface Scripts {
  trBegin(...parameters: (string | number)[]): Promise<RawHead>;
  trRenew(...parameters: (string | number)[]): Promise<RawHead | null>;
  trAppend(...parameters: (string | number)[]): Promise<number | null>;
  trMint(...parameters: (string | number)[]): Promise<string | null>;
  trRaiseEpoch(...parameters: (string | number)[]): Promise<number>;
}

/**
 * The state of any number of auths, in Redis 7 or later, a cluster too: the revocations are in one hash slot, and so
 * is all that belongs to one subject.
 */
export class RedisStore implements AuthStore {
  readonly #redis: RedisClient & Scripts;
  readonly #waiting: RedisClient;
  readonly #stream: RedisRevocationStream;

  /** @param waiting a connection of its own for the reads that wait */
  constructor(redis: RedisClient, waiting: RedisClient) {
    redis.defineCommand('trBegin', { numberOfKeys: 4, lua: BEGIN });
    redis.defineCommand('trRenew', { numberOfKeys: 2, lua: RENEW });
    redis.defineCommand('trAppend', { numberOfKeys: 4, lua: APPEND });
    redis.defineCommand('trMint', { numberOfKeys: 2, lua: MINT });
    redis.defineCommand('trRaiseEpoch', { numberOfKeys: 1, lua: RAISE_EPOCH });
    this.#redis = redis as RedisClient & Scripts;
    this.#waiting = waiting;
    this.#stream = new RedisRevocationStream(redis, waiting);
  }

  head(): Promise<StreamHead | undefined> {
    return decided(this.#stream.head());
  }

  async *snapshot(): AsyncGenerator<readonly RevocationEntry[]> {
    try {
      yield* this.#stream.snapshot();
    } catch (cause) {
      throw new StoreUnavailable({ cause });
    }
  }

  recent(limit: number): Promise<readonly StreamEvent[]> {
    return decided(this.#stream.recent(limit));
  }

  after(n: number, waitMs: number): Promise<readonly StreamEvent[]> {
    return decided(this.#stream.after(n, waitMs));
  }

  async begin({ notBefore, keptSeconds }: RevokedUntilNow): Promise<StreamHead> {
    const { head, stream, entries, expiry } = REVOCATION_KEYS;
    const parameters = [head, stream, entries, expiry, randomUUID(), notBefore, keptSeconds, randomUUID()];
    return headOf(await decided(this.#redis.trBegin(...parameters)));
  }

  async renew(streamId: string): Promise<StreamHead | undefined> {
    const { head, stream } = REVOCATION_KEYS;
    const answer = await decided(this.#redis.trRenew(head, stream, streamId, randomUUID()));
    return answer ? headOf(answer) : undefined;
  }

  async append(streamId: string, entry: RevocationEntry): Promise<number | undefined> {
    const { head, stream, entries, expiry } = REVOCATION_KEYS;
    const parameters = [head, stream, entries, expiry, streamId, JSON.stringify(entry), STREAM_EVENTS, randomUUID()];
    const n = await decided(this.#redis.trAppend(...parameters));
    return n ?? undefined;
  }

  async mint({ subject, jti, expiresAt, defaultEpoch }: Minting): Promise<number> {
    const keys = keysOf(subject);
    const epoch = await decided(this.#redis.trMint(keys.epoch, keys.minted(jti), Math.ceil(expiresAt)));
    return epoch === null ? defaultEpoch : Number(epoch);
  }

  async wasMinted(subject: string, jti: string): Promise<boolean> {
    return (await decided(this.#redis.exists(keysOf(subject).minted(jti)))) === 1;
  }

  async epoch(subject: string): Promise<number | undefined> {
    const epoch = await decided(this.#redis.get(keysOf(subject).epoch));
    return epoch === null ? undefined : Number(epoch);
  }

  async raiseEpoch(subject: string, epoch: number): Promise<void> {
    await decided(this.#redis.trRaiseEpoch(keysOf(subject).epoch, epoch, EPOCH_SECONDS));
  }

  close(): void {
    this.#redis.disconnect();
    this.#waiting.disconnect();
  }
}

/** Encoded, as a brace in a subject would end the part that chooses the hash slot. */
function keysOf(subject: string) {
  const slot = `tr:{${encodeURIComponent(subject)}}`;
  return { epoch: `${slot}:epoch`, minted: (jti: string) => `${slot}:jti:${jti}` };
}

function headOf([streamId, createdMs, last, tail]: RawHead): StreamHead {
  return { streamId, createdMs: Number(createdMs), last: Number(last), tail };
}

async function decided<Result>(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (cause) {
    throw new StoreUnavailable({ cause });
  }
}
