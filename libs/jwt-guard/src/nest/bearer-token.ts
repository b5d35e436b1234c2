import { extractToken } from '../core/extract-token';
import { TokenRejected } from '../core/refusals';
import { httpRequestOf } from './call-state';
import { authorizationHeaders } from './sent-headers';

/**
 * The bearer token of a request: in the `Authorization` header, and nowhere else. One that is sent in another of
 * RFC 6750's ways as well makes two, and whoever passed the request on may have looked at the other.
 *
 * @throws TokenRejected `token_missing`, `token_repeated`, `authorization_repeated`, `authorization_malformed`
 */
export function bearerToken(request: object): string {
  const node = httpRequestOf(request) as { readonly url?: string };
  const token = extractToken(authorizationHeaders(node));
  const { body } = request as { readonly body?: unknown };
  if (inQuery(node.url ?? '') || inForm(node as FormRequest, body)) throw new TokenRejected('token_repeated');
  return token;
}

const NAME = 'access_token';

/** RFC 6750, section 2.3. */
function inQuery(url: string): boolean {
  const start = url.indexOf('?');
  // Escaped, it has other letters.
  if (start < 0 || !(url.includes(NAME, start) || url.includes('%', start))) return false;
  return new URLSearchParams(url.slice(start)).has(NAME);
}

interface FormRequest {
  readonly headers: { readonly 'content-type'?: string };
}

/** RFC 6750, section 2.2. */
function inForm({ headers }: FormRequest, body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false;
  if (!headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded')) return false;
  return body instanceof URLSearchParams ? body.has(NAME) : Object.hasOwn(body, NAME);
}
