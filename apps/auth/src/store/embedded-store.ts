import { type RevocationEntry, RevocationList, type StreamEvent, type StreamHead } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { type AuthStore, EPOCH_SECONDS, type Minting, type RevokedUntilNow, STREAM_EVENTS } from './auth-store';

interface Subject {
  epoch: { readonly value: number; readonly until: number } | undefined;
  /** `jti` to `exp`. */
  readonly minted: Map<string, number>;
}

const SWEPT_AT_LEAST = 1_000;

/** The state of a single auth, in its memory: gone when the process ends, and with it every key that signed for it. */
export class EmbeddedStore implements AuthStore {
  readonly #now: () => number;
  readonly #entries: RevocationList;
  readonly #subjects = new Map<string, Subject>();
  readonly #waiting = new Set<() => void>();
  #head: { streamId: string; createdMs: number; last: number; tail: string } | undefined;
  #events: StreamEvent[] = [];
  #minted = 0;
  #sweepAt = SWEPT_AT_LEAST;

  /** @param now seconds since 1970-01-01T00:00:00Z */
  constructor(now: () => number = () => Date.now() / 1000) {
    this.#now = now;
    // Whose tokens they are makes no difference here: nobody asks this list about one.
    this.#entries = new RevocationList({ issuer: '', now });
  }

  head(): Promise<StreamHead | undefined> {
    return Promise.resolve(this.#head && { ...this.#head });
  }

  async *snapshot(): AsyncGenerator<readonly RevocationEntry[]> {
    await Promise.resolve();
    yield [...this.#entries.entries()];
  }

  recent(limit: number): Promise<readonly StreamEvent[]> {
    return Promise.resolve(this.#events.slice(-limit));
  }

  async after(n: number, waitMs: number): Promise<readonly StreamEvent[]> {
    const found = this.#behind(n);
    if (found.length > 0 || waitMs === 0) return found;
    await this.#nextEvent(waitMs);
    return this.#behind(n);
  }

  async begin({ notBefore, keptSeconds }: RevokedUntilNow): Promise<StreamHead> {
    if (!this.#head) {
      const streamId = randomUUID();
      this.#head = { streamId, createdMs: notBefore * 1_000, last: 0, tail: streamId };
      await this.append(streamId, { kind: 'all', notBefore, until: notBefore + keptSeconds });
    }
    return { ...this.#head };
  }

  renew(streamId: string): Promise<StreamHead | undefined> {
    if (this.#head?.streamId === streamId) {
      const renewed = randomUUID();
      this.#head = { ...this.#head, streamId: renewed, last: 0, tail: renewed };
      this.#events = [];
    }
    return this.head();
  }

  append(streamId: string, entry: RevocationEntry): Promise<number | undefined> {
    if (this.#head?.streamId !== streamId) return Promise.resolve(undefined);
    const n = ++this.#head.last;
    const [id, previous] = [randomUUID(), this.#head.tail];
    this.#head.tail = id;
    this.#entries.add(entry);
    this.#events.push({ streamId, n, id, previous, entry });
    if (this.#events.length > 2 * STREAM_EVENTS) this.#events = this.#events.slice(-STREAM_EVENTS);
    for (const wake of [...this.#waiting]) wake();
    return Promise.resolve(n);
  }

  mint({ subject, jti, expiresAt, defaultEpoch }: Minting): Promise<number> {
    const { minted } = this.#subject(subject);
    if (!minted.has(jti) && ++this.#minted >= this.#sweepAt) this.#sweep();
    minted.set(jti, expiresAt);
    return Promise.resolve(this.#epochOf(subject) ?? defaultEpoch);
  }

  wasMinted(subject: string, jti: string): Promise<boolean> {
    const expiresAt = this.#subjects.get(subject)?.minted.get(jti);
    return Promise.resolve(expiresAt !== undefined && expiresAt > this.#now());
  }

  epoch(subject: string): Promise<number | undefined> {
    return Promise.resolve(this.#epochOf(subject));
  }

  raiseEpoch(subject: string, epoch: number): Promise<void> {
    if ((this.#epochOf(subject) ?? -Infinity) < epoch) {
      this.#subject(subject).epoch = { value: epoch, until: this.#now() + EPOCH_SECONDS };
    }
    return Promise.resolve();
  }

  /** How many subjects there is something about. */
  get subjects(): number {
    return this.#subjects.size;
  }

  isDurable(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #epochOf(subject: string): number | undefined {
    const epoch = this.#subjects.get(subject)?.epoch;
    return epoch && epoch.until > this.#now() ? epoch.value : undefined;
  }

  #subject(subject: string): Subject {
    let found = this.#subjects.get(subject);
    if (!found) this.#subjects.set(subject, (found = { epoch: undefined, minted: new Map() }));
    return found;
  }

  #behind(n: number): readonly StreamEvent[] {
    const first = this.#events[0]?.n ?? 1;
    return this.#events.slice(Math.max(0, n + 1 - first));
  }

  async #nextEvent(waitMs: number): Promise<void> {
    let wake: () => void = () => undefined;
    const timer = setTimeout(() => wake(), waitMs).unref();
    await new Promise<void>((resolve) => this.#waiting.add((wake = resolve)));
    clearTimeout(timer);
    this.#waiting.delete(wake);
  }

  /** Forgets the tokens that have expired, and whoever nothing is left of. */
  #sweep(): void {
    const now = this.#now();
    this.#minted = 0;
    for (const [subject, { epoch, minted }] of this.#subjects) {
      for (const [jti, expiresAt] of minted) if (expiresAt <= now) minted.delete(jti);
      this.#minted += minted.size;
      if (minted.size === 0 && !(epoch && epoch.until > now)) this.#subjects.delete(subject);
    }
    this.#sweepAt = Math.max(SWEPT_AT_LEAST, 2 * this.#minted);
  }
}
