import { type AccessToken } from './access-token.js';
import { type Stopwatch } from './clock.js';

/** For so long a token that came after a refusal isn't replaced because it is refused as well. */
const REFUSED_AGAIN_MS = 10_000;

export interface TokenSlotSettings {
  readonly refreshAheadMs: number;
  readonly refreshJitterMs: number;
}

/** Holds the newest access token of a session, and knows what it is still good for. */
export class TokenSlot {
  readonly #settings: TokenSlotSettings;
  readonly #random: () => number;
  #token: AccessToken | undefined;
  #refused = false;
  #dueAtLeftMs = 0;

  constructor(settings: TokenSlotSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
  }

  take(token: AccessToken): void {
    const { refreshAheadMs, refreshJitterMs } = this.#settings;
    this.#token = token;
    this.#refused = false;
    // Never so early that it would have to be replaced as soon as it came.
    this.#dueAtLeftMs = Math.min(refreshAheadMs + this.#random() * refreshJitterMs, token.lifeMs / 2);
  }

  forget(): void {
    this.#token = undefined;
    this.#refused = false;
  }

  /** The token, if it lives and was not refused. */
  get present(): AccessToken | undefined {
    const token = this.#token;
    return token && !this.#refused && token.leftMs() > 0 ? token : undefined;
  }

  /** The token, if it needn't be replaced yet. */
  get fresh(): AccessToken | undefined {
    const token = this.present;
    return token && this.untilDueMs(token) > 0 ? token : undefined;
  }

  /** Milliseconds until the token should be replaced. */
  untilDueMs(token: AccessToken): number {
    return token.leftMs() - this.#dueAtLeftMs;
  }

  /** Whether this one, which another tab has, is better than the one here. */
  wants(token: AccessToken): boolean {
    return !this.#token || (token.value !== this.#token.value && token.ageMs() <= this.#token.ageMs());
  }

  /** Whether the token here was asked for then or later. */
  isSince(moment: Stopwatch): boolean {
    return this.#token !== undefined && this.#token.ageMs() <= moment.elapsedMs();
  }

  /** Whether the API has refused the token, and there is none in its place yet. */
  get refused(): boolean {
    return this.#refused;
  }

  /**
   * The API has refused a token.
   *
   * @returns whether another is worth a try: one refusal is mended by a refresh, but if the token that came of it is
   * refused as well, that isn't why
   */
  refuse(value: string): boolean {
    const token = this.#token;
    if (token?.value !== value) return true;
    if (token.afterRefusal && token.ageMs() < REFUSED_AGAIN_MS) return false;
    this.#refused = true;
    return true;
  }

  /** The API is going to refuse the token. */
  distrust(): void {
    this.#refused = this.#token !== undefined;
  }
}
