import { LocalLocks } from './local-locks.js';
import { SessionError, sessionEnded } from './session-error.js';
import { isObject, type SessionHttp, unexpected } from './session-http.js';
import { type Credentials, type Grant, parseGrant, type SessionTransport } from './session-transport.js';

/**
 * Where an app keeps its refresh token: the keychain of the system, a file that only its user can read. Each call may
 * take its time, and may fail.
 */
export interface RefreshTokenStorage {
  /** The token that was saved last; undefined or null if there is none. */
  load(): Promise<string | null | undefined> | string | null | undefined;
  /** Once it is fulfilled, a crash must not lose the token. */
  save(refreshToken: string): Promise<void> | void;
  clear(): Promise<void> | void;
  /** Where several processes share the storage: runs the work while none of the others runs theirs. */
  exclusively?<T>(work: () => Promise<T>): Promise<T>;
}

export interface NativeEndpoints {
  /** Where somebody logs in: `POST` with JSON. */
  readonly login: string;
  /** RFC 6749, section 3.2. */
  readonly token: string;
  /** RFC 7009. */
  readonly revocation: string;
}

/** A native app's way to auth (RFC 8252): it keeps the refresh token itself, and names itself without a secret. */
export class NativeTransport implements SessionTransport {
  readonly #http: SessionHttp;
  readonly #endpoints: NativeEndpoints;
  readonly #clientId: string;
  readonly #storage: RefreshTokenStorage;
  readonly #locks = new LocalLocks();
  /** What was logged out here, and not at the server yet. */
  #unrevoked: string | undefined;

  constructor(http: SessionHttp, endpoints: NativeEndpoints, clientId: string, storage: RefreshTokenStorage) {
    this.#http = http;
    this.#endpoints = endpoints;
    this.#clientId = clientId;
    this.#storage = storage;
  }

  login({ username, password }: Credentials, signal: AbortSignal): Promise<Grant> {
    const body = JSON.stringify({ username, password, client_id: this.#clientId });
    const headers = { 'content-type': 'application/json' };
    return this.#exclusively(async () =>
      this.#kept(await this.#http.send(this.#endpoints.login, { method: 'POST', headers, body }, signal), signal),
    );
  }

  refresh(signal: AbortSignal): Promise<Grant> {
    return this.#exclusively(async () => {
      const sent = await this.#load();
      if (sent === undefined) throw sessionEnded('refresh_token_missing');
      try {
        return await this.#rotate(sent, signal);
      } catch (error) {
        // Only what the server says counts: not that somebody logs out here meanwhile.
        if (signal.aborted || !(error instanceof SessionError) || error.code !== 'session_ended') throw error;
        const present = await this.#load();
        // Another process has saved a newer one since.
        if (present !== undefined && present !== sent) return this.#rotate(present, signal);
        if (present !== undefined) await this.#stored(() => this.#storage.clear());
        throw error;
      }
    });
  }

  logout(signal: AbortSignal): Promise<void> {
    return this.#exclusively(async () => {
      const token = (await this.#load()) ?? this.#unrevoked;
      if (token === undefined) return;
      this.#unrevoked = token;
      await this.#stored(() => this.#storage.clear());
      const form = { token, token_type_hint: 'refresh_token', client_id: this.#clientId };
      await this.#post(this.#endpoints.revocation, form, signal);
      this.#unrevoked = undefined;
    });
  }

  async #rotate(refreshToken: string, signal: AbortSignal): Promise<Grant> {
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: this.#clientId };
    try {
      return await this.#kept(await this.#post(this.#endpoints.token, form, signal), signal);
    } catch (error) {
      // RFC 6749, section 5.2
      if (error instanceof SessionError && error.status === 400 && error.serverCode === 'invalid_grant') {
        throw sessionEnded(error.serverCode, error.status);
      }
      throw error;
    }
  }

  #post(url: string, form: Record<string, string>, signal: AbortSignal): Promise<unknown> {
    // Not every fetch sets the type for URLSearchParams.
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#http.send(url, { method: 'POST', headers, body: new URLSearchParams(form).toString() }, signal);
  }

  /** The refresh token is saved before anybody has the access token: whoever crashes now still has the session. */
  async #kept(body: unknown, signal: AbortSignal): Promise<Grant> {
    const grant = parseGrant(body);
    const refreshToken = isObject(body) ? body.refresh_token : undefined;
    if (typeof refreshToken !== 'string' || refreshToken === '') throw unexpected('no refresh token');
    // Who has logged out meanwhile has ended this session with it: nothing may bring it back.
    signal.throwIfAborted();
    await this.#stored(() => this.#storage.save(refreshToken));
    return grant;
  }

  async #load(): Promise<string | undefined> {
    return (await this.#stored(() => this.#storage.load())) || undefined;
  }

  async #stored<T>(work: () => Promise<T> | T): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw new SessionError('storage_failed', 'The storage of the refresh token has failed.', { cause });
    }
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#locks.request('storage', {}, () => this.#storage.exclusively?.(work) ?? work());
  }
}
