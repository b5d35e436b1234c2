import { type FastifyInstance } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';

/** Finds out which methods there are routes for at an URL. Has to see the instance before its first route. */
export function watchRoutes(instance: Pick<FastifyInstance, 'addHook'>): (url: string) => readonly string[] {
  const router = findMyWay();
  const methods = new Set<HTTPMethod>();
  instance.addHook('onRoute', ({ method, url }) => {
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
