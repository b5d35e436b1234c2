import {
  CopiedRevocations,
  RevocationCopy,
  type RevocationEntry,
  RevocationList,
  type RevocationObserver,
  type RevocationStream,
  type StreamEvent,
  StreamFollower,
  type StreamHead,
} from '@token-relay/jwt-guard';
import { StoreUnavailable } from '@token-relay/service-kit';
import { type AuthStore, STREAM_EVENTS } from '../store/auth-store';
import { EventRing } from './event-ring';
import { LONGEST_TOKEN_SECONDS, MARGIN_SECONDS } from './kept-seconds';

/** Less than the tolerance that verifiers give to clocks. */
const MOST_AHEAD_SECONDS = 3;

const ATTEMPTS = 2;
const SWEEP_MS = 60_000;
const WRITES_AT_ONCE = 100;

export interface RevocationLogOptions {
  readonly issuer: string;
  readonly store: AuthStore;
  readonly observer?: RevocationObserver;
  /** How long after it was issued a token may be judged, by who handles late what came with it, as it is now. Default: 0. */
  readonly lateHandlingSeconds?: () => number;
  /** Seconds since 1970-01-01T00:00:00Z. */
  readonly now?: () => number;
}

/**
 * What this auth knows of the store's revocations: all of them, as others write them too, within milliseconds. It
 * judges auth's own calls, feeds the verifiers, and mends the store: what it knows to be revoked and the store has
 * lost is written back, and a store that has lost its memory revokes everything that was issued before.
 */
export class RevocationLog extends CopiedRevocations {
  readonly #lateHandlingSeconds: () => number;
  readonly #store: AuthStore;
  readonly #now: () => number;
  readonly #follower: StreamFollower;
  readonly #ring = new EventRing(STREAM_EVENTS);
  readonly #listeners = new Set<() => void>();
  #head: StreamHead | undefined;
  /** The latest `iat` of a token that was issued here. */
  #lastIssued = 0;
  /** The latest `notBefore` that covers, or is known to be about, whatever was issued here before it. */
  #settled = -Infinity;
  /** The store has moved, or started, since another auth looked at it, and nothing of it is known here yet. */
  #hasMoved = false;
  #sessionsNotBefore = 0;
  #sweeping: NodeJS.Timeout | undefined;
  /** What the last snapshot held. */
  #inStore: RevocationList;

  constructor({
    issuer,
    store,
    observer,
    lateHandlingSeconds = () => 0,
    now = () => Date.now() / 1000,
  }: RevocationLogOptions) {
    super(new RevocationCopy({ issuer, now }));
    this.#lateHandlingSeconds = lateHandlingSeconds;
    this.#store = store;
    this.#now = now;
    this.#inStore = this.#newList();
    const steps = {
      missing: () => this.#begin(),
      merged: (head: StreamHead, goesOn: boolean) => this.#mend(head, goesOn),
      followed: (events: readonly StreamEvent[]) => this.#follow(events),
    };
    const stream: RevocationStream = {
      head: () => this.#look(),
      snapshot: () => this.#snapshot(),
      recent: (limit) => store.recent(limit),
      after: (n, waitMs) => store.after(n, waitMs),
    };
    this.#follower = new StreamFollower(stream, { copy: this.copy, steps, ...(observer && { observer }) });
  }

  start(): Promise<void> {
    this.#follower.start();
    this.#sweeping ??= setInterval(() => this.copy.sweep(), SWEEP_MS).unref();
    return this.copy.whenReady;
  }

  close(): void {
    clearInterval(this.#sweeping);
    void this.#follower.close();
  }

  /** How long after it was issued a token may be judged, by who handles late what came with it. */
  get lateHandlingSeconds(): number {
    return this.#lateHandlingSeconds();
  }

  /**
   * How long what concerns tokens that nobody can count is kept: long enough for who handles them late, be that counted
   * from when they were issued or from when they have expired.
   */
  get keptSeconds(): number {
    return LONGEST_TOKEN_SECONDS + this.lateHandlingSeconds;
  }

  /** Everything that is revoked, as far as it is known here. */
  entries(): Iterable<RevocationEntry> {
    return this.copy.entries();
  }

  /** The events that are remembered. */
  get events(): Pick<EventRing, 'streamId' | 'last' | 'after'> {
    return this.#ring;
  }

  /**
   * Calls back when there are new events, or another stream.
   *
   * @returns what ends it
   */
  onEvents(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The epoch of subjects that none was recorded for.
   *
   * @throws StoreUnavailable before the store was read once
   */
  get firstEpoch(): number {
    if (!this.#head) throw new StoreUnavailable();
    return this.#head.createdMs;
  }

  /**
   * `iat` of a token that is issued now: later than everything that was revoked issuer-wide.
   *
   * @throws StoreUnavailable while that is too far ahead for a verifier to accept: everything was revoked by a clock that
   *   is ahead, or again and again
   */
  issuedAt(): number {
    const now = this.#now();
    const issuedAt = Math.max(Math.floor(now), this.copy.notBefore + 1);
    if (issuedAt > now + MOST_AHEAD_SECONDS) throw new StoreUnavailable();
    this.#lastIssued = Math.max(this.#lastIssued, issuedAt);
    return issuedAt;
  }

  /** The `notBefore` that revokes whatever was issued until now: by others not earlier than the last one allows. */
  untilNow(): number {
    return Math.max(Math.floor(this.#now()), this.#lastIssued, this.copy.notBefore + 1);
  }

  /**
   * Revokes: once it resolves it counts in the store and here, and is on its way to everybody. If it rejects, it may
   * count nonetheless.
   *
   * @throws StoreUnavailable
   */
  async publish(entry: RevocationEntry): Promise<void> {
    if (entry.kind === 'all') this.#settled = Math.max(this.#settled, entry.notBefore);
    await this.#append(entry);
    this.copy.merge([entry]);
  }

  /**
   * Sessions that began then, or before, have ended: seconds since 1970-01-01T00:00:00Z. Everything was revoked, perhaps
   * longer ago than tokens live.
   */
  get sessionsNotBefore(): number {
    return Math.max(this.#sessionsNotBefore, this.copy.notBefore);
  }

  /** Whether every token of that session is revoked. */
  isSessionRevoked(sessionId: string): boolean {
    return this.copy.isSessionRevoked(sessionId);
  }

  /** The epoch that tokens of this user must have to be good. */
  epochOf(subject: string): number {
    return this.copy.epochOf(subject);
  }

  /**
   * Makes sure that the store hasn't lost its memory since it was looked at last.
   *
   * @throws StoreUnavailable where it has, or can't be asked
   */
  async confirm(): Promise<void> {
    const head = await this.#store.head();
    if (!head || head.createdMs !== this.#head?.createdMs) throw new StoreUnavailable();
  }

  async #append(entry: RevocationEntry): Promise<void> {
    let streamId = this.#head?.streamId;
    for (let attempt = 1; ; attempt++) {
      try {
        if (streamId !== undefined && (await this.#store.append(streamId, entry)) !== undefined) return;
        // Another stream has been begun; or none, which the follower is about to see.
        streamId = (await this.#store.head())?.streamId;
        if (attempt > ATTEMPTS) throw new StoreUnavailable();
      } catch (error) {
        // It may have been applied: to add it once more changes nothing.
        if (attempt >= ATTEMPTS) throw error;
      }
    }
  }

  #newList(): RevocationList {
    return new RevocationList({ issuer: '', now: this.#now });
  }

  /** A store without a stream: new, or flushed. */
  async #begin(): Promise<void> {
    await this.#store.begin({ notBefore: this.untilNow(), keptSeconds: this.keptSeconds });
  }

  async *#snapshot(): AsyncGenerator<readonly RevocationEntry[]> {
    this.#inStore = this.#newList();
    for await (const entries of this.#store.snapshot()) {
      for (const entry of entries) this.#inStore.add(entry);
      yield entries;
    }
  }

  async #mend(head: StreamHead, goesOn: boolean): Promise<void> {
    const flushed = this.#head !== undefined && head.createdMs !== this.#head.createdMs;
    // By an auth that has just started, and knows no better: perhaps in the second of the last time.
    if (flushed) this.#settled = -Infinity;
    // Known here, and not to the store: it is among what is written back, now or at the next look.
    this.copy.merge(this.#issuedAhead());
    this.#sessionsNotBefore = Math.max(this.sessionsNotBefore, await this.#store.notBefore());
    await this.#finish(this.#inStore.entries());
    const lost = this.#lostEntries();
    await inParts(lost, (entry) => this.#store.append(head.streamId, entry));
    this.#inStore = this.#newList();
    // Who reads the stream has perhaps seen what is gone, and not what has its number now.
    if (lost.length > 0 || (!goesOn && head.streamId === this.#ring.streamId)) await this.#store.renew(head.streamId);
    this.#head = head;
    if (this.#hasMoved) await this.#distrust();
    if (goesOn) return;
    this.#ring.reset(head.streamId, head.last, await this.#store.recent(STREAM_EVENTS));
    this.#tellListeners();
  }

  /**
   * Another auth has revoked everything, or the store has lost its memory: what this one has issued with a clock that
   * is ahead of theirs is meant as well. Of what it issues from here on nothing is.
   */
  #issuedAhead(): RevocationEntry[] {
    const { notBefore } = this.copy;
    if (notBefore <= this.#settled) return [];
    this.#settled = Math.max(notBefore, this.#lastIssued);
    if (this.#lastIssued <= notBefore) return [];
    return [{ kind: 'all', notBefore: this.#lastIssued, until: this.#lastIssued + this.keptSeconds }];
  }

  async #look(): Promise<StreamHead | undefined> {
    const head = await this.#store.head();
    if (head?.moved && this.#head === undefined) this.#hasMoved = true;
    return head;
  }

  /** This auth has just started, and so has the store: what that was told last nobody knows any more. */
  async #distrust(): Promise<void> {
    if (!(await this.#store.isDurable())) {
      const notBefore = this.untilNow();
      await this.publish({ kind: 'all', notBefore, until: notBefore + this.keptSeconds });
    }
    this.#hasMoved = false;
  }

  /** What is known here and not to the store; but for what the store may have forgotten because it has expired. */
  #lostEntries(): RevocationEntry[] {
    const soon = this.#now() + MARGIN_SECONDS / 2;
    return [...this.copy.entries()].filter(
      (entry) => this.#inStore.add(entry) && (entry.kind === 'kid' || entry.until > soon),
    );
  }

  async #follow(events: readonly StreamEvent[]): Promise<void> {
    const ahead = this.#issuedAhead();
    this.#ring.push(events);
    this.#tellListeners();
    // First here: if the store fails, it is written back.
    this.copy.merge(ahead);
    for (const entry of ahead) await this.publish(entry);
    await this.#finish(events.map(({ entry }) => entry));
  }

  /** For whoever has revoked and then crashed before sessions knew of it. */
  async #finish(entries: Iterable<RevocationEntry>): Promise<void> {
    const unfinished: (() => Promise<void>)[] = [];
    for (const entry of entries) {
      if (entry.kind === 'sub') unfinished.push(() => this.#store.raiseEpoch(entry.value, entry.epoch));
      if (entry.kind === 'sid') unfinished.push(() => this.#store.sessions.end(entry.value));
    }
    await inParts(unfinished, (finish) => finish());
  }

  #tellListeners(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Many writes, but not all at once. */
async function inParts<Item>(items: readonly Item[], write: (item: Item) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += WRITES_AT_ONCE) {
    await Promise.all(items.slice(i, i + WRITES_AT_ONCE).map(write));
  }
}
