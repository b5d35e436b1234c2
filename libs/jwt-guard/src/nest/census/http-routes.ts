import { type HttpServer } from '@nestjs/common';
import { type Handler } from '../handler-policy';
import { watchExpress } from './express-routes';
import { watchFastify } from './fastify-routes';
import { originalHandler } from './handlers';
import { type Adapter, around, type RawRoute } from './web-framework';

/** A route of Nest's, as it was registered. */
export interface NestRoute {
  readonly original: Handler;
  /** `Class.method`, where Nest says it. */
  readonly name: string;
  readonly verb: string;
  readonly url: string;
}

/** What is registered with an app's web framework, and by whom. */
export interface HttpRoutes {
  readonly ofNest: readonly NestRoute[];
  raw(): readonly RawRoute[];
}

/** The methods by which Nest – and whoever takes its adapter – registers routes. */
const VERBS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'all', 'search', 'query'] as const;
const WEBDAV = ['propfind', 'proppatch', 'mkcol', 'copy', 'move', 'lock', 'unlock'] as const;

export type Route = (...parameters: unknown[]) => unknown;

/**
 * Watches the adapter for routes from now on; what was there before is found in the framework itself.
 *
 * @param wrap puts something around each route of Nest's
 */
export function watchRoutes(adapter: HttpServer, wrap: (route: Route) => Route): HttpRoutes {
  const ofNest: NestRoute[] = [];
  const framework = adapter.getType?.() === 'fastify' ? watchFastify(adapter) : watchExpress(adapter);
  for (const verb of [...VERBS, ...WEBDAV]) {
    around(adapter as Adapter, verb, (register, parameters) => {
      const route = parameters.at(-1);
      const original = originalHandler(route);
      // Nest makes a function of its own of each method: the bare method is somebody else's route, and unguarded.
      if (!original || original === route) return register();
      const [path] = parameters;
      const { name } = route as { name: string };
      ofNest.push({ original, name, verb: verb.toUpperCase(), url: typeof path === 'string' ? path : '*' });
      return framework.byNest(() => register(...parameters.slice(0, -1), wrap(route as Route)));
    });
  }
  // What Nest registers for itself: parsers, and answers to what nobody else answers.
  for (const name of ['registerParserMiddleware', 'enableCors', 'setNotFoundHandler', 'setErrorHandler']) {
    around(adapter as Adapter, name, (register) => framework.byNest(register));
  }
  // Middleware that is bound by `consumer.apply()`: Nest's, if not its route.
  around(adapter as Adapter, 'createMiddlewareFactory', (create) => {
    const wrapped =
      (bind: Route): Route =>
      (...parameters) =>
        framework.byNest(() => bind(...parameters));
    const factory = create();
    return factory instanceof Promise ? factory.then(wrapped) : wrapped(factory as Route);
  });
  return { ofNest, raw: () => framework.raw() };
}
