/** Where the client reads the time, and how it waits. */
export interface Clock {
  /** Milliseconds that nobody can set, as `performance.now()`. They may stand still while the device sleeps. */
  monotonic(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z, as `Date.now()`. Anybody can set them. */
  wall(): number;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, Math.min(milliseconds, LONGEST_TIMEOUT_MS)),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/**
 * How long ago something was, by whichever clock says longer: the one may have been set back, and the other may have
 * stood still in a sleep. To think that a token is older than it is costs a refresh; the other way it costs a refusal.
 */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #monotonic: number;
  readonly #wall: number;

  readonly #before: number;

  /** @param before milliseconds that had passed already */
  constructor(clock: Clock, before = 0) {
    this.#clock = clock;
    this.#monotonic = clock.monotonic();
    this.#wall = clock.wall();
    this.#before = before;
  }

  elapsedMs(): number {
    return this.#before + Math.max(0, this.#clock.monotonic() - this.#monotonic, this.#clock.wall() - this.#wall);
  }
}

/** Calls back once, in a while. It doesn't keep a Node process alive. */
export class BackgroundTimer {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #timer: unknown;

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** Does nothing if it runs already. */
  start(milliseconds: number): void {
    if (this.running) return;
    const timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#callback();
      },
      Math.max(0, milliseconds),
    );
    this.#timer = timer;
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as { unref(): void }).unref();
  }

  stop(): void {
    if (this.running) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
