import { type Clock, systemClock } from './clock.js';
import { type Fetch } from './session-http.js';
import { type SessionSettings } from './session.js';

/** What both kinds of client are told. */
export interface CommonOptions {
  /** How long before its end a token that is in use is replaced: 30 by default, half of the token's life at most. */
  readonly refreshAheadSeconds?: number;
  /** That much earlier at most, by chance for each token, so that clients don't come together: 10 by default. */
  readonly refreshJitterSeconds?: number;
  /** What an API says to a token that it doesn't take: `[401]` by default. 403 for one that says so in that way. */
  readonly retryOn?: readonly (401 | 403)[];
  /** Other origins than that of `baseUrl` that the access token may be sent to. None by default. */
  readonly allowedOrigins?: readonly string[];
  /** For each call of a session route: 10,000 by default. Your own requests have your own `signal`. */
  readonly requestTimeoutMs?: number;
  /** `fetch` of the runtime by default. */
  readonly fetch?: Fetch;
  /** Takes addresses without TLS that aren't this machine's: whoever is on the way reads every token. */
  readonly dangerouslyAllowHttp?: boolean;
  /** For tests. */
  readonly clock?: Clock;
  /** For tests: from 0 to 1, as `Math.random`. */
  readonly random?: () => number;
}

export interface Common {
  readonly settings: SessionSettings;
  readonly retryOn: ReadonlySet<number>;
  readonly origins: ReadonlySet<string>;
  readonly baseUrl: URL;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: () => number;
}

const REFUSALS: readonly number[] = [401, 403];

/** @throws TypeError that names the option */
export function resolveCommon(
  baseUrl: URL,
  options: CommonOptions,
  tabs: { tabAnswerMs?: number | undefined; tabLockWaitMs?: number | undefined } = {},
): Common {
  const { retryOn = [401], allowedOrigins = [], fetch, clock = systemClock, random = Math.random } = options;
  if (!isArray(allowedOrigins)) throw new TypeError('allowedOrigins has to be an array of origins.');
  if (fetch !== undefined && typeof fetch !== 'function') throw new TypeError('fetch has to be a function.');
  if (!isArray(retryOn) || retryOn.length === 0 || retryOn.some((status) => !REFUSALS.includes(status))) {
    throw new TypeError('retryOn has to be [401], [403] or [401, 403].');
  }
  const others = allowedOrigins.map((origin) => secureUrl('allowedOrigins', origin, options).origin);
  return {
    settings: Object.freeze({
      refreshAheadMs: 1_000 * amount('refreshAheadSeconds', options.refreshAheadSeconds, 30),
      refreshJitterMs: 1_000 * amount('refreshJitterSeconds', options.refreshJitterSeconds, 10),
      requestTimeoutMs: amount('requestTimeoutMs', options.requestTimeoutMs, 10_000),
      tabAnswerMs: amount('tabAnswerMs', tabs.tabAnswerMs, 100),
      tabLockWaitMs: amount('tabLockWaitMs', tabs.tabLockWaitMs, 3_000),
    }),
    retryOn: new Set(retryOn),
    origins: new Set([baseUrl.origin, ...others]),
    baseUrl,
    // Called by itself: that of a page refuses to be called as a member of something else.
    fetch: fetch ? (input, init) => fetch(input, init) : (input, init) => globalThis.fetch(input, init),
    clock,
    random,
  };
}

/**
 * An address that tokens may be sent to: with TLS, or on this machine.
 *
 * @param base what it is relative to, if it may be relative
 * @throws TypeError that names the option
 */
export function secureUrl(
  name: string,
  value: string,
  { dangerouslyAllowHttp = false }: CommonOptions,
  base?: string,
): URL {
  const url = parsed(value, base);
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && (isLoopback(url) || dangerouslyAllowHttp));
  if (!url || !secure || url.username !== '' || url.password !== '') {
    throw new TypeError(`${name} has to be an https: address, or an http: one of this machine.`);
  }
  return url;
}

function parsed(value: string, base: string | undefined): URL | undefined {
  try {
    return new URL(value, base);
  } catch {
    return undefined;
  }
}

/** @returns the address with a slash at its end, so that paths can be put after it */
export function asFolder(url: URL): URL {
  return new URL(url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`, url);
}

function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Leaves the type what it is. */
function isArray(value: unknown): boolean {
  return Array.isArray(value);
}

function amount(name: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== 'number' || !(value >= 0) || value === Infinity)
    throw new TypeError(`${name} has to be a number, 0 or more.`);
  return value;
}
