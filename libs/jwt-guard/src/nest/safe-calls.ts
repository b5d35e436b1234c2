import { type ExecutionContext } from '@nestjs/common';
import { httpRequestOf } from './call-state';

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request changes nothing, by the method that it was routed by. */
export function isSafeRequest(request: object): boolean {
  const node = httpRequestOf(request) as { readonly method?: unknown };
  // Fastify chooses the route before any middleware that takes another method from a header; Express after.
  const { routeOptions } = request as { readonly routeOptions?: { readonly method?: unknown } };
  const [method, ...others] = node === request ? [] : [routeOptions?.method].flat();
  return SAFE_METHODS.has(method === undefined || others.length > 0 ? node.method : method);
}

/** Whether a resolver is called for a query: POST or not, that changes nothing. Mutations and subscriptions do. */
export function isGraphqlQuery(context: ExecutionContext): boolean {
  // (parent, arguments, context, info)
  const info = context.getArgs<unknown[]>().at(-1) as
    { readonly operation?: { readonly operation?: unknown } } | undefined;
  return info?.operation?.operation === 'query';
}
