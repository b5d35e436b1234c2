import { createSessionClient, type SessionChange, type SessionClientOptions } from '../src/index.js';
import { LocalLocks } from '../src/local-locks.js';
import { type Channel } from '../src/tabs.js';
import { FakeClock } from './fake-clock.js';
import { FakeGateway } from './fake-gateway.js';

export const BASE_URL = 'https://gateway.test';
export const CREDENTIALS = { username: 'alice', password: 'right' };

/** The tabs of one origin: they share the gateway, the cookie, the locks and the channel. */
export class Browser {
  readonly clock = new FakeClock();
  readonly gateway = new FakeGateway();
  readonly locks = new LocalLocks();
  /** Everything that was said on the channel. */
  readonly said: unknown[] = [];
  readonly #channels = new Set<FakeChannel>();

  /** A tab in which the page has been loaded. Refreshes without jitter unless told otherwise. */
  tab(options: SessionClientOptions = {}) {
    let channel: FakeChannel | undefined;
    const client = createSessionClient({
      baseUrl: BASE_URL,
      fetch: this.gateway.fetch,
      clock: this.clock,
      random: () => 0,
      refreshJitterSeconds: 0,
      locks: this.locks,
      createChannel: (name) => (channel = new FakeChannel(name, this.#channels, this.said)),
      ...options,
    });
    const changes: SessionChange[] = [];
    client.subscribe((change) => changes.push(change));
    return Object.assign(client, {
      changes,
      /** Hears nothing from now on, until it is thawed: then it hears all of it. */
      deafen: () => channel?.deafen(),
      thaw: () => channel?.thaw(),
    });
  }

  /** One that is logged in. */
  async loggedIn(options: SessionClientOptions = {}) {
    const tab = this.tab(options);
    await tab.login(CREDENTIALS);
    return tab;
  }
}

class FakeChannel implements Channel {
  readonly #listeners: ((event: { readonly data: unknown }) => void)[] = [];
  #waiting: unknown[] | undefined;

  constructor(
    readonly name: string,
    private readonly all: Set<FakeChannel>,
    private readonly said: unknown[],
  ) {
    all.add(this);
  }

  addEventListener(_type: 'message', listener: (event: { readonly data: unknown }) => void): void {
    this.#listeners.push(listener);
  }

  postMessage(data: unknown): void {
    if (!this.all.has(this)) throw new Error('InvalidStateError');
    this.said.push(data);
    for (const other of this.all) {
      if (other !== this && other.name === this.name) queueMicrotask(() => other.#hear(structuredClone(data)));
    }
  }

  close(): void {
    this.all.delete(this);
  }

  deafen(): void {
    this.#waiting ??= [];
  }

  thaw(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const data of waiting) this.#hear(data);
  }

  #hear(data: unknown): void {
    if (this.#waiting) this.#waiting.push(data);
    else for (const listener of this.#listeners) listener({ data });
  }
}
