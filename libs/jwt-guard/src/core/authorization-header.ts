import { extractToken } from './extract-token';
import { type RawToken } from './token-states';

/**
 * The headers of an HTTP request: `headersDistinct` of Node's request, or `headers` of a fetch `Request`. Node's
 * own `headers` will do, but shows only the first of two `Authorization` headers.
 */
export type RequestHeaders =
  { readonly [name: string]: string | readonly string[] | undefined } | { get(name: string): string | null };

/**
 * The bearer token in a request's headers.
 *
 * @throws TokenRejected `token_missing`, `authorization_repeated`, `authorization_malformed`
 */
export function tokenOf(headers: RequestHeaders): RawToken {
  return extractToken(authorizationOf(headers));
}

function authorizationOf(headers: RequestHeaders): readonly string[] {
  if (typeof headers.get === 'function') {
    const value = (headers as Headers).get('authorization');
    return value === null ? [] : [value];
  }
  const found: string[] = [];
  for (const [name, value] of Object.entries(headers as Record<string, string | readonly string[] | undefined>)) {
    if (name.toLowerCase() === 'authorization' && value !== undefined) found.push(...[value].flat());
  }
  return found;
}
