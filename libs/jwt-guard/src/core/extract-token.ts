import { TokenRejected } from './refusals';
import { rawToken, type RawToken } from './token-states';

/** The scheme in any case, one or more spaces, the token, nothing after it (RFC 6750, section 2.1). */
const BEARER = /^bearer +([^ \t]+)$/i;

const USUAL = 'Bearer ';

/** What `BEARER` finds in what nearly everybody sends, in a tenth of the time. */
function usualToken(value: string): string | undefined {
  if (!value.startsWith(USUAL) || value.length === USUAL.length) return undefined;
  return value.includes(' ', USUAL.length) || value.includes('\t', USUAL.length)
    ? undefined
    : value.slice(USUAL.length);
}

/**
 * The bearer token among a request's `Authorization` header values.
 *
 * @throws TokenRejected `token_missing` without one, or with one of another scheme; `authorization_repeated`;
 *   `authorization_malformed`
 */
export function extractToken(authorization: readonly string[]): RawToken {
  const [value, ...more] = authorization;
  if (value === undefined) throw new TokenRejected('token_missing');
  // Two are two answers to "who are you": picking one would let a proxy and us see different callers.
  if (more.length > 0) throw new TokenRejected('authorization_repeated');
  const token = usualToken(value) ?? BEARER.exec(value)?.[1];
  if (token !== undefined) return rawToken(token);
  throw new TokenRejected(/^bearer(\s|$)/i.test(value) ? 'authorization_malformed' : 'token_missing');
}
