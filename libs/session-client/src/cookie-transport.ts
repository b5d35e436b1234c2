import { isObject, type SessionHttp, unexpected } from './session-http.js';
import { type Credentials, type Grant, parseGrant, type SessionTransport } from './session-transport.js';

/** One of the user's sessions, on this or another device. */
export interface UserSession {
  readonly id: string;
  /** Whether it is this one. */
  readonly current: boolean;
  readonly clientId: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  /** As the browser or the app called itself when it logged in. */
  readonly userAgent?: string;
  readonly address?: string;
}

/** What no page of another origin can send without having been asked for. */
const NOT_FORGED = { 'x-token-relay': '1' };

/** The session routes of the gateway: the refresh token is in a cookie that no script can read. */
export class CookieTransport implements SessionTransport {
  readonly #http: SessionHttp;
  readonly #baseUrl: URL;

  /** @param baseUrl ends in a slash */
  constructor(http: SessionHttp, baseUrl: URL) {
    this.#http = http;
    this.#baseUrl = baseUrl;
  }

  async login({ username, password }: Credentials, signal: AbortSignal): Promise<Grant> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ username, password });
    return parseGrant(await this.#send('POST', 'auth/login', signal, { headers, body }));
  }

  async refresh(signal: AbortSignal): Promise<Grant> {
    return parseGrant(await this.#send('POST', 'auth/refresh', signal));
  }

  async logout(signal: AbortSignal): Promise<void> {
    // The page may be left before the answer comes.
    await this.#send('POST', 'auth/logout', signal, { keepalive: true });
  }

  async sessions(signal: AbortSignal): Promise<UserSession[]> {
    const body = await this.#send('GET', 'auth/sessions', signal);
    if (!isObject(body) || !Array.isArray(body.sessions)) throw unexpected('no list of sessions');
    return body.sessions.map(parseSession);
  }

  async endSession(id: string, signal: AbortSignal): Promise<void> {
    // An empty one would end all of them.
    if (!/^[A-Za-z0-9_-]+$/.test(id)) throw new TypeError('That is not the id of a session.');
    await this.#send('DELETE', `auth/sessions/${id}`, signal);
  }

  async endOthers(signal: AbortSignal): Promise<void> {
    await this.#send('DELETE', 'auth/sessions?except=current', signal);
  }

  async endAll(signal: AbortSignal): Promise<void> {
    await this.#send('DELETE', 'auth/sessions', signal, { keepalive: true });
  }

  #send(method: string, path: string, signal: AbortSignal, init: RequestInit = {}): Promise<unknown> {
    const headers = { ...NOT_FORGED, ...(init.headers as Record<string, string> | undefined) };
    const url = new URL(path, this.#baseUrl).href;
    return this.#http.send(url, { credentials: 'same-origin', ...init, method, headers }, signal);
  }
}

function parseSession(item: unknown): UserSession {
  if (!isObject(item)) throw unexpected('no list of sessions');
  const text = (name: string): string => {
    const value = item[name];
    if (typeof value !== 'string') throw unexpected(`a session without ${name}`);
    return value;
  };
  const time = (name: string): Date => {
    const date = new Date(text(name));
    if (Number.isNaN(date.getTime())) throw unexpected(`a session without ${name}`);
    return date;
  };
  return {
    id: text('id'),
    current: item.current === true,
    clientId: text('client_id'),
    createdAt: time('created_at'),
    lastUsedAt: time('last_used_at'),
    expiresAt: time('expires_at'),
    ...(item.user_agent !== undefined && { userAgent: text('user_agent') }),
    ...(item.address !== undefined && { address: text('address') }),
  };
}
