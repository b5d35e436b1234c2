import {
  RedisRevocationStream,
  REVOCATION_KEYS,
  type RevocationEntry,
  type StreamEvent,
  type StreamHead,
} from '@token-relay/jwt-guard';
import { createHash, randomUUID } from 'node:crypto';
import { type AuthStore, EPOCH_SECONDS, type Minting, type RevokedUntilNow, STREAM_EVENTS } from './auth-store';
import { decided, type RedisClient, StoreUnavailable } from '@token-relay/service-kit';
import { APPEND, BEGIN, LOOK, MINT, PASS_EPOCH, RAISE_EPOCH, RENEW, WAS_MINTED } from './redis-scripts';
import { RedisSessionStore, type RedisSessionStoreOptions } from './redis-session-store';
import { slotOf } from './slot';

type RawHead = readonly [streamId: string, createdMs: string, last: string, tail: string];

/** The scripts, as ioredis makes methods of them: sent by their hash, and in full where Redis doesn't know them yet. */
interface Scripts {
  trLook(...parameters: string[]): Promise<readonly [...RawHead, moved: string] | null>;
  trWasMinted(...parameters: (string | number)[]): Promise<number>;
  trBegin(...parameters: (string | number)[]): Promise<RawHead>;
  trRenew(...parameters: (string | number)[]): Promise<RawHead | null>;
  trAppend(...parameters: (string | number)[]): Promise<number | null>;
  trMint(...parameters: (string | number)[]): Promise<string | null>;
  trRaiseEpoch(...parameters: (string | number)[]): Promise<number>;
  trPassEpoch(...parameters: (string | number)[]): Promise<string>;
}

/** How long it is remembered that what was issued to a subject is: longer than a token lives. */
const MEMORY_SECONDS = 3_600;

/**
 * The state of any number of auths, in Redis 7 or later, a cluster too: the revocations are in one hash slot, and so
 * is all that belongs to one subject.
 */
export class RedisStore implements AuthStore {
  readonly sessions: RedisSessionStore;
  readonly #redis: RedisClient & Scripts;
  readonly #waiting: RedisClient;
  readonly #stream: RedisRevocationStream;

  /** @param waiting a connection of its own for the reads that wait */
  constructor(redis: RedisClient, waiting: RedisClient, sessions?: RedisSessionStoreOptions) {
    redis.defineCommand('trLook', { numberOfKeys: 2, lua: LOOK });
    redis.defineCommand('trBegin', { numberOfKeys: 4, lua: BEGIN });
    redis.defineCommand('trRenew', { numberOfKeys: 2, lua: RENEW });
    redis.defineCommand('trAppend', { numberOfKeys: 4, lua: APPEND });
    redis.defineCommand('trMint', { numberOfKeys: 3, lua: MINT });
    redis.defineCommand('trWasMinted', { numberOfKeys: 2, lua: WAS_MINTED });
    redis.defineCommand('trRaiseEpoch', { numberOfKeys: 1, lua: RAISE_EPOCH });
    redis.defineCommand('trPassEpoch', { numberOfKeys: 1, lua: PASS_EPOCH });
    this.#redis = redis as RedisClient & Scripts;
    this.#waiting = waiting;
    this.sessions = new RedisSessionStore(redis, sessions);
    this.#stream = new RedisRevocationStream(redis, waiting);
  }

  async head(): Promise<StreamHead | undefined> {
    const { head, stream } = REVOCATION_KEYS;
    const answer = await decided(this.#redis.trLook(head, stream, randomUUID()));
    if (!answer) return undefined;
    const [streamId, createdMs, last, tail, moved] = answer;
    return { ...headOf([streamId, createdMs, last, tail]), moved: moved === '1' };
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
    const ids = [randomUUID(), randomUUID()];
    const parameters = [...ids, notBefore, keptSeconds, notBefore * 1_000];
    return headOf(await decided(this.#redis.trBegin(head, stream, entries, expiry, ...parameters)));
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

  async notBefore(): Promise<number> {
    return Number((await decided(this.#redis.hget(REVOCATION_KEYS.head, 'notBefore'))) ?? 0);
  }

  async mint({ subject, jti, expiresAt, defaultEpoch, now }: Minting): Promise<number> {
    const keys = keysOf(subject);
    const times = [Math.ceil(expiresAt), Math.floor(now), MEMORY_SECONDS];
    const epoch = await decided(this.#redis.trMint(keys.epoch, keys.minted(jti), keys.memory, ...times));
    return epoch === null ? defaultEpoch : Number(epoch);
  }

  async wasMinted(subject: string, jti: string, issuedAt: number): Promise<boolean | undefined> {
    const keys = keysOf(subject);
    const answer = await decided(this.#redis.trWasMinted(keys.minted(jti), keys.memory, issuedAt));
    return answer === -1 ? undefined : answer === 1;
  }

  async useOnce(clientId: string, name: string, until: number): Promise<boolean> {
    const digest = createHash('sha256')
      .update(JSON.stringify([clientId, name]))
      .digest('base64url');
    // Whose it is: when the answer is lost the client sends the command again, and finds what it has set itself.
    const use = randomUUID();
    const key = `tr:{used:${digest}}`;
    const before = await decided(this.#redis.set(key, use, 'EXAT', Math.ceil(until), 'NX', 'GET'));
    return before === null || before === use;
  }

  async epoch(subject: string): Promise<number | undefined> {
    const epoch = await decided(this.#redis.get(keysOf(subject).epoch));
    return epoch === null ? undefined : Number(epoch);
  }

  async raiseEpoch(subject: string, epoch: number): Promise<void> {
    await decided(this.#redis.trRaiseEpoch(keysOf(subject).epoch, epoch, EPOCH_SECONDS));
  }

  async passEpoch(subject: string, epoch: number): Promise<number> {
    return Number(await decided(this.#redis.trPassEpoch(keysOf(subject).epoch, epoch, EPOCH_SECONDS)));
  }

  async isDurable(): Promise<boolean> {
    return /^aof_enabled:1\r?$/m.test(await decided(this.#redis.info('persistence')));
  }

  close(): void {
    this.#redis.disconnect();
    this.#waiting.disconnect();
  }
}

function keysOf(subject: string) {
  const slot = `tr:{${slotOf(subject)}}`;
  return { epoch: `${slot}:epoch`, memory: `${slot}:memory`, minted: (jti: string) => `${slot}:jti:${jti}` };
}

function headOf([streamId, createdMs, last, tail]: RawHead): StreamHead {
  return { streamId, createdMs: Number(createdMs), last: Number(last), tail };
}
