const WINDOW_MS = 60_000;
const LINES_PER_WINDOW = 10;

/** Tells of others that were cut off, in ten lines a minute at most, and of the rest how many they were. */
export class RefusedClients {
  #begun = -Infinity;
  #lines = 0;
  #untold = 0;

  constructor(
    private readonly logger: { warn(details: object, message: string): void },
    private readonly now: () => number = () => performance.now(),
    private readonly message = 'a client was cut off',
  ) {}

  tell(details: { readonly reason: string; readonly certificate?: string }): void {
    const now = this.now();
    if (now - this.#begun >= WINDOW_MS) {
      this.#begun = now;
      this.#lines = 0;
    }
    if (this.#lines >= LINES_PER_WINDOW) {
      this.#untold++;
      return;
    }
    this.#lines++;
    const untold = this.#untold;
    this.#untold = 0;
    this.logger.warn({ ...details, ...(untold > 0 && { untold }) }, this.message);
  }
}
