import { type Clock } from '../src/clock.js';

/** Lets whatever can go on without the clock go on. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes when a test says so. */
export class FakeClock implements Clock {
  #monotonic = 5_000;
  #wall = Date.parse('2026-03-01T12:00:00Z');
  readonly #timers = new Map<object, { readonly at: number; readonly callback: () => void }>();

  monotonic(): number {
    return this.#monotonic;
  }

  wall(): number {
    return this.#wall;
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    const timer = {};
    this.#timers.set(timer, { at: this.#monotonic + milliseconds, callback });
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as object);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Timers fire on time, and what they lead to happens. */
  async pass(seconds: number): Promise<void> {
    await settled();
    const end = this.#monotonic + seconds * 1_000;
    for (let due = this.#due(end); due; due = this.#due(end)) {
      const [timer, { at, callback }] = due;
      this.#forward(Math.max(0, at - this.#monotonic));
      this.#timers.delete(timer);
      callback();
      await settled();
    }
    this.#forward(end - this.#monotonic);
  }

  /** The tab is frozen: both clocks go on, and no timer fires. They do when the tab runs again, late. */
  freeze(seconds: number): void {
    this.#forward(seconds * 1_000);
  }

  /** The device sleeps: the monotonic clock stands still, as it does on some systems. */
  sleep(seconds: number): void {
    this.#wall += seconds * 1_000;
  }

  /** Somebody sets the clock. */
  setWall(seconds: number): void {
    this.#wall += seconds * 1_000;
  }

  #forward(milliseconds: number): void {
    this.#monotonic += milliseconds;
    this.#wall += milliseconds;
  }

  #due(end: number) {
    return [...this.#timers].sort(([, a], [, b]) => a.at - b.at).find(([, { at }]) => at <= end);
  }
}
