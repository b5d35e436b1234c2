import { type Clock, Stopwatch } from './clock.js';
import { SessionError, type SessionErrorCode } from './session-error.js';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** For how long the server is left alone after a failure: as long as it says, or twice as long each time. */
export class BackOff {
  readonly #clock: Clock;
  readonly #random: () => number;
  #failures = 0;
  #wait: { readonly since: Stopwatch; readonly milliseconds: number; readonly code: SessionErrorCode } | undefined;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * @param code why
   * @returns how many milliseconds to wait from now on. An answer that got lost once is no reason to wait.
   */
  failed(code: SessionErrorCode, retryAfterSeconds = 0): number {
    const doublings = this.#failures++ - (isOfNetwork(code) ? 1 : 0);
    // Clients that failed together are not to come back together.
    const chosenMs = Math.min(FIRST_MS * 2 ** doublings, LONGEST_MS) * (0.5 + this.#random() / 2);
    const milliseconds = retryAfterSeconds * 1_000 || (doublings < 0 ? 0 : chosenMs);
    this.wait(code, milliseconds);
    return milliseconds;
  }

  /** @param code why */
  wait(code: SessionErrorCode, milliseconds: number): void {
    this.#wait = { since: new Stopwatch(this.#clock), milliseconds, code };
  }

  over(): void {
    this.#failures = 0;
    this.#wait = undefined;
  }

  /** What failed because of the network may not fail now. */
  networkIsBack(): void {
    if (this.#wait && isOfNetwork(this.#wait.code)) this.over();
  }

  /** Milliseconds that are left. */
  get leftMs(): number {
    return this.#wait ? Math.max(0, this.#wait.milliseconds - this.#wait.since.elapsedMs()) : 0;
  }

  /** @throws SessionError like the one that began it, while it lasts */
  check(): void {
    const { leftMs } = this;
    if (!this.#wait || leftMs === 0) return;
    throw new SessionError(this.#wait.code, 'The last refresh has failed: it is too early for another.', {
      retryAfterSeconds: Math.ceil(leftMs / 1_000),
    });
  }
}

function isOfNetwork(code: SessionErrorCode): boolean {
  return code === 'network_failed' || code === 'timed_out';
}
