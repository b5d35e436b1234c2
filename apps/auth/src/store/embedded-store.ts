import { type RevocationEntry, RevocationList, type StreamEvent, type StreamHead } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { type AuthStore, type Minting, type RevokedUntilNow, STREAM_EVENTS } from './auth-store';
import { EmbeddedEpochs } from './embedded-epochs';
import { EmbeddedSessionStore } from './embedded-session-store';
import { UsedNames } from './used-names';
import { type SessionTimes } from './session-store';

/** The state of a single auth, in its memory: gone when the process ends, and with it every key that signed for it. */
export class EmbeddedStore implements AuthStore {
  readonly sessions: EmbeddedSessionStore;
  readonly #entries: RevocationList;
  readonly #epochs: EmbeddedEpochs;
  readonly #used: UsedNames;
  readonly #minted: UsedNames;
  readonly #waiting = new Set<() => void>();
  #head: { streamId: string; createdMs: number; last: number; tail: string } | undefined;
  #events: StreamEvent[] = [];
  #notBefore = 0;

  /** @param now seconds since 1970-01-01T00:00:00Z */
  constructor(now: () => number = () => Date.now() / 1000, times?: SessionTimes) {
    this.#epochs = new EmbeddedEpochs(now);
    this.#used = new UsedNames(now);
    this.#minted = new UsedNames(now);
    this.sessions = new EmbeddedSessionStore(this.#epochs, now, times);
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
    if (entry.kind === 'all') this.#notBefore = Math.max(this.#notBefore, entry.notBefore);
    this.#events.push({ streamId, n, id, previous, entry });
    if (this.#events.length > 2 * STREAM_EVENTS) this.#events = this.#events.slice(-STREAM_EVENTS);
    for (const wake of [...this.#waiting]) wake();
    return Promise.resolve(n);
  }

  notBefore(): Promise<number> {
    return Promise.resolve(this.#notBefore);
  }

  mint({ subject, jti, expiresAt, defaultEpoch }: Minting): Promise<number> {
    this.#minted.use(JSON.stringify([subject, jti]), expiresAt);
    return Promise.resolve(this.#epochs.of(subject) ?? defaultEpoch);
  }

  wasMinted(subject: string, jti: string): Promise<boolean> {
    return Promise.resolve(this.#minted.has(JSON.stringify([subject, jti])));
  }

  useOnce(clientId: string, name: string, until: number): Promise<boolean> {
    return Promise.resolve(this.#used.use(JSON.stringify([clientId, name]), until));
  }

  epoch(subject: string): Promise<number | undefined> {
    return Promise.resolve(this.#epochs.of(subject));
  }

  raiseEpoch(subject: string, epoch: number): Promise<void> {
    this.#epochs.raise(subject, epoch);
    return Promise.resolve();
  }

  passEpoch(subject: string, epoch: number): Promise<number> {
    return Promise.resolve(this.#epochs.pass(subject, epoch));
  }

  /** How many tokens are remembered, and epochs. */
  get size(): number {
    return this.#minted.size + this.#epochs.size;
  }

  isDurable(): Promise<boolean> {
    return Promise.resolve(false);
  }

  close(): void {
    for (const wake of [...this.#waiting]) wake();
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
}
