import { ProblemException } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { ambiguousPath, canonicalPath } from '../canonical-path';
import { foldedPath, isBelow } from './folded-path';
import { type Route } from './route';

/** What no server reads in another way than it stands there. */
const PLAIN = /^[a-z0-9/_-]*$/;

/**
 * The path and query that the destination is asked for. What is asked for there has to be what the rules of this very
 * route are about: a path that some server could take for one below a longer prefix, whose rules are others, is refused.
 *
 * @throws ProblemException `path_ambiguous`; `method_not_allowed` for what is below a longer prefix, which doesn't have
 *   the method
 */
export function routeTarget(route: Route, request: FastifyRequest, reply: FastifyReply): string {
  const rest = canonicalPath(request.url, route.prefix);
  const query = rest.indexOf('?');
  const below = query < 0 ? rest : rest.slice(0, query);
  const path = route.prefix + below;
  const inner = route.inner.find(({ prefix }) => isBelow(path, prefix));
  if (inner) {
    reply.header('allow', allowOf(inner.methods));
    const detail = 'There is something at this URL, but not for this method.';
    throw new ProblemException(405, 'method_not_allowed', detail);
  }
  if (!PLAIN.test(below)) checkFolded(route, foldedPath(path));
  const target = route.rewrite + rest;
  return target.startsWith('/') ? target : `/${target}`;
}

/** Decoded as often as any server would do it, and there is still something to decode. */
const ESCAPED = /%[0-9a-f]{2}/;

function checkFolded(route: Route, path: string): void {
  if (ESCAPED.test(path)) throw ambiguousPath();
  if (!isBelow(path, route.folded) || route.inner.some(({ folded }) => isBelow(path, folded))) throw ambiguousPath();
}

function allowOf(methods: readonly string[]): string {
  return [...methods].sort().join(', ');
}
