import { type CanActivate, type Type } from '@nestjs/common';
import { TokenRejected } from '../core/refusals';
import { type WhenStaleRule } from '../core/staleness';
import { ACCEPT_LATE, ACTORS, PUBLIC, SCOPES, TOKEN, WHEN_STALE } from './policy.decorators';

/** Nest's own key for what `@UseGuards` was given. */
const GUARDS = '__guards__';

export type Handler = (...parameters: never[]) => unknown;
type Target = Type | Handler;

/** Who may call a handler. */
export type HandlerPolicy =
  | { readonly kind: 'public'; readonly reason: string; readonly hasVainRule: boolean }
  /** A guard of the app's own authenticates the callers. */
  | { readonly kind: 'guard'; readonly guards: readonly string[]; readonly hasVainRule: boolean }
  | TokenPolicy;

/** Whoever has a good token, with these scopes and as one of these actors. */
export interface TokenPolicy {
  readonly kind: 'token';
  readonly scopes: readonly string[];
  readonly actors: readonly string[];
  /** What becomes of its calls while revocations are behind; `undefined` where nobody has said. */
  readonly whenStale: WhenStaleRule | undefined;
  /** How old the token of an event may be that is handled late, in seconds; `undefined` where it must not have expired. */
  readonly acceptLateSeconds: number | undefined;
  /** Whether somebody has said so, or it is what counts where nothing is said. */
  readonly explicit: boolean;
}

/** An opening that can't be written on the handler itself, because its code is somebody else's. */
export interface PublicController {
  /** A controller, gateway or resolver. */
  readonly controller: Type;
  /** One of its methods. Default: all of them. */
  readonly handler?: string;
  /** Why that is right. */
  readonly reason: string;
}

/** Finds out the policy of each handler, once. What counts is the same on every transport. */
export class HandlerPolicies {
  readonly #found = new WeakMap<Target, WeakMap<Target, HandlerPolicy>>();

  constructor(
    private readonly openings: readonly PublicController[],
    private readonly acceptedGuards: readonly Type[],
  ) {}

  of(controller: Type, handler: Handler): HandlerPolicy {
    let ofController = this.#found.get(controller);
    if (!ofController) this.#found.set(controller, (ofController = new WeakMap<Target, HandlerPolicy>()));
    let policy = ofController.get(handler);
    if (!policy) ofController.set(handler, (policy = Object.freeze(this.#read(controller, handler))));
    return policy;
  }

  /** What counts for whatever has no handler of its own: for connecting to a gateway. */
  ofClass(controller: Type): HandlerPolicy {
    return this.of(controller, controller as unknown as Handler);
  }

  /** What stands closer to the handler wins, and between open and closed in the same place, closed does. */
  #read(controller: Type, called: Handler): HandlerPolicy {
    const handler = (called as unknown) === controller ? called : methodOf(controller, called);
    const own = onPlace(handler);
    const inherited = onPlace(controller);
    // Of what is said of an open handler itself, or beside what opens its class, nothing can come; else a class may say it
    // for its other handlers.
    const hasVainRule = own.hasRule || (inherited.publicReason !== undefined && inherited.hasRule);
    if (own.publicReason !== undefined && !own.closed) return { kind: 'public', reason: own.publicReason, hasVainRule };
    if (!own.closed && !inherited.closed) {
      const reason = inherited.publicReason ?? this.#openingOf(controller, handler)?.reason;
      if (reason !== undefined) return { kind: 'public', reason, hasVainRule };
      const guards = guardsOf(controller, handler).filter((guard) => this.acceptedGuards.includes(guard));
      if (guards.length > 0) return { kind: 'guard', guards: guards.map((guard) => guard.name), hasVainRule };
    }
    return {
      kind: 'token',
      scopes: [...new Set([...inherited.scopes, ...own.scopes])],
      actors: own.actors.length > 0 ? own.actors : inherited.actors,
      whenStale: own.whenStale ?? inherited.whenStale,
      acceptLateSeconds: read<number>(ACCEPT_LATE, handler),
      explicit: own.closed || inherited.closed,
    };
  }

  #openingOf(controller: Type, handler: Handler): PublicController | undefined {
    const methods = controller.prototype as Readonly<Record<string, unknown>>;
    return this.openings.find(
      (opening) =>
        opening.controller === controller && (opening.handler === undefined || methods[opening.handler] === handler),
    );
  }
}

/** Whether one of these guards stands on the handler itself or on its class. */
export function hasGuard(controller: Type, handler: Handler, guard: Type<CanActivate>): boolean {
  return guardsOf(controller, handler).some((found) => found === guard || found.prototype instanceof guard);
}

function guardsOf(controller: Type, handler: Handler): Type[] {
  return [...new Set<Target>([controller, handler])].flatMap((place) =>
    (read<(Type | object)[]>(GUARDS, place) ?? []).map((guard) =>
      typeof guard === 'function' ? (guard as Type) : (guard.constructor as Type),
    ),
  );
}

const read = <Value>(key: string, target: Target): Value | undefined =>
  Reflect.getMetadata(key, target) as Value | undefined;

function onPlace(place: Target) {
  const scopes = scopesOn(place);
  const actors = read<string[]>(ACTORS, place) ?? [];
  const closed = scopes.length > 0 || actors.length > 0 || read<boolean>(TOKEN, place) === true;
  const whenStale = read<WhenStaleRule>(WHEN_STALE, place);
  const hasRule = [WHEN_STALE, ACCEPT_LATE].some((key) => Reflect.hasOwnMetadata(key, place));
  // An opening counts for the class that it stands on, and for none that extends it.
  const publicReason = Reflect.getOwnMetadata(PUBLIC, place) as string | undefined;
  return { publicReason, scopes, actors, whenStale, hasRule, closed };
}

/** Of the place, and – of a class – of all that it extends: a subclass asks for more, never for less. */
function scopesOn(place: Target): string[] {
  const own = (Reflect.getOwnMetadata(SCOPES, place) ?? []) as string[];
  const above = Object.getPrototypeOf(place) as Target | null;
  return above === null || above === Function.prototype ? own : [...scopesOn(above), ...own];
}

/** Stands on the methods of an app's classes, and so on what others – Nest, tracers – make of them. */
export const ORIGINAL = 'token-relay:original-handler';

/**
 * The method that is called: the one that the decorators stand on. What an instance has in its place – `this.list =
 * this.list.bind(this)` – is a function without any.
 *
 * @throws TokenRejected `context_not_supported` for a function that is none of the class's: nobody can say what it asks
 */
function methodOf(controller: Type, called: Handler): Handler {
  const original = Reflect.getMetadata(ORIGINAL, called) as Handler | undefined;
  if (original) return original;
  for (let at = controller.prototype as object | null; at; at = Object.getPrototypeOf(at) as object | null) {
    const isThere = Object.values(Object.getOwnPropertyDescriptors(at)).some(({ value }) => value === called);
    if (isThere) return called;
  }
  const named = (controller.prototype as Readonly<Record<string, unknown>>)[called.name.replace(/^bound /, '')];
  if (typeof named === 'function') return named as Handler;
  throw new TokenRejected('context_not_supported', { debug: `${controller.name} has no method ${called.name}` });
}
