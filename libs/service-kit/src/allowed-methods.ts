import { type FastifyInstance } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';

const MAX_METHODS = 8;

/** Finds out which methods there are routes for at an URL. Has to see the instance before its first route. */
export function watchRoutes(instance: Pick<FastifyInstance, 'addHook'>): (url: string) => readonly string[] {
  const router = findMyWay();
  const methods = new Set<HTTPMethod>();
  instance.addHook('onRoute', ({ method, url }) => {
    // A route for every method says nothing about what there is.
    if (Array.isArray(method) && method.length > MAX_METHODS) return;
    for (const name of [method].flat() as HTTPMethod[]) {
      methods.add(name);
      if (!router.hasRoute(name, url)) router.on(name, url, () => undefined);
    }
  });
  return (url) => {
    const path = url.split('?', 1)[0] ?? url;
    return [...methods].filter((method) => router.find(method, path) !== null).sort();
  };
}
