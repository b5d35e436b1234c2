import { type HttpServer } from '@nestjs/common';
import { type RouteToken, routeTokenOf } from '../require-token';
import { type Framework, pathsOf, type RawRoute } from './web-framework';

interface ExpressLayer {
  readonly name: string;
  readonly handle: unknown;
  /** Whether it is for every path. */
  readonly slash: boolean;
  /** Of newer routers. */
  readonly rawPath?: unknown;
  readonly route?: {
    readonly path: unknown;
    readonly methods: Readonly<Record<string, boolean>>;
    readonly stack: readonly { readonly name: string; readonly handle: unknown; readonly method?: string }[];
  };
}
interface ExpressRouter {
  readonly stack?: readonly ExpressLayer[];
}

/** Express's own parsers of bodies: they answer nothing but what is wrong with a body. */
const PARSERS = new Set(['jsonParser', 'urlencodedParser', 'rawParser', 'textParser']);

/** What is registered with Express: it stands in the stack of its router, whenever it was put there. */
export function watchExpress(adapter: HttpServer): Framework {
  const app = adapter.getInstance() as { router?: ExpressRouter; _router?: ExpressRouter } | undefined;
  // Express 4 throws for `router`.
  const stack = (): readonly ExpressLayer[] => (app?._router ?? app?.router)?.stack ?? [];
  const nests = new WeakSet<ExpressLayer>();
  return {
    byNest(register) {
      const before = new Set(stack());
      const result = register();
      for (const layer of stack()) if (!before.has(layer)) nests.add(layer);
      return result;
    },
    raw: () =>
      rawRoutes(
        stack().filter((layer) => !nests.has(layer)),
        '',
        undefined,
      ),
  };
}

/**
 * What is in a stack, in order.
 *
 * @param token that `requireToken` asks for before the stack is come to
 */
function rawRoutes(stack: readonly ExpressLayer[], base: string, token: RouteToken | undefined): RawRoute[] {
  // Of paths that `requireToken` stands before: what is registered later, for the same path or one below, is behind it.
  const guarded: { readonly path: string; readonly token: RouteToken }[] = token ? [{ path: base, token }] : [];
  const tokenAt = (path: string): RouteToken | undefined =>
    guarded.findLast((guard) => path === guard.path || path.startsWith(`${guard.path}/`))?.token;
  return stack.flatMap((layer) => {
    const { route, handle, name, slash } = layer;
    if (route) return pathsOf(route.path).flatMap((path) => routesOf(route, `${base}${path}`, tokenAt));
    const paths = slash ? [base] : pathsOf(layer.rawPath ?? UNKNOWN_PATH).map((path) => `${base}${path}`);
    const asked = routeTokenOf(handle);
    if (asked) guarded.push(...paths.map((path) => ({ path, token: asked })));
    if (asked || PARSERS.has(name)) return [];
    const { stack: inner } = (handle ?? {}) as ExpressRouter;
    // A router of its own: what is in it counts.
    if (Array.isArray(inner)) {
      return paths.flatMap((path) => rawRoutes(inner as readonly ExpressLayer[], path, tokenAt(path)));
    }
    // A middleware for all paths passes on, as far as anybody can tell; but for one that serves files, and another app.
    if (slash && name !== 'serveStatic' && name !== 'mounted_app') return [];
    return paths.map((path) => ({ verb: 'USE', url: path === '' ? '/' : path, token: tokenAt(path) }));
  });
}

const UNKNOWN_PATH = '(a path that Express does not tell)';

function routesOf(
  { methods, stack }: NonNullable<ExpressLayer['route']>,
  url: string,
  tokenAt: (path: string) => RouteToken | undefined,
): RawRoute[] {
  return Object.keys(methods).map((verb) => {
    // What stands before it answers without it, and what stands at another method has none of it.
    const [first] = stack.filter(({ name, method }) => (method ?? verb) === verb && !PARSERS.has(name));
    const token = routeTokenOf(first?.handle) ?? tokenAt(url);
    return { verb: verb === '_all' ? 'ALL' : verb.toUpperCase(), url, token };
  });
}
