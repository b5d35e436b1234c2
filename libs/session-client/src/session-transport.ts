import { isObject, unexpected } from './session-http.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What the server gives when somebody has logged in, and at each refresh. */
export interface Grant {
  readonly accessToken: string;
  /** Milliseconds that the access token lives. */
  readonly lifeMs: number;
}

/**
 * How a session is begun, refreshed and ended at its server. Whatever holds the refresh token – a cookie jar, a
 * keychain – is behind this; the session itself never sees it.
 */
export interface SessionTransport {
  /** @throws SessionError */
  login(credentials: Credentials, signal: AbortSignal): Promise<Grant>;
  /** @throws SessionError, `session_ended` only when that is what the server says */
  refresh(signal: AbortSignal): Promise<Grant>;
  /**
   * Whatever becomes of it, this side can refresh no more.
   *
   * @throws SessionError when the server doesn't know of it yet: it can be called again
   */
  logout(signal: AbortSignal): Promise<void>;
}

/**
 * The good answer of a login or a refresh (RFC 6749, section 5.1).
 *
 * @throws SessionError `unexpected_answer`
 */
export function parseGrant(body: unknown): Grant {
  if (!isObject(body)) throw unexpected('no JSON object');
  const { access_token: accessToken, token_type: tokenType, expires_in: expiresIn } = body;
  if (typeof accessToken !== 'string' || accessToken === '') throw unexpected('no access token');
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer') throw unexpected('no bearer token');
  if (typeof expiresIn !== 'number' || !(expiresIn > 0) || expiresIn === Infinity) {
    throw unexpected('no lifetime of its token');
  }
  return { accessToken, lifeMs: expiresIn * 1_000 };
}
