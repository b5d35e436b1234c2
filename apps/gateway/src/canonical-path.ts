import { ProblemException } from '@token-relay/service-kit';

/** Dot segments, empty segments, back slashes, the same in percent-encoding, fragments, and what no URL can hold. */
const AMBIGUOUS = /\/\/|\\|\/\.{1,2}(?:\/|$)|%2e|%2f|%5c|%00|#|[^\x21-\x7e]/i;

/**
 * The path and query to ask a service for. A path that two servers could read in two ways is refused: the rules
 * here must be about the very thing that is asked for there.
 *
 * @param prefix what it has to begin with, and what is left out
 * @throws ProblemException `path_ambiguous`
 */
export function canonicalPath(url: string, prefix: string): string {
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  // Not by its own name, but by one that the router took for it: that of another host, or in percent-encoding.
  const isThere =
    path.startsWith(prefix) && (prefix === '' || path.length === prefix.length || path[prefix.length] === '/');
  if (!isThere || !path.startsWith('/') || AMBIGUOUS.test(path) || url.includes('#')) throw ambiguousPath();
  return url.slice(prefix.length);
}

export function ambiguousPath(): ProblemException {
  return new ProblemException(400, 'path_ambiguous', 'The path has segments that could be read in two ways.');
}
