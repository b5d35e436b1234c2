import { applyDecorators, type ExecutionContext, SetMetadata, type Type } from '@nestjs/common';

const PUBLIC = 'token-relay:public';
const SCOPES = 'token-relay:scopes';
const ACTORS = 'token-relay:actors';

type Decorator = ClassDecorator & MethodDecorator;
const names = (kind: string, values: readonly string[]): readonly string[] => {
  if (values.length === 0 || !values.every((value) => typeof value === 'string' && value.trim() !== '')) {
    throw new TypeError(`${kind} takes at least one name`);
  }
  return Object.freeze([...values]);
};

/**
 * Opens a handler, or every handler of a controller, to callers without a token.
 *
 * @param reason why that is right; it is for whoever reviews the openings of a system
 * @throws TypeError without a reason
 */
export function Public(reason: string): Decorator {
  names('@Public', [reason]);
  return applyDecorators(SetMetadata(PUBLIC, reason));
}

/** Asks for all of these scopes. On a controller and on its handler: both lists count. */
export function RequireScopes(...scopes: string[]): Decorator {
  return applyDecorators(SetMetadata(SCOPES, names('@RequireScopes', scopes)));
}

/**
 * Asks that one of these services calls on a user's behalf: the outermost actor of the token
 * (RFC 8693, section 4.1) is it. A handler that only another service may call is opened so, and not by a scope
 * that its users would have to hold.
 */
export function RequireActor(...actors: string[]): Decorator {
  return applyDecorators(SetMetadata(ACTORS, names('@RequireActor', actors)));
}

/** Who may call a handler. */
export interface HandlerPolicy {
  readonly publicReason: string | undefined;
  readonly scopes: readonly string[];
  readonly actors: readonly string[];
}

type Target = Type | ((...parameters: never[]) => unknown);
const read = <Value>(key: string, target: Target): Value | undefined =>
  Reflect.getMetadata(key, target) as Value | undefined;

const policies = new WeakMap<Target, WeakMap<Target, HandlerPolicy>>();

/** The policy of the handler that is about to run; found out once for each. */
export function policyOf(context: ExecutionContext): HandlerPolicy {
  const controller = context.getClass();
  const handler = context.getHandler() as Target;
  let ofController = policies.get(controller);
  if (!ofController) policies.set(controller, (ofController = new WeakMap<Target, HandlerPolicy>()));
  let policy = ofController.get(handler);
  if (!policy) ofController.set(handler, (policy = readPolicy(controller, handler)));
  return policy;
}

function readPolicy(controller: Target, handler: Target): HandlerPolicy {
  const onHandler = {
    publicReason: read<string>(PUBLIC, handler),
    scopes: read<string[]>(SCOPES, handler) ?? [],
    actors: read<string[]>(ACTORS, handler) ?? [],
  };
  // What stands closer to the handler wins, and between open and closed on the same place, closed does.
  const closed = onHandler.scopes.length > 0 || onHandler.actors.length > 0;
  if (onHandler.publicReason !== undefined && !closed) return { ...onHandler };
  const scopes = [...new Set([...(read<string[]>(SCOPES, controller) ?? []), ...onHandler.scopes])];
  const actors = onHandler.actors.length > 0 ? onHandler.actors : (read<string[]>(ACTORS, controller) ?? []);
  const isClosed = scopes.length > 0 || actors.length > 0;
  return Object.freeze({
    publicReason: isClosed ? undefined : read<string>(PUBLIC, controller),
    scopes,
    actors,
  });
}
