import { setTimeout as sleep } from 'node:timers/promises';
import { type AnyAlgorithmName } from './algorithms';
import { type CurrentContext } from './client-tls';
import { ClockSkew, clockSkewWarning } from './clock-skew';
import { type JwksCache } from './jwks-cache';
import { tell, type VerifierObserver } from './observer';
import { TokenRejected, VerifierUnavailable } from './refusals';
import { type KeyReport, type KeySource } from './resolve-key';
import { TlsFetch } from './tls-fetch';
import { importKeySet, type ImportedKeys, reasons, renewed, type VerificationKey } from './verification-key';

export interface JwksClientOptions {
  readonly uri: URL;
  readonly issuer: string;
  readonly algorithms: ReadonlySet<AnyAlgorithmName>;
  /** The clock, in seconds since 1970-01-01T00:00:00Z, to measure the issuer's by. */
  readonly now: () => number;
  readonly clockToleranceSeconds: number;
  readonly observer?: VerifierObserver | undefined;
  readonly cache?: JwksCache | undefined;
  /** What connections are secured with. Default: what Node does by itself. */
  readonly tls?: CurrentContext | undefined;
  /** Called when a key has left the set. */
  readonly onRemoval?: () => void;
  readonly times?: Partial<JwksTimes>;
}

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

export const JWKS_TIMES: JwksTimes = Object.freeze({
  refreshMs: 50_000,
  gapMs: 2_000,
  backOffMs: 250,
  maxBackOffMs: 2_000,
  timeoutMs: 3_000,
  waitMs: 2_500,
  maxStaleMs: 3_600_000,
});

const MAX_BYTES = 64 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });
/** A flood of 1,000 made-up ids a second has 2,500 tokens waiting, and an honest one has to find a place among them. */
const MAX_WAITERS = 5_000;

/**
 * The keys that an issuer publishes at an URL.
 *
 * - A known `kid` is answered from memory, without a promise.
 * - The set is renewed in the background. A failed, broken or empty answer never replaces good keys; they are
 *   used for up to `maxStaleMs` more.
 * - What was fetched last by an earlier process serves, for as long, where the first fetch fails.
 * - A `kid` that isn't known may belong to a key that the issuer has just begun to use. So it is refused only
 *   after a set *asked for since then* lacks it; until then its token waits. All who wait share one fetch, and
 *   fetches keep their gap: a flood of made-up ids costs one fetch per gap and never blocks a known key.
 */
export class JwksClient implements KeySource {
  readonly single = false;
  readonly #options: JwksClientOptions;
  readonly #times: JwksTimes;
  readonly #skew: ClockSkew;
  readonly #tlsFetch: TlsFetch | undefined;
  #imported: ImportedKeys | undefined;
  #etag: string | undefined;
  /** The set that was fetched last. */
  #fetched: unknown;
  /** Whether the cache was asked: once, as it is about the time before this process. */
  #hasRecalled = false;
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
  /** Ends the fetch that is under way. */
  #flight: AbortController | undefined;
  #refresh: NodeJS.Timeout | undefined;
  readonly #closed = new AbortController();

  constructor(options: JwksClientOptions) {
    this.#options = options;
    this.#times = { ...JWKS_TIMES, ...options.times };
    this.#skew = new ClockSkew(options.clockToleranceSeconds);
    this.#tlsFetch = options.tls && new TlsFetch(options.tls, this.#times.timeoutMs);
  }

  get ready(): boolean {
    return this.#imported !== undefined && !this.#tooStale;
  }

  get lateHandlingSeconds(): number | undefined {
    return this.#tooStale ? undefined : this.#imported?.lateHandlingSeconds;
  }

  known(kid: string): VerificationKey | undefined {
    return this.#tooStale ? undefined : this.#imported?.keys.get(kid);
  }

  find(kid: string): VerificationKey | Promise<VerificationKey> {
    return this.known(kid) ?? this.#waitFor(kid);
  }

  report(): KeyReport {
    return {
      source: this.#options.uri.href,
      usable: [...(this.#imported?.keys.values() ?? [])],
      unusable: this.#imported?.unusable ?? [],
      ...(this.#imported && { ageSeconds: (performance.now() - this.#fetchedAt) / 1000 }),
      ...(this.#failures > 0 && { lastFailure: messageOf(this.#lastFailure) }),
      ...(this.#skew.seconds !== undefined && { clockSkewSeconds: this.#skew.seconds }),
    };
  }

  async load(): Promise<void> {
    if (this.#imported) return;
    await (this.#fetching ? this.#running : this.#fetchFromNowOn());
  }

  /** Never before the gap, or the back-off, is over, and together with whoever else asks in this time. */
  refresh(): void {
    if (!this.#closed.signal.aborted) void this.#fetchFromNowOn();
  }

  close(): void {
    this.#closed.abort();
    this.#flight?.abort();
    clearTimeout(this.#refresh);
    this.#tlsFetch?.close();
  }

  get #tooStale(): boolean {
    return performance.now() - this.#fetchedAt > this.#times.maxStaleMs;
  }

  async #waitFor(kid: string): Promise<VerificationKey> {
    // Beyond that they are not honest clients of a key that has just come into use. Before the first set they are.
    if (this.#waiters >= MAX_WAITERS && this.#imported) throw new VerifierUnavailable('key_not_yet_known');
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
      const key = this.known(kid);
      if (key) return key;
    }
    if (this.#closed.signal.aborted || this.#notBefore > deadline) throw this.#unavailable();
    const inTime = await settledWithin(this.#fetchFromNowOn(), deadline - performance.now());
    const key = this.known(kid);
    if (key) return key;
    if (this.#failures > 0 || this.#closed.signal.aborted) throw this.#unavailable();
    if (!this.#imported) throw this.#unavailable();
    if (!inTime) throw new VerifierUnavailable('key_not_yet_known');
    throw new TokenRejected('key_unknown');
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
    const { timeoutMs } = this.#times;
    // A timer of our own, held by the loop until it is cleared: on Node 20 a signal of AbortSignal.timeout() that only
    // AbortSignal.any() knows of is garbage, and the fetch would have no end.
    const flight = (this.#flight = new AbortController());
    const timeout = setTimeout(() => flight.abort(new Error(`the JWKS took more than ${timeoutMs} ms`)), timeoutMs);
    this.#fetching = true;
    try {
      const outcome = await this.#renew(flight.signal);
      this.#fetchedAt = startedAt;
      this.#failures = 0;
      this.#notBefore = startedAt + this.#times.gapMs;
      this.#refreshIn(startedAt + this.#times.refreshMs * (0.8 + Math.random() * 0.4) - performance.now());
      this.#tellFetched(outcome, startedAt);
    } catch (error) {
      this.#lastFailure = error;
      const backOff = Math.min(this.#times.backOffMs * 2 ** this.#failures++, this.#times.maxBackOffMs);
      this.#notBefore = performance.now() + backOff;
      this.#refreshIn(backOff);
      if (!this.#closed.signal.aborted) this.#tellFetched('failed', startedAt, messageOf(error));
      await this.#recall();
    } finally {
      clearTimeout(timeout);
      this.#fetching = false;
    }
  }

  /** @throws Error, and changes nothing, unless there is an answer with at least one key that can be used */
  async #renew(signal: AbortSignal): Promise<'changed' | 'unchanged'> {
    const response = await this.#request(signal);
    if (response.status === 304 && this.#etag !== undefined) {
      await response.body?.cancel();
      this.#keep(this.#fetched);
      return 'unchanged';
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the JWKS was answered with status ${response.status}`);
    }
    const keySet = await jsonOf(response);
    const imported = importKeySet(keySet, this.#options.algorithms);
    if (imported.keys.size === 0) throw new Error(`the JWKS holds no key that can be used${reasons(imported)}`);
    this.#keep(keySet);
    this.#etag = response.headers.get('etag') ?? undefined;
    return this.#replace(imported) ? 'changed' : 'unchanged';
  }

  async #request(signal: AbortSignal): Promise<Response> {
    const askedAt = performance.now();
    const response = await (this.#tlsFetch?.fetch ?? fetch)(this.#options.uri, {
      headers: {
        accept: 'application/jwk-set+json, application/json',
        // A cache's answer of a minute ago says nothing of a key that came into use since.
        'cache-control': 'no-cache',
        ...(this.#etag !== undefined && { 'if-none-match': this.#etag }),
      },
      // Whoever can redirect the request could otherwise choose the keys.
      redirect: 'error',
      signal,
    });
    const tripSeconds = (performance.now() - askedAt) / 1000;
    if (this.#skew.read(response.headers, this.#options.now() - tripSeconds / 2, tripSeconds)) this.#tellSkewed();
    return response;
  }

  /** Nobody waits for it: this process has what it keeps for the next one. */
  #keep(keySet: unknown): void {
    this.#fetched = keySet;
    this.#options.cache?.write({ keySet, fetchedAt: this.#options.now() }).catch(cacheFailed);
  }

  /** Takes what an earlier process has fetched, if there is nothing yet, and that isn't too old. */
  async #recall(): Promise<void> {
    const { cache, now, algorithms } = this.#options;
    if (!cache || this.#imported || this.#hasRecalled) return;
    this.#hasRecalled = true;
    try {
      const kept = await cache.read();
      if (!kept || this.#closed.signal.aborted) return;
      const ageMs = (now() - kept.fetchedAt) * 1000;
      const imported = importKeySet(kept.keySet, algorithms);
      if (!(ageMs >= 0 && ageMs < this.#times.maxStaleMs) || imported.keys.size === 0) return;
      this.#imported = imported;
      this.#fetchedAt = performance.now() - ageMs;
    } catch (error) {
      cacheFailed(error);
    }
  }

  #replace(imported: ImportedKeys): boolean {
    const before = this.#imported?.keys.size ?? 0;
    const { keys, removed } = renewed(this.#imported, imported);
    this.#imported = { ...imported, keys };
    if (removed) this.#options.onRemoval?.();
    return removed || keys.size !== before;
  }

  #tellFetched(outcome: 'changed' | 'unchanged' | 'failed', startedAt: number, reason?: string): void {
    const { issuer, observer } = this.#options;
    const durationSeconds = (performance.now() - startedAt) / 1000;
    const keys = this.#imported?.keys.size ?? 0;
    tell(observer, 'jwksFetched', { issuer, outcome, durationSeconds, keys, ...(reason !== undefined && { reason }) });
  }

  #tellSkewed(): void {
    const { issuer, observer } = this.#options;
    const skewSeconds = this.#skew.seconds ?? 0;
    if (observer?.clockSkewed) return tell(observer, 'clockSkewed', { issuer, skewSeconds });
    process.emitWarning(clockSkewWarning({ issuer, skewSeconds }), { code: 'JWT_GUARD_CLOCK_SKEW' });
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

async function jsonOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`the JWKS is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(utf8.decode(Buffer.concat(chunks)));
}

/** What went wrong; `fetch` hides that behind "fetch failed". */
function messageOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
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

function cacheFailed(error: unknown): void {
  process.emitWarning(`The cache of the JWKS failed: ${messageOf(error)}`, { code: 'JWT_GUARD_JWKS_CACHE' });
}
