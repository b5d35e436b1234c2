import { type Headers } from '../proxy-headers';
import { isBelow } from './folded-path';
import { type Route } from './route';

/** Where a destination is, and what of it can be reached here. */
export interface Inside {
  readonly origin: string;
  /** Those that lead to it. */
  readonly routes: readonly Reachable[];
}
type Reachable = Pick<Route, 'prefix' | 'rewrite'>;

/**
 * The headers, with URLs of the gateway in the place of the destination's. What can't be reached here is left out: it
 * would name a host that is nobody's business. URLs of others stay as they are.
 */
export function withPublicUrls(headers: Headers, inside: Inside): Headers {
  if (!NAMING.some((name) => name in headers)) return headers;
  const copied: Headers = { ...headers };
  for (const name of ['location', 'content-location']) {
    const value = headers[name];
    if (value === undefined) continue;
    const url = typeof value === 'string' ? publicUrl(value, inside) : undefined;
    if (url === undefined) delete copied[name];
    else copied[name] = url;
  }
  if (headers.link !== undefined) {
    const links = [headers.link].flat().flatMap((link) => publicLinks(link, inside));
    if (links.length > 0) copied.link = links.join(', ');
    else delete copied.link;
  }
  return copied;
}

/** Headers that hold URLs. */
const NAMING = ['location', 'content-location', 'link'];

/** @returns `undefined` for what can't be reached here */
function publicUrl(value: string, { origin, routes }: Inside): string | undefined {
  const isRelative = !/^[a-z][a-z0-9+.-]*:|^[/\\]/i.test(value);
  // As `documents/1`: below what was asked for, wherever that is.
  if (isRelative) return value;
  if (!URL.canParse(value, origin)) return undefined;
  const url = new URL(value, origin);
  if (url.host !== new URL(origin).host) return value;
  const route = routes
    .filter(({ rewrite }) => isBelow(url.pathname, rewrite))
    .reduce<Reachable | undefined>(
      (longest, next) => (longest && longest.rewrite.length >= next.rewrite.length ? longest : next),
      undefined,
    );
  return route && `${route.prefix}${url.pathname.slice(route.rewrite.length)}${url.search}${url.hash}`;
}

/** Web Linking (RFC 8288): `<url>; rel="next", <url>; …`. */
function publicLinks(link: string, inside: Inside): string[] {
  return [...link.matchAll(/<([^>]*)>((?:[^,<"]|"(?:[^"\\]|\\.)*")*)/g)].flatMap(([, target = '', parameters = '']) => {
    const url = publicUrl(target, inside);
    return url === undefined ? [] : [`<${url}>${parameters.trimEnd()}`];
  });
}
