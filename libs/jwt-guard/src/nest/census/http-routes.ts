import { type HttpServer } from '@nestjs/common';
import { type Handler } from '../handler-policy';
import { originalHandler } from './handlers';
import { type RouteToken, routeTokenOf } from '../require-token';

/** A route of Nest's, as it was registered. */
export interface NestRoute {
  readonly original: Handler;
  /** `Class.method`, where Nest says it. */
  readonly name: string;
  readonly verb: string;
  readonly url: string;
}

/** A route that Nest knows nothing of. */
export interface RawRoute {
  readonly verb: string;
  readonly url: string;
  /** What `requireToken` asks for there; `undefined` where it doesn't stand before the route. */
  readonly token: RouteToken | undefined;
}

/** What is registered with an app's web framework, and by whom. */
export interface HttpRoutes {
  readonly ofNest: readonly NestRoute[];
  raw(): readonly RawRoute[];
}

/** The methods by which Nest – and whoever takes its adapter – registers routes. */
const VERBS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'all', 'search', 'query'] as const;
const WEBDAV = ['propfind', 'proppatch', 'mkcol', 'copy', 'move', 'lock', 'unlock'] as const;

type Adapter = HttpServer & Record<string, unknown>;
type Register = (...parameters: unknown[]) => unknown;

/** Watches the adapter for routes from now on; what was there before is found in the framework itself. */
export function watchRoutes(adapter: HttpServer): HttpRoutes {
  const ofNest: NestRoute[] = [];
  const framework = adapter.getType?.() === 'fastify' ? watchFastify(adapter) : watchExpress(adapter);
  for (const verb of [...VERBS, ...WEBDAV]) {
    around(adapter as Adapter, verb, (register, parameters) => {
      const route = parameters.at(-1);
      const original = originalHandler(route);
      if (!original) return register();
      const [path] = parameters;
      const { name } = route as { name: string };
      ofNest.push({ original, name, verb: verb.toUpperCase(), url: typeof path === 'string' ? path : '*' });
      return framework.byNest(register);
    });
  }
  // What Nest registers for itself: parsers, and answers to what nobody else answers.
  for (const name of ['registerParserMiddleware', 'enableCors', 'setNotFoundHandler', 'setErrorHandler']) {
    around(adapter as Adapter, name, (register) => framework.byNest(register));
  }
  // Middleware that is bound by `consumer.apply()`: Nest's, if not its route.
  around(adapter as Adapter, 'createMiddlewareFactory', (create) => {
    const wrapped =
      (bind: Register): Register =>
      (...parameters) =>
        framework.byNest(() => bind(...parameters));
    const factory = create();
    return factory instanceof Promise ? factory.then(wrapped) : wrapped(factory as Register);
  });
  return { ofNest, raw: () => framework.raw() };
}

interface Framework {
  /** Runs what registers something for Nest. */
  byNest<Result>(register: () => Result): Result;
  raw(): readonly RawRoute[];
}

function around(
  adapter: Adapter,
  name: string,
  replacement: (call: () => unknown, parameters: readonly unknown[]) => unknown,
): void {
  const method = adapter[name];
  if (typeof method !== 'function') return;
  adapter[name] = (...parameters: unknown[]) =>
    replacement(() => method.apply(adapter, parameters) as unknown, parameters);
}

interface FastifyRoute {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly [hook: string]: unknown;
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): unknown;
  printRoutes(options: { commonPrefix: false }): string;
}

const FASTIFY_HOOKS = ['onRequest', 'preParsing', 'preValidation', 'preHandler'];

function watchFastify(adapter: HttpServer): Framework {
  const instance = adapter.getInstance() as Fastify;
  const routes = printedRoutes(instance.printRoutes({ commonPrefix: false }));
  const nests = new Set<string>();
  let registering = false;
  instance.addHook('onRoute', (route) => {
    const verbs = [route.method].flat();
    if (registering) return verbs.forEach((verb) => void nests.add(`${verb} ${route.url}`));
    const token = FASTIFY_HOOKS.flatMap((hook) => route[hook] ?? [])
      .map(routeTokenOf)
      .find(Boolean);
    // What makes answers to preflights of the whole app is nobody's handler.
    if (route.url === '*' && verbs.join() === 'OPTIONS') return;
    routes.push(...verbs.map((verb) => ({ verb, url: route.url, token })));
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
    // To each GET Fastify makes a HEAD, later and by itself.
    raw: () =>
      routes.filter(
        ({ verb, url }) =>
          verb !== 'HEAD' ||
          !(nests.has(`GET ${url}`) || routes.some((route) => route.verb === 'GET' && route.url === url)),
      ),
  };
}

/** What Fastify had before: it tells that to people only, as a tree. */
function printedRoutes(tree: string): RawRoute[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent, part, verbs] = /^([\s│]*)[├└]── (.*?)(?: \(([A-Z, -]+)\))?$/.exec(line) ?? [];
    if (indent === undefined || part === undefined) return [];
    const depth = indent.length / 4;
    above.splice(depth, Infinity, part);
    const url = above.join('');
    return (verbs?.split(', ') ?? []).map((verb) => ({ verb, url, token: undefined }));
  });
}

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
    readonly stack: readonly { readonly handle: unknown }[];
  };
}
interface ExpressRouter {
  readonly stack?: readonly ExpressLayer[];
}

/** Express's own parsers of bodies: they answer nothing but what is wrong with a body. */
const PARSERS = new Set(['jsonParser', 'urlencodedParser', 'rawParser', 'textParser']);

function watchExpress(adapter: HttpServer): Framework {
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
    raw: () => stack().flatMap((layer) => (nests.has(layer) ? [] : rawRoutes(layer, ''))),
  };
}

function rawRoutes(layer: ExpressLayer, base: string): RawRoute[] {
  const { route, handle, name, slash } = layer;
  if (route) {
    const url = `${base}${pathText(route.path)}`;
    const token = route.stack.map((step) => routeTokenOf(step.handle)).find(Boolean);
    const verbs = route.methods._all ? ['ALL'] : Object.keys(route.methods).map((verb) => verb.toUpperCase());
    return verbs.map((verb) => ({ verb, url, token }));
  }
  const path = slash ? base : `${base}${pathText(layer.rawPath ?? '(a path that Express does not tell)')}`;
  const { stack } = (handle ?? {}) as ExpressRouter;
  // A router of its own: what is in it counts.
  if (Array.isArray(stack)) return stack.flatMap((inner: ExpressLayer) => rawRoutes(inner, path));
  // A middleware for all paths passes on, as far as anybody can tell; but for one that serves files, and another app.
  if (slash && name !== 'serveStatic' && name !== 'mounted_app') return [];
  if (PARSERS.has(name) || routeTokenOf(handle)) return [];
  return [{ verb: 'USE', url: path === '' ? '/' : path, token: undefined }];
}

function pathText(path: unknown): string {
  return Array.isArray(path) ? path.map(pathText).join('|') : String(path);
}
