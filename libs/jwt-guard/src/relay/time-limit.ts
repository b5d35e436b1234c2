import { finished, type Readable } from 'node:stream';
import { type OutageCode, VerifierUnavailable } from '../core/refusals';
import { type CallState } from '../nest/call-state';

/** The longest that can be said to a destination. */
const LONGEST_MS = 9_999_999;

/** @throws TypeError naming the option that makes no sense */
export function checkTimeout(name: string, ms: number): void {
  if (Number.isInteger(ms) && ms >= 1 && ms <= LONGEST_MS) return;
  throw new TypeError(`${name}: must be a whole number of milliseconds, 1 to ${LONGEST_MS}`);
}

/**
 * How long the caller of this call waits, in milliseconds.
 *
 * @throws VerifierUnavailable `deadline_exceeded` when it doesn't any more
 */
export function remainingMs(call: CallState | undefined): number {
  if (call?.deadline === undefined) return Infinity;
  const remaining = call.deadline - performance.now();
  if (remaining <= 0) throw new VerifierUnavailable('deadline_exceeded');
  return remaining;
}

/** As much of an `AbortSignal` as is needed: anything that ends once. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

interface Limits {
  /** On whose behalf: how long its own caller waits. */
  readonly call: CallState | undefined;
  /** How long the destination may take; of a streamed body, from its end on. */
  readonly timeoutMs: number;
  readonly stream: Readable | undefined;
  /** Aborted when the caller doesn't wait any more. */
  readonly signal: AbortSignalLike | undefined;
}

/**
 * What ends a call until its answer begins: its caller, the deadline of the call that it is made for, or a destination
 * that takes too long – from the first moment on, with whatever has to be fetched for it, and once more where it is
 * repeated.
 */
export class TimeLimit {
  /** Whether it is over: by its caller alone, once the answer has begun. */
  aborted = false;
  /** Why it is over. */
  reason: unknown;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #caller: AbortSignalLike | undefined;
  readonly #callerGone: () => void;
  #stopped = false;
  /** Of whoever waits for something. */
  #giveUp: ((reason: unknown) => void) | undefined;
  #follower: ((reason: unknown) => void) | undefined;

  /** @throws VerifierUnavailable `deadline_exceeded` for a call that is over before it begins */
  constructor({ call, timeoutMs, stream, signal }: Limits) {
    const remaining = remainingMs(call);
    // Not assigned as it is written: V8 would make it, and what it holds, for the long run, each time.
    const callerGone = (): void => this.#abort(signal?.reason);
    this.#callerGone = callerGone;
    this.#caller = signal;
    if (signal?.aborted) callerGone();
    signal?.addEventListener('abort', callerGone);
    if (remaining <= timeoutMs) this.#abortIn(remaining, 'deadline_exceeded');
    else if (!stream) this.#abortIn(timeoutMs, 'upstream_timeout');
    else {
      if (remaining !== Infinity) this.#abortIn(remaining, 'deadline_exceeded');
      finished(stream, { writable: false }, () => this.#abortIn(timeoutMs, 'upstream_timeout'));
    }
  }

  /** Why time is up; `undefined` as long as it isn't, and where the caller has gone. */
  get exceeded(): OutageCode | undefined {
    return this.reason instanceof VerifierUnavailable ? this.reason.code : undefined;
  }

  /** Has it called when it is over, in place of whoever was to be called before: a call asks one after the other. */
  follow(ended: (reason: unknown) => void): void {
    this.#follower = ended;
    if (this.aborted) ended(this.reason);
  }

  /** Waits for it, one at a time, and no longer than there is time. @throws what it is over for */
  race<Result>(promise: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      if (this.aborted) this.#giveUp(this.reason);
      promise.then(resolve, reject);
    });
  }

  /** The answer has begun: from here on only the caller ends it, for as long as its body lasts. */
  answered(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** There is nothing to end any more. */
  end(): void {
    this.answered();
    this.#caller?.removeEventListener('abort', this.#callerGone);
  }

  #abortIn(ms: number, code: OutageCode): void {
    if (this.#stopped) return;
    this.#timers.push(setTimeout(() => this.#abort(new VerifierUnavailable(code)), ms));
  }

  #abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#follower?.(reason);
    this.#giveUp?.(reason);
  }
}
