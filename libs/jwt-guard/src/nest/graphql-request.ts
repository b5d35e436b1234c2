import { type ExecutionContext } from '@nestjs/common';

/**
 * The HTTP request that a resolver answers, if its GraphQL context offers one: as `req` (Apollo), `request`, or by its
 * `reply` (Mercurius). A subscription over a socket of its own has none.
 */
export function graphqlRequestOf(context: ExecutionContext): object | undefined {
  // (parent, arguments, context, info); without arguments where an entity is resolved by its reference.
  const offered: unknown = context.getArgs<unknown[]>().at(-2);
  if (!isObject(offered)) return undefined;
  const { req, request, reply } = offered;
  return [req, request, isObject(reply) ? reply.request : undefined].find(isObject);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
