import { SetMetadata, type Type } from '@nestjs/common';
import { checkLateSeconds } from '../core/late-handling';
import { staleRule, type WhenStaleRule } from '../core/staleness';

export const PUBLIC = 'token-relay:public';
export const TOKEN = 'token-relay:token';
export const SCOPES = 'token-relay:scopes';
export const ACTORS = 'token-relay:actors';
export const WHEN_STALE = 'token-relay:when-stale';
export const ACCEPT_LATE = 'token-relay:accept-late';

type Decorator = ClassDecorator & MethodDecorator;
type Target = Type | ((...parameters: never[]) => unknown);

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
  return noted(SetMetadata(PUBLIC, reason));
}

/**
 * Asks for a token, whatever its scopes are: what a handler without a word asks for as well, said aloud. Where
 * `census.undecorated` is `refuse`, it has to be said.
 */
export function RequireToken(): Decorator {
  return noted(SetMetadata(TOKEN, true));
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
  return noted(added(SCOPES, names('@RequireScopes', scopes)));
}

/**
 * Asks that one of these services calls on a user's behalf: the outermost actor of the token
 * (RFC 8693, section 4.1) is it. A handler that only another service may call is opened so, and not by a scope
 * that its users would have to hold. On a handler it takes the place of the controller's.
 *
 * @throws TypeError for a second one in the same place, which could be meant as "both" or as "either"
 */
export function RequireActor(...actors: string[]): Decorator {
  const named = names('@RequireActor', actors);
  return noted(single(ACTORS, named, '@RequireActor stands here twice: name all actors in one'));
}

/**
 * Says what becomes of calls while the revocation source is more than 10 s behind: `'deny'` refuses them with 503, and
 * `{ allowForSeconds }` does so after that much more, 0 to 900. It counts for GET and the like too, which go on for as
 * long as their token lasts where nothing is said; everything else goes on for 60 s. On a handler it takes the place of
 * the controller's, which a subclass has too. Who may call, it doesn't say.
 *
 * @throws TypeError for another rule, and for a second one in the same place
 */
export function WhenStale(rule: WhenStaleRule): Decorator {
  const checked = staleRule('@WhenStale', rule);
  return noted(single(WHEN_STALE, checked, '@WhenStale stands here twice: one of the two would not count'));
}

/**
 * Takes the token of an event that is handled late by its age: while `iat + maxAgeSeconds` isn't over, though `exp` is.
 * All else counts as ever – revocation, the keys, `nbf` –, and that no longer than the issuer keeps it for what is late:
 * where it announces less (`late_handling_seconds` of its JWKS), or nothing knows what was revoked, the app doesn't start.
 *
 * For the handlers of events alone (`@EventPattern`): whoever waits for an answer can get a new token.
 *
 * @throws TypeError for an age that isn't a whole number from 1 to 86400, and for a second one in the same place
 */
export function AcceptLate({ maxAgeSeconds }: { readonly maxAgeSeconds: number }): MethodDecorator {
  checkLateSeconds('@AcceptLate: maxAgeSeconds', maxAgeSeconds);
  return noted(single(ACCEPT_LATE, maxAgeSeconds, '@AcceptLate stands here twice: one of the two would not count'));
}

const NOTED = 'token-relay:noted';

/**
 * Notes on the class that there is something on a method of it: a decorator above that puts another function in the
 * method's place takes it away, and nobody would notice.
 */
function noted(decorate: Decorator): Decorator {
  return ((target: object, key?: string | symbol, descriptor?: TypedPropertyDescriptor<unknown>) => {
    if (key !== undefined) Reflect.defineMetadata(NOTED, true, target, key);
    return (decorate as (...at: unknown[]) => unknown)(target, key, descriptor);
  }) as Decorator;
}

/** Whether a decorator of these stood on a method that has none any more. */
export function hasLostItsPolicy(controller: Type, method: string, handler: Target): boolean {
  const isNoted = Reflect.getMetadata(NOTED, controller.prototype as object, method) === true;
  return (
    isNoted &&
    ![PUBLIC, TOKEN, SCOPES, ACTORS, WHEN_STALE, ACCEPT_LATE].some((key) => Reflect.hasMetadata(key, handler))
  );
}

/**
 * Metadata that a place has once.
 *
 * @throws TypeError where it stands already
 */
function single(key: string, value: unknown, twice: string): Decorator {
  const decorate = SetMetadata(key, value);
  return ((target: Target, name?: string | symbol, descriptor?: TypedPropertyDescriptor<Target>) => {
    if (readOwn(key, descriptor?.value ?? target) !== undefined) throw new TypeError(twice);
    return descriptor ? decorate(target, name ?? '', descriptor) : decorate(target as Type);
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
