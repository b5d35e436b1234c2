import { setTimeout as sleep } from 'node:timers/promises';
import { tell } from '../core/observer';
import { type RevocationCopy, type RevocationObserver } from './revocation-copy';
import { type RevocationStream, type StreamEvent, type StreamHead } from './revocation-stream';

/** How long one look waits for the next event, in milliseconds: at most as old is what is known here. */
export const WAIT_MS = 500;
const RETRY_MS = 100;
const MOST_RETRY_MS = 500;
const MOST_REASONS = 10;

/** What is done besides, at each step. What a step throws is a failure of the store: the step is tried again. */
export interface FollowerSteps {
  /** There is no stream. Default: to wait until there is one. */
  missing?(): Promise<void>;
  /**
   * A snapshot was merged: the first, one of another stream, or one after a failure.
   *
   * @param goesOn whether the next events are those behind the last that were followed, and not those behind the head
   */
  merged?(head: StreamHead, goesOn: boolean): Promise<void>;
  /** These events, the next in order, were merged. */
  followed?(events: readonly StreamEvent[]): Promise<void> | void;
}

export interface FollowerOptions {
  readonly copy: RevocationCopy;
  readonly observer?: RevocationObserver | undefined;
  readonly steps?: FollowerSteps;
  /** A clock that nobody sets, in milliseconds. Default: `performance.now`. */
  readonly monotonic?: () => number;
}

interface Position {
  readonly streamId: string;
  n: number;
  /** The id of event `n`. */
  tail: string;
}

/**
 * Keeps a copy as a store has it. What was merged is never taken away again, whatever becomes of the store; after
 * every failure everything is read once more, as the store may be another one by now.
 */
export class StreamFollower {
  readonly #stream: RevocationStream;
  readonly #copy: RevocationCopy;
  readonly #observer: RevocationObserver | undefined;
  readonly #steps: FollowerSteps;
  readonly #monotonic: () => number;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  /** Up to where the copy has everything. */
  #position: Position | undefined;
  /** Whether a snapshot has to be merged before the copy is complete. */
  #unsure = true;
  /** Why it doesn't follow, as far as that was told. */
  readonly #reasons = new Set<string>();
  #following = false;

  constructor(stream: RevocationStream, { copy, observer, steps = {}, monotonic }: FollowerOptions) {
    this.#stream = stream;
    this.#copy = copy;
    this.#observer = observer;
    this.#steps = steps;
    this.#monotonic = monotonic ?? (() => performance.now());
  }

  /** Follows until it is closed. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing goes on any more. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#ending.signal.aborted;) {
      try {
        await this.#step();
        failures = 0;
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        this.#failed(error);
        await this.#pause(Math.min(RETRY_MS * 2 ** failures++, MOST_RETRY_MS));
      }
    }
  }

  async #step(): Promise<void> {
    const asOf = this.#monotonic();
    const head = await this.#stream.head();
    if (!head) {
      this.#unsure = true;
      if (!this.#steps.missing) throw new Error('the store holds no stream of revocations');
      return this.#steps.missing();
    }
    if (!leadsTo(this.#position, head)) this.#unsure = true;
    if (this.#unsure) await this.#merge(head);
    const position = this.#position;
    while (position && !this.#unsure && position.n < head.last) await this.#follow(position, 0);
    if (!position || this.#unsure) return;
    this.#copy.completeAsOf(this.#monotonic() - asOf + (head.behindMs ?? 0));
    this.#isFollowing();
    await this.#follow(position, WAIT_MS);
  }

  async #merge(head: StreamHead): Promise<void> {
    for await (const entries of this.#stream.snapshot()) this.#copy.merge(entries);
    // Those since the last one that was followed are read once more, so that whoever follows this one misses none.
    const goesOn = leadsTo(this.#position, head);
    await this.#steps.merged?.(head, goesOn);
    if (!goesOn) {
      this.#position = { streamId: head.streamId, n: head.last, tail: head.tail };
      this.#copy.keysMayHaveChanged();
    }
    this.#unsure = false;
  }

  async #follow(position: Position, waitMs: number): Promise<void> {
    const found = await this.#stream.after(position.n, waitMs);
    if (this.#ending.signal.aborted) return;
    const isNext = ({ streamId, n, previous }: StreamEvent, i: number): boolean =>
      streamId === position.streamId && n === position.n + 1 + i && previous === (found[i - 1]?.id ?? position.tail);
    const firstStray = found.findIndex((event, i) => !isNext(event, i));
    const events = firstStray === -1 ? found : found.slice(0, firstStray);
    // Trimmed away, of another stream, or behind others than those that are known here; or gone.
    if (firstStray !== -1 || (found.length === 0 && waitMs === 0)) this.#getLost();
    if (events.length === 0) return;
    this.#copy.merge(events.map(({ entry }) => entry));
    position.n += events.length;
    position.tail = events.at(-1)?.id ?? position.tail;
    await this.#steps.followed?.(events);
  }

  #getLost(): void {
    this.#unsure = true;
    this.#position = undefined;
  }

  #failed(error: unknown): void {
    this.#unsure = true;
    this.#following = false;
    const reason = reasonOf(error);
    if (this.#reasons.has(reason) || this.#reasons.size >= MOST_REASONS) return;
    this.#reasons.add(reason);
    tell(this.#observer, 'lost', { reason });
  }

  #isFollowing(): void {
    this.#reasons.clear();
    if (this.#following) return;
    this.#following = true;
    tell(this.#observer, 'followed', { entries: this.#copy.stats.entries });
  }

  async #pause(ms: number): Promise<void> {
    // Aborted when it is closed, which is no failure.
    await sleep(ms, undefined, { signal: this.#ending.signal, ref: false }).catch(() => undefined);
  }
}

/** Whether the stream holds what leads to this position, as far as its head shows. */
function leadsTo(position: Position | undefined, { streamId, last, tail }: StreamHead): boolean {
  if (position?.streamId !== streamId || position.n > last) return false;
  return position.n < last || position.tail === tail;
}

/** What lies beneath: what a store's failure is called tells nobody anything. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
