const SWEPT_AT_LEAST = 1_000;

/** Names that may be used once, in memory: each is forgotten when nobody takes it any more. */
export class UsedNames {
  readonly #until = new Map<string, number>();
  #sweepAt = SWEPT_AT_LEAST;

  /** @param now seconds since 1970-01-01T00:00:00Z */
  constructor(private readonly now: () => number) {}

  /** @returns whether it wasn't used before */
  use(name: string, until: number): boolean {
    if ((this.#until.get(name) ?? -Infinity) > this.now()) return false;
    this.#until.set(name, until);
    if (this.#until.size >= this.#sweepAt) this.#sweep();
    return true;
  }

  get size(): number {
    return this.#until.size;
  }

  #sweep(): void {
    const now = this.now();
    for (const [name, until] of this.#until) if (until <= now) this.#until.delete(name);
    this.#sweepAt = Math.max(SWEPT_AT_LEAST, 2 * this.#until.size);
  }
}
