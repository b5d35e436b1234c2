export interface RepeaterOptions {
  readonly everyMs: number;
  /** How long the pauses get when it fails again and again: each is twice as long as the one before. */
  readonly atMostMs: number;
  /** Called for the first failure in a row, not for each. */
  readonly onFailure: (error: unknown) => void;
}

/** Runs a task again and again, never twice at once, for as long as it isn't closed. It holds up no process' end. */
export class Repeater {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  #closed = false;

  constructor(
    private readonly task: () => Promise<void>,
    private readonly options: RepeaterOptions,
  ) {}

  /** Runs it at once, or waits for the run that is under way; then goes on as before. */
  now(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    clearTimeout(this.#timer);
    this.#running ??= this.#run();
    return this.#running;
  }

  /** No run begins after this; resolves when the last one has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      await this.task();
      this.#failures = 0;
    } catch (error) {
      if (this.#failures++ === 0) this.options.onFailure(error);
    }
    this.#running = undefined;
    if (this.#closed) return;
    const { everyMs, atMostMs } = this.options;
    // 2 ** 10 is more than any limit has to be; unbounded it would be Infinity one day.
    const pause = Math.min(everyMs * 2 ** Math.min(this.#failures, 10), Math.max(everyMs, atMostMs));
    this.#timer = setTimeout(() => void this.now(), pause).unref();
  }
}
