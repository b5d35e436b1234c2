import { TokenRejected } from './refusals';
import { rawToken, type RawToken } from './token-states';

/** The scheme in any case, one or more spaces, the token, nothing after it (RFC 6750, section 2.1). */
const BEARER = /^bearer +(\S+)$/i;

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
  const token = BEARER.exec(value)?.[1];
  if (token !== undefined) return rawToken(token);
  throw new TokenRejected(/^bearer(\s|$)/i.test(value) ? 'authorization_malformed' : 'token_missing');
}
