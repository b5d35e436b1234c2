import { parseCookie, stringifySetCookie } from 'cookie';

/** With this prefix a browser takes it from this host alone, over TLS (RFC 6265bis, section 4.1.3.2). */
const NAME = '__Host-refresh';
const ATTRIBUTES = { path: '/', httpOnly: true, secure: true, sameSite: 'strict' } as const;

/** The refresh token that a `Cookie` header holds. */
export function refreshTokenIn(cookie: string | undefined): string | undefined {
  return parseCookie(cookie ?? '')[NAME] || undefined;
}

/**
 * What keeps a refresh token in the browser, for no script to read.
 *
 * @param expiresAt seconds since 1970-01-01T00:00:00Z
 */
export function refreshCookie(refreshToken: string, expiresAt: number): string {
  const maxAge = Math.max(0, Math.floor(expiresAt - Date.now() / 1000));
  return stringifySetCookie(NAME, refreshToken, { ...ATTRIBUTES, maxAge });
}

/** What takes the refresh token from the browser. */
export function deletedRefreshCookie(): string {
  return stringifySetCookie(NAME, '', { ...ATTRIBUTES, maxAge: 0, expires: new Date(0) });
}
