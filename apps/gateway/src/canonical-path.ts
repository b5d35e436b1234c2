import { ProblemException } from '@token-relay/service-kit';

/** Dot segments, empty segments, back slashes, and the same in percent-encoding. */
const AMBIGUOUS = /\/\/|\\|\/\.{1,2}(?:\/|$)|%2e|%2f|%5c|%00/i;

/**
 * The path and query to ask a service for. A path that two servers could read in two ways is refused: the rules
 * here must be about the very thing that is asked for there.
 *
 * @throws ProblemException `path_ambiguous`
 */
export function canonicalPath(url: string, prefix: string): string {
  const end = url.indexOf('?');
  const path = end === -1 ? url : url.slice(0, end);
  if (!path.startsWith(prefix) || AMBIGUOUS.test(path)) {
    throw new ProblemException(400, 'path_ambiguous', 'The path has segments that could be read in two ways.');
  }
  return url.slice(prefix.length);
}
