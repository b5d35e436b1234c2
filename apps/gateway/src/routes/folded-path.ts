const MAX_DECODINGS = 3;

/**
 * A path as the most lenient of servers could read it: decoded, and again; with back slashes as slashes, without empty
 * segments, parameters (`;a=b`), dots and spaces at the end of segments, and in small letters. It is for comparing only:
 * two paths with the same one could be the same thing.
 */
export function foldedPath(path: string): string {
  let decoded = path;
  for (let i = 0; i < MAX_DECODINGS && decoded.includes('%'); i++) decoded = decodedOnce(decoded);
  const [bare = ''] = decoded.split(/[?#\0]/, 1);
  const segments: string[] = [];
  for (const segment of bare.normalize('NFKC').toLowerCase().split(/[/\\]/)) {
    const [name = ''] = segment.split(';', 1);
    if (name.trim() === '..') segments.pop();
    else if (trimmed(name) !== '') segments.push(trimmed(name));
  }
  return `/${segments.join('/')}`;
}

/** Each escape by itself: one that is none must not keep the others from being seen. */
function decodedOnce(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    const bytes = Buffer.from(escapes.replaceAll('%', ''), 'hex');
    return bytes.toString('utf8');
  });
}

/** Windows, and servers on it, take `name. ` for `name`. */
const trimmed = (name: string): string => name.trim().replace(/[.\s]+$/, '');

/** Whether a path is a prefix, or below it. */
export function isBelow(path: string, prefix: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
}
