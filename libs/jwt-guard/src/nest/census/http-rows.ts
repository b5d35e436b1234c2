import { type FoundHandler } from './handlers';
import { type GraphqlEndpoint } from './graphql-endpoint';
import { type HttpRoutes } from './http-routes';
import { type CensusRow } from './policy-census';
import { type RowMaker } from './row-maker';

/** Of the controllers of an app, which Nest guards, and of what is registered past Nest, where no guard of Nest's runs. */
export function httpRows(
  handlers: readonly FoundHandler[],
  routes: HttpRoutes | undefined,
  endpoints: readonly GraphqlEndpoint[],
  make: RowMaker,
): CensusRow[] {
  const ofControllers = handlers.flatMap((found) =>
    entriesOf(found, handlers, routes).map((entry) =>
      make.handler('http', entry, found, { guarded: true, remedy: '' }),
    ),
  );
  const raw = (routes?.raw() ?? []).map(({ verb, url, token }): CensusRow => {
    const entry = `${verb} ${url}`;
    if (token) return { transport: 'http', entry, policy: 'token', ...token };
    const isEndpoint = endpoints.some(({ path }) => path === url);
    return isEndpoint ? { transport: 'http', entry, policy: 'resolvers' } : make.pastNest('http', entry);
  });
  // One route may be made of several steps.
  const once = new Map(raw.map((row) => [JSON.stringify(row), row]));
  return [...ofControllers, ...once.values()];
}

/** As Nest has registered it, with every prefix and version; as it is written until then. */
function entriesOf(
  found: FoundHandler,
  handlers: readonly FoundHandler[],
  routes: HttpRoutes | undefined,
): readonly string[] {
  if (found.kind !== 'http') return [];
  const { handler, controller, verb, paths } = found;
  // Another controller may have inherited the same method.
  const isShared = handlers.some((other) => other.handler === handler && other.controller !== controller);
  const registered = (routes?.ofNest ?? []).filter(
    ({ original, name }) => original === handler && (!isShared || name.startsWith(`${controller.name}.`)),
  );
  if (registered.length === 0) return paths.map((path) => `${verb} ${path}`);
  return registered.map((route) => `${route.verb} ${route.url}`);
}
