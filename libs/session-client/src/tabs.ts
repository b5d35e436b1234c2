import { type Clock } from './clock.js';
import { LocalLocks, type Locks } from './local-locks.js';
import { type Heard, opened, sealed, type TabMessage } from './tab-message.js';

/** What is used of a BroadcastChannel. */
export interface Channel {
  postMessage(data: unknown): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

export interface TabsOptions {
  /** Of the lock and the channel. */
  readonly name: string;
  readonly clock: Clock;
  /** None where there are no Web Locks. */
  readonly locks: Locks | undefined;
  readonly channel: Channel | undefined;
}

/** The other tabs of the same origin, if there may be any. */
export class Tabs {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #locks: Locks;
  #channel: Channel | undefined;

  constructor({ name, clock, locks, channel }: TabsOptions) {
    this.#name = name;
    this.#clock = clock;
    this.#locks = locks ?? new LocalLocks();
    this.#channel = channel;
  }

  /** Whether anybody may hear. */
  get connected(): boolean {
    return this.#channel !== undefined;
  }

  /**
   * Runs the work while no other tab runs theirs – or all the same, when waiting has taken too long, as a tab that
   * holds the lock may be frozen, or when it is needless, or when there are no locks here. So the work has to be safe
   * beside another's: the lock only spares the server some.
   *
   * @param enough ends the wait
   */
  async exclusively<T>(work: () => Promise<T>, waitMs: number, enough: AbortSignal): Promise<T> {
    const waiting = new AbortController();
    const stop = (): void => waiting.abort();
    const timer = this.#clock.setTimeout(stop, waitMs);
    enough.addEventListener('abort', stop);
    if (enough.aborted) stop();
    let running: Promise<T> | undefined;
    const run = (): Promise<T> => {
      this.#clock.clearTimeout(timer);
      return (running ??= work());
    };
    try {
      return await this.#locks.request(this.#name, { signal: waiting.signal }, run);
    } catch {
      return await run();
    } finally {
      this.#clock.clearTimeout(timer);
      enough.removeEventListener('abort', stop);
    }
  }

  tell(message: TabMessage): void {
    this.#channel?.postMessage(sealed(message, this.#clock.wall()));
  }

  listen(listener: (heard: Heard) => void): void {
    this.#channel?.addEventListener('message', ({ data }) => {
      const heard = opened(data, this.#clock.wall());
      if (heard) listener(heard);
    });
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }
}
