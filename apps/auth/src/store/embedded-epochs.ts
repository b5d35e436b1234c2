import { EPOCH_SECONDS } from './auth-store';

const SWEPT_AT_LEAST = 1_000;

/** The epochs of subjects, in memory. They only rise, and are forgotten when no session can be as old. */
export class EmbeddedEpochs {
  readonly #epochs = new Map<string, { readonly value: number; readonly until: number }>();
  #sweepAt = SWEPT_AT_LEAST;

  /** @param now seconds since 1970-01-01T00:00:00Z */
  constructor(private readonly now: () => number) {}

  of(subject: string): number | undefined {
    const epoch = this.#epochs.get(subject);
    return epoch && epoch.until > this.now() ? epoch.value : undefined;
  }

  raise(subject: string, epoch: number): void {
    if ((this.of(subject) ?? -Infinity) >= epoch) return;
    this.#epochs.set(subject, { value: epoch, until: this.now() + EPOCH_SECONDS });
    if (this.#epochs.size >= this.#sweepAt) this.#sweep();
  }

  /** @returns the epoch that is there now: even, and this or a higher one */
  pass(subject: string, epoch: number): number {
    const before = this.of(subject) ?? 0;
    if (before >= epoch && before % 2 === 0) return before;
    const passed = before >= epoch ? before + 1 : epoch;
    this.raise(subject, passed);
    return passed;
  }

  get size(): number {
    return this.#epochs.size;
  }

  #sweep(): void {
    const now = this.now();
    for (const [subject, { until }] of this.#epochs) if (until <= now) this.#epochs.delete(subject);
    this.#sweepAt = Math.max(SWEPT_AT_LEAST, 2 * this.#epochs.size);
  }
}
