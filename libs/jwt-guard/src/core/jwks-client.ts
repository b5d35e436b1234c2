import { setTimeout as sleep } from 'node:timers/promises';
import { type AlgorithmName } from './algorithms';
import { TokenRejected, VerifierUnavailable } from './refusals';
import { type KeySource } from './resolve-key';
import { importKeySet, type VerificationKey } from './verification-key';

/** The numbers of the client, in milliseconds; tests shorten them. */
export interface JwksTimes {
  /** Age at which the set is fetched again, ± 20 %, before anybody has to wait for it. */
  readonly refreshMs: number;
  /** Least time from the start of a fetch that went well to the next, whoever asks for it. */
  readonly gapMs: number;
  /** Least time from a first failure to the next try; doubles with each, up to `maxBackOffMs`. */
  readonly backOffMs: number;
  readonly maxBackOffMs: number;
  /** A fetch that takes longer has failed. */
  readonly timeoutMs: number;
  /** How long a token with an unknown `kid` waits for a set that could hold it. */
  readonly waitMs: number;
  /** Age past which a set that could not be renewed isn't used any more. */
  readonly maxStaleMs: number;
}

const TIMES: JwksTimes = Object.freeze({
  refreshMs: 50_000,
  gapMs: 2_000,
  backOffMs: 250,
  maxBackOffMs: 2_000,
  timeoutMs: 3_000,
  waitMs: 2_500,
  maxStaleMs: 3_600_000,
});

const MAX_BYTES = 64 * 1024;
const MAX_WAITERS = 100;

/**
 * The keys that an issuer publishes at an URL.
 *
 * - A known `kid` is answered from memory, without a promise.
 * - The set is renewed in the background. A failed, broken or empty answer never replaces good keys; they are
 *   used for up to `maxStaleMs` more.
 * - A `kid` that isn't known may belong to a key that the issuer has just begun to use. So it is refused only
 *   after a set *asked for since then* lacks it; until then its token waits. All who wait share one fetch, and
 *   fetches keep their gap: a flood of made-up ids costs one fetch per gap and never blocks a known key.
 */
export class JwksClient implements KeySource {
  readonly #uri: URL;
  readonly #algorithms: ReadonlySet<AlgorithmName>;
  readonly #times: JwksTimes;
  #keys: ReadonlyMap<string, VerificationKey> | undefined;
  #fetchedAt = -Infinity;
  #notBefore = -Infinity;
  #failures = 0;
  #lastFailure: unknown;
  #waiters = 0;
  /** The fetch that hasn't begun yet: whoever asks now may share it. */
  #upcoming: Promise<void> | undefined;
  /** The fetch that has begun last, and whether it is still under way. */
  #running: Promise<void> = Promise.resolve();
  #fetching = false;
  #refresh: NodeJS.Timeout | undefined;
  readonly #closed = new AbortController();

  constructor(uri: URL, algorithms: ReadonlySet<AlgorithmName>, times: Partial<JwksTimes> = {}) {
    this.#uri = uri;
    this.#algorithms = algorithms;
    this.#times = { ...TIMES, ...times };
  }

  get ready(): boolean {
    return this.#keys !== undefined && !this.#tooStale;
  }

  find(kid: string): VerificationKey | Promise<VerificationKey> {
    return this.#usable(kid) ?? this.#waitFor(kid);
  }

  async load(): Promise<void> {
    if (this.#keys) return;
    await this.#fetchFromNowOn();
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#refresh);
  }

  get #tooStale(): boolean {
    return performance.now() - this.#fetchedAt > this.#times.maxStaleMs;
  }

  async #waitFor(kid: string): Promise<VerificationKey> {
    // Beyond that they are not honest clients of a key that has just come into use. Before the first set they are.
    if (this.#waiters >= MAX_WAITERS && this.#keys) throw new VerifierUnavailable('key_not_yet_known');
    this.#waiters++;
    try {
      return await this.#findInNextSet(kid, performance.now() + this.#times.waitMs);
    } finally {
      this.#waiters--;
    }
  }

  async #findInNextSet(kid: string, deadline: number): Promise<VerificationKey> {
    // What is on its way may hold the key. That it doesn't proves nothing: it was asked for before.
    if (this.#fetching) {
      await settledWithin(this.#running, deadline - performance.now());
      const key = this.#usable(kid);
      if (key) return key;
    }
    if (this.#closed.signal.aborted || this.#notBefore > deadline) throw this.#unavailable();
    const inTime = await settledWithin(this.#fetchFromNowOn(), deadline - performance.now());
    const key = this.#usable(kid);
    if (key) return key;
    if (this.#failures > 0 || this.#closed.signal.aborted) throw this.#unavailable();
    if (!inTime) throw new VerifierUnavailable('key_not_yet_known');
    throw new TokenRejected('key_unknown');
  }

  #usable(kid: string): VerificationKey | undefined {
    return this.#tooStale ? undefined : this.#keys?.get(kid);
  }

  #unavailable(): VerifierUnavailable {
    return new VerifierUnavailable('keys_unavailable', { cause: this.#lastFailure });
  }

  /** A fetch that begins after this call: as soon as the gap allows, and shared by all who call until then. */
  #fetchFromNowOn(): Promise<void> {
    this.#upcoming ??= this.#running
      .then(() => this.#pause(this.#notBefore - performance.now()))
      .then(() => {
        this.#upcoming = undefined;
        this.#running = this.#fetch();
        return this.#running;
      });
    return this.#upcoming;
  }

  /** Never rejects: what went wrong is kept, and told to those whom it concerns. */
  async #fetch(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    const startedAt = performance.now();
    this.#fetching = true;
    try {
      const keys = importKeySet(await this.#download(), this.#algorithms);
      if (keys.size === 0) throw new Error('the JWKS holds no key that can be used');
      this.#keys = keys;
      this.#fetchedAt = startedAt;
      this.#failures = 0;
      this.#notBefore = startedAt + this.#times.gapMs;
      this.#refreshIn(this.#times.refreshMs * (0.8 + Math.random() * 0.4));
    } catch (error) {
      this.#lastFailure = error;
      const backOff = Math.min(this.#times.backOffMs * 2 ** this.#failures++, this.#times.maxBackOffMs);
      this.#notBefore = performance.now() + backOff;
      this.#refreshIn(backOff);
    } finally {
      this.#fetching = false;
    }
  }

  async #download(): Promise<unknown> {
    const response = await fetch(this.#uri, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      // Whoever can redirect the request could otherwise choose the keys.
      redirect: 'error',
      signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(this.#times.timeoutMs)]),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the JWKS was answered with status ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new Error(`the JWKS is larger than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }

  #refreshIn(ms: number): void {
    clearTimeout(this.#refresh);
    if (this.#closed.signal.aborted) return;
    this.#refresh = setTimeout(() => void this.#fetchFromNowOn(), ms).unref();
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    // Ends early only by close(), and then the fetch that follows does nothing.
    await sleep(ms, undefined, { ref: false, signal: this.#closed.signal }).catch(() => undefined);
  }
}

/** Whether the promise settled within that time. */
function settledWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
