import { Controller, Inject, Req, RequestMapping, RequestMethod, Res, type Type } from '@nestjs/common';
import { RequireScopes, RequireToken } from '@token-relay/jwt-guard';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { RelayProxy } from '../relay-proxy';
import { type Method, type Route } from './route';

/**
 * A controller for each route, as if somebody had written it: what guards, counts and answers the others does so for
 * these as well.
 */
export function routeControllers(routes: readonly Route[]): Type[] {
  return routes.map(controllerFor);
}

function controllerFor(route: Route): Type {
  class RouteController {
    constructor(@Inject(RelayProxy) readonly proxy: RelayProxy) {}
  }
  Object.defineProperty(RouteController, 'name', { value: `Route(${route.prefix})` });
  // Fastify makes a HEAD of each GET by itself.
  for (const method of route.methods.filter((name) => name !== 'HEAD')) addHandler(RouteController, route, method);
  Controller()(RouteController);
  return RouteController;
}

function addHandler(controller: Type<{ readonly proxy: RelayProxy }>, route: Route, method: Method): void {
  const prototype = controller.prototype as Record<string, unknown>;
  const name = method.toLowerCase();
  const handle = function (this: { readonly proxy: RelayProxy }, request: FastifyRequest, reply: FastifyReply) {
    return this.proxy.relay(route, request, reply);
  };
  Object.defineProperty(handle, 'name', { value: name });
  Object.defineProperty(prototype, name, { value: handle, writable: true, configurable: true });
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name) as TypedPropertyDescriptor<typeof handle>;
  const path = [route.prefix, `${route.prefix}/*`];
  RequestMapping({ path, method: RequestMethod[method] })(prototype, name, descriptor);
  const asksFor = route.scopes.length > 0 ? RequireScopes(...route.scopes) : RequireToken();
  asksFor(prototype, name, descriptor);
  Req()(prototype, name, 0);
  Res()(prototype, name, 1);
}
