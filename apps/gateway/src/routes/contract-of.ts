import { type FastifyRequest } from 'fastify';
import { type Route } from './route';

/** Finds the relay contract of the route that a request came by; `undefined` for what is none of these routes. */
export function contractOf(routes: readonly Route[]): (request: FastifyRequest) => string | undefined {
  const contracts = new Map<string, string>(
    routes.flatMap(({ prefix, methods, contract }) =>
      methods.flatMap((method) => [
        [`${method} ${prefix}`, contract] as const,
        [`${method} ${prefix}/*`, contract] as const,
      ]),
    ),
  );
  return ({ method, routeOptions: { url } }) => contracts.get(`${method} ${url}`);
}
