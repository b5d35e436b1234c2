import { type Clock } from './clock.js';
import { isServerCode, SessionError, type SessionErrorCode } from './session-error.js';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

const LONGEST_RETRY_AFTER_SECONDS = 3_600;

/** Speaks to the session routes: within a time limit, without following redirects, and with `SessionError`s alone. */
export class SessionHttp {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  /** @param timeoutMs for all of an answer, its body included */
  constructor(fetch: Fetch, clock: Clock, timeoutMs: number) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @param signal ends the wait; its reason is what is thrown then
   * @returns the JSON of a good answer; undefined if it has none
   * @throws SessionError with the server's `code`, if that is a known one; `temporarily_unavailable` for any other 429 or
   * 5xx; `unexpected_answer`; `timed_out`; `network_failed`, which is also what a redirect ends in
   */
  async send(url: string, init: RequestInit, signal: AbortSignal): Promise<unknown> {
    const limit = new AbortController();
    const timer = this.#clock.setTimeout(
      () => limit.abort(new SessionError('timed_out', 'The server has not answered in time.')),
      this.#timeoutMs,
    );
    const stop = (): void => limit.abort(signal.reason);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    // Not every fetch heeds its signal.
    const aborted = new Promise<never>((_resolve, reject) => {
      limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error));
    });
    aborted.catch(() => undefined);
    try {
      limit.signal.throwIfAborted();
      const exchange = this.#exchange(url, { ...init, redirect: 'error', cache: 'no-store', signal: limit.signal });
      return await Promise.race([exchange, aborted]);
    } catch (error) {
      if (limit.signal.aborted) throw limit.signal.reason;
      if (error instanceof SessionError) throw error;
      throw new SessionError('network_failed', 'The server could not be reached.', { cause: error });
    } finally {
      this.#clock.clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  async #exchange(url: string, init: RequestInit): Promise<unknown> {
    const response = await this.#fetch(url, init);
    const body = parsed(await response.text());
    if (response.ok) return body;
    throw this.#refused(response, body);
  }

  #refused({ status, headers }: Response, body: unknown): SessionError {
    const { code, error } = isObject(body) ? body : {};
    const serverCode = [code, error].find((name): name is string => typeof name === 'string');
    return new SessionError(codeOf(serverCode, status), `The server has answered ${status}.`, {
      status,
      serverCode,
      retryAfterSeconds: this.#retryAfter(headers.get('retry-after')),
    });
  }

  /** Seconds or a date (RFC 9110, section 10.2.3). */
  #retryAfter(header: string | null): number | undefined {
    const text = header?.trim() ?? '';
    // Date.parse makes a date of nearly everything.
    const date = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : NaN;
    const seconds = /^\d+$/.test(text) ? Number(text) : (date - this.#clock.wall()) / 1_000;
    return Number.isNaN(seconds) ? undefined : Math.min(Math.max(0, seconds), LONGEST_RETRY_AFTER_SECONDS);
  }
}

const ENDED = ['session_ended', 'refresh_token_missing'];

/** A session ends by word of its server alone: no proxy's 401 does. */
function codeOf(serverCode: string | undefined, status: number): SessionErrorCode {
  if (status === 401 && ENDED.includes(serverCode ?? '')) return 'session_ended';
  if (serverCode !== undefined && isServerCode(serverCode)) return serverCode;
  return status === 429 || status >= 500 ? 'temporarily_unavailable' : 'unexpected_answer';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function unexpected(what: string): SessionError {
  return new SessionError('unexpected_answer', `The server's answer has ${what}.`);
}
