import { type ExecutionContext, SetMetadata, type Type } from '@nestjs/common';

const PUBLIC = 'token-relay:public';
const SCOPES = 'token-relay:scopes';
const ACTORS = 'token-relay:actors';

type Decorator = ClassDecorator & MethodDecorator;
type Target = Type | ((...parameters: never[]) => unknown);

const read = <Value>(key: string, target: Target): Value | undefined =>
  Reflect.getMetadata(key, target) as Value | undefined;
const readOwn = <Value>(key: string, target: Target): Value | undefined =>
  Reflect.getOwnMetadata(key, target) as Value | undefined;

const names = (kind: string, values: readonly string[]): readonly string[] => {
  if (values.length === 0 || !values.every((value) => typeof value === 'string' && value.trim() !== '')) {
    throw new TypeError(`${kind} takes at least one name`);
  }
  return Object.freeze([...values]);
};

/**
 * Opens a handler, or every handler of a controller, to callers without a token. On a controller it counts for
 * that class alone: a subclass says for itself whether it is open.
 *
 * @param reason why that is right; it is for whoever reviews the openings of a system
 * @throws TypeError without a reason
 */
export function Public(reason: string): Decorator {
  names('@Public', [reason]);
  return SetMetadata(PUBLIC, reason);
}

/**
 * Asks for all of these scopes. Whatever is asked for besides – by another `@RequireScopes` in the same place, or
 * by the one on the controller – is asked for as well.
 */
export function RequireScopes(...scopes: string[]): Decorator {
  // No token has a scope with a space in it: such a handler could never be called.
  if (scopes.some((scope) => /[^\x21\x23-\x5b\x5d-\x7e]/.test(scope))) {
    throw new TypeError('@RequireScopes takes each scope as a text of its own (RFC 6749, section 3.3)');
  }
  return added(SCOPES, names('@RequireScopes', scopes));
}

/**
 * Asks that one of these services calls on a user's behalf: the outermost actor of the token
 * (RFC 8693, section 4.1) is it. A handler that only another service may call is opened so, and not by a scope
 * that its users would have to hold. On a handler it takes the place of the controller's.
 *
 * @throws TypeError for a second one in the same place, which could be meant as "both" or as "either"
 */
export function RequireActor(...actors: string[]): Decorator {
  const decorate = SetMetadata(ACTORS, names('@RequireActor', actors));
  return ((target: Target, key?: string | symbol, descriptor?: TypedPropertyDescriptor<Target>) => {
    if (readOwn(ACTORS, descriptor?.value ?? target) !== undefined) {
      throw new TypeError('@RequireActor stands here twice: name all actors in one');
    }
    return descriptor ? decorate(target, key ?? '', descriptor) : decorate(target as Type);
  }) as Decorator;
}

/** Metadata that is added to what the place has already, where `SetMetadata` would replace it. */
function added(key: string, values: readonly string[]): Decorator {
  return ((target: Target, name?: string | symbol, descriptor?: TypedPropertyDescriptor<Target>) => {
    const before = readOwn<readonly string[]>(key, descriptor?.value ?? target) ?? [];
    const decorate = SetMetadata(key, Object.freeze([...before, ...values]));
    return descriptor ? decorate(target, name ?? '', descriptor) : decorate(target as Type);
  }) as Decorator;
}

/** Who may call a handler. */
export interface HandlerPolicy {
  readonly publicReason: string | undefined;
  readonly scopes: readonly string[];
  readonly actors: readonly string[];
}

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
  if (onHandler.publicReason !== undefined && !closed) return Object.freeze({ ...onHandler });
  const scopes = [...new Set([...(read<string[]>(SCOPES, controller) ?? []), ...onHandler.scopes])];
  const actors = onHandler.actors.length > 0 ? onHandler.actors : (read<string[]>(ACTORS, controller) ?? []);
  const isClosed = scopes.length > 0 || actors.length > 0;
  return Object.freeze({
    publicReason: isClosed ? undefined : readOwn<string>(PUBLIC, controller),
    scopes,
    actors,
  });
}
