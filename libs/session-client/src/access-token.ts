import { type Stopwatch } from './clock.js';

/** An access token and its age. What is in it is for the API alone (RFC 9068, section 6). */
export class AccessToken {
  readonly value: string;
  /** Milliseconds from its issue to its end. */
  readonly lifeMs: number;
  /** Whether it came because the one before was refused, not because that had become old. */
  readonly afterRefusal: boolean;
  readonly #since: Stopwatch;

  /** @param since when the token was asked for: an answer that waited in a sleeping tab is as old as that */
  constructor(value: string, lifeMs: number, since: Stopwatch, afterRefusal = false) {
    this.value = value;
    this.lifeMs = lifeMs;
    this.afterRefusal = afterRefusal;
    this.#since = since;
  }

  ageMs(): number {
    return this.#since.elapsedMs();
  }

  /** Negative once it has expired. */
  leftMs(): number {
    return this.lifeMs - this.ageMs();
  }
}
