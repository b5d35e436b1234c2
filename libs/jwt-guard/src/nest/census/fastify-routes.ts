import { type HttpServer } from '@nestjs/common';
import { type RouteToken, routeTokenOf } from '../require-token';
import { type Adapter, around, type Framework, pathsOf, type RawRoute } from './web-framework';

interface FastifyRoute {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly handler: unknown;
  readonly [hook: string]: unknown;
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): unknown;
  printRoutes(): string;
}

/** Where `requireToken` can stand; a `preParsing` is called with other parameters. */
const FASTIFY_HOOKS = ['onRequest', 'preValidation', 'preHandler'];

/** What is registered with Fastify: a hook tells it, from now on. */
export function watchFastify(adapter: HttpServer): Framework {
  const instance = adapter.getInstance() as Fastify;
  const printed = printedRoutes(instance.printRoutes());
  const routes: RawRoute[] = printed.filter(
    ({ verb, url }) => verb !== 'HEAD' || !printed.some((route) => route.verb === 'GET' && route.url === url),
  );
  const gets: { readonly url: string; readonly handler: unknown; readonly token: RouteToken | undefined }[] = [];
  let registering = false;
  instance.addHook('onRoute', (route) => {
    const { url, handler } = route;
    const verbs = [route.method].flat();
    const token = FASTIFY_HOOKS.flatMap((hook) => route[hook] ?? [])
      .map(routeTokenOf)
      .find(Boolean);
    // To each GET Fastify makes a HEAD by itself; any other HEAD is a route like all others.
    if (verbs.includes('GET')) gets.push({ url, handler, token });
    const isMade = gets.some((get) => get.url === url && get.handler === handler && get.token === token);
    if (registering) return;
    // What makes answers to preflights of the whole app is nobody's handler.
    if (url === '*' && verbs.join() === 'OPTIONS') return;
    const own = verbs.filter((verb) => verb !== 'HEAD' || !isMade);
    routes.push(...own.map((verb) => ({ verb, url, token })));
  });
  // Middleware for a path is a route here, as it is on Express.
  around(adapter as Adapter, 'use', (use, parameters) => {
    const [path] = parameters;
    const isForAll = typeof path === 'function' || path === '/';
    if (!isForAll && !registering) {
      routes.push(...pathsOf(path).map((url) => ({ verb: 'USE', url, token: undefined })));
    }
    return use();
  });
  return {
    byNest(register) {
      registering = true;
      try {
        return register();
      } finally {
        registering = false;
      }
    },
    raw: () => routes,
  };
}

/** What Fastify had before: it tells that to people only, as a tree. */
function printedRoutes(tree: string): RawRoute[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line) => {
    // `├── ms (GET, HEAD)`, and in the line below the same for another host or version: `│   ms (GET) {"host":"…"}`.
    const found = /^([\s│]*)([├└]── )?(.*?)(?: \(([A-Z, -]+)\)(?: \{.*\})?)?$/.exec(line) ?? [];
    const [, indent = '', branch, part = '', verbs] = found;
    const depth = indent.length / 4;
    if (branch) above.splice(depth, Infinity, part === '(empty root node)' ? '' : part);
    const url = above.slice(0, branch ? depth + 1 : depth).join('');
    return (verbs?.split(', ') ?? []).map((verb) => ({ verb, url, token: undefined }));
  });
}
