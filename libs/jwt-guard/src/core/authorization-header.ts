import { extractToken } from './extract-token';
import { type RawToken } from './token-states';

/**
 * The headers of an HTTP request: `headersDistinct` of Node's request, or `headers` of a fetch `Request`. Node's
 * own `headers` will do, but shows only the first of two `Authorization` headers.
 */
export type RequestHeaders =
  { readonly [name: string]: string | readonly string[] | undefined } | { get(name: string): string | null };

const NAME = 'authorization';

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
  const values = headers as Readonly<Record<string, string | readonly string[] | undefined>>;
  const found: string[] = [];
  for (const name of Object.keys(values)) {
    if (name.length !== NAME.length || name.toLowerCase() !== NAME) continue;
    const value = values[name];
    if (typeof value === 'string') found.push(value);
    else if (value !== undefined) found.push(...value);
  }
  return found;
}
