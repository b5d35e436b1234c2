import { RequestMethod, type Type } from '@nestjs/common';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { type Handler, ORIGINAL } from '../handler-policy';

/** Nest's own keys for what its decorators were given, so that none of its optional packages is loaded for them. */
const KEYS = {
  path: 'path',
  requestMethod: 'method',
  pattern: 'microservices:pattern',
  patternKind: 'microservices:handler_type',
  patternTransport: 'microservices:transport',
  isMessage: 'websockets:message_mapping',
  message: 'message',
  resolverType: 'graphql:resolver_type',
  resolverName: 'graphql:resolver_name',
  resolverReference: 'graphql:resolve_reference',
  resolverField: 'graphql:resolve_property',
};
const EVENT = 2;

/** A method that somebody can call from outside. */
export type FoundHandler = {
  readonly controller: Type;
  readonly method: string;
  readonly handler: Handler;
} & (
  | { readonly kind: 'http'; readonly verb: string; readonly paths: readonly string[] }
  | {
      readonly kind: 'rpc';
      readonly isEvent: boolean;
      readonly patterns: readonly unknown[];
      /** The one transport that it is for; `undefined` for all. */
      readonly transportId: number | symbol | undefined;
    }
  | { readonly kind: 'ws'; readonly message: unknown }
  | { readonly kind: 'graphql'; readonly type: string; readonly name: string; readonly isRoot: boolean }
);

const scanner = new MetadataScanner();

/** Every handler of an app, from its classes: they are all known before the first of them is made. */
export function handlersOf(modules: ModulesContainer): FoundHandler[] {
  return [...modules.values()].flatMap((module) => [
    ...classesOf(module.controllers.values()).flatMap((type) =>
      methodsOf(type, (...at) => [...http(...at), ...rpc(...at)]),
    ),
    ...classesOf(module.providers.values()).flatMap((type) =>
      methodsOf(type, (...at) => [...ws(...at), ...graphql(...at)]),
    ),
  ]);
}

/**
 * Resolvers that a factory has made, or that were given as they are: @nestjs/graphql takes them too, while no other part
 * of Nest does. They are known once they are made.
 */
export function madeResolversOf(modules: ModulesContainer): FoundHandler[] {
  return [...modules.values()].flatMap((module) =>
    [...module.providers.values()].flatMap((wrapper) => {
      const instance: unknown = wrapper.isNotMetatype || wrapper.metatype === null ? wrapper.instance : undefined;
      if (typeof instance !== 'object' || instance === null || wrapper.isAlias) return [];
      const { constructor } = instance;
      return typeof constructor === 'function' && constructor.prototype === Object.getPrototypeOf(instance)
        ? methodsOf(constructor as Type, graphql)
        : [];
    }),
  );
}

/** The method that Nest has made this route of; `undefined` for a route that isn't Nest's. */
export function originalHandler(route: unknown): Handler | undefined {
  return typeof route === 'function' ? (Reflect.getMetadata(ORIGINAL, route) as Handler | undefined) : undefined;
}

interface Wrapper {
  readonly metatype: unknown;
  readonly isNotMetatype: boolean;
}

function classesOf(wrappers: Iterable<Wrapper>): Type[] {
  return [...wrappers].flatMap(({ metatype, isNotMetatype }) =>
    !isNotMetatype && typeof metatype === 'function' && metatype.prototype ? [metatype as Type] : [],
  );
}

type Reader = (controller: Type, method: string, handler: Handler) => FoundHandler[];

function methodsOf(controller: Type, read: Reader): FoundHandler[] {
  const prototype = controller.prototype as Readonly<Record<string, unknown>>;
  return scanner.getAllMethodNames(prototype).flatMap((method) => {
    const handler = prototype[method];
    const found = typeof handler === 'function' ? read(controller, method, handler as Handler) : [];
    for (const { handler: original } of found) Reflect.defineMetadata(ORIGINAL, original, original);
    return found;
  });
}

const http: Reader = (controller, method, handler) => {
  const requestMethod = get<number>(KEYS.requestMethod, handler);
  if (requestMethod === undefined) return [];
  const paths = listOf(get(KEYS.path, controller)).flatMap((base) =>
    listOf(get(KEYS.path, handler)).map((path) => `/${base}/${path}`.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')),
  );
  return [{ kind: 'http', controller, method, handler, verb: RequestMethod[requestMethod] ?? '?', paths }];
};

const rpc: Reader = (controller, method, handler) => {
  const kind = get<number>(KEYS.patternKind, handler);
  if (kind === undefined) return [];
  const patterns = get<unknown[]>(KEYS.pattern, handler) ?? [];
  const transportId = get<number | symbol>(KEYS.patternTransport, handler);
  return [{ kind: 'rpc', controller, method, handler, isEvent: kind === EVENT, patterns, transportId }];
};

const ws: Reader = (controller, method, handler) =>
  get(KEYS.isMessage, handler) === undefined
    ? []
    : [{ kind: 'ws', controller, method, handler, message: get(KEYS.message, handler) }];

/** Whose fields are where a call begins. */
export const ROOTS = ['Query', 'Mutation', 'Subscription'];

/** A field says on its class what it is a field of, and so does whatever stands in a class for one of the roots. */
const graphql: Reader = (controller, method, handler) => {
  const isReference = get<boolean>(KEYS.resolverReference, handler) === true;
  const isField = get<boolean>(KEYS.resolverField, handler) === true;
  const of = get<string>(KEYS.resolverType, handler) ?? get<string>(KEYS.resolverType, controller);
  if (of === undefined || !(isReference || isField || ROOTS.includes(of))) return [];
  const type = isReference ? 'Reference' : of;
  const name = isReference ? (get<string>(KEYS.resolverName, controller) ?? controller.name) : method;
  const shown = get<string>(KEYS.resolverName, handler) ?? name;
  return [{ kind: 'graphql', controller, method, handler, type, name: shown, isRoot: ROOTS.includes(type) }];
};

function get<Value>(key: string, target: object): Value | undefined {
  return Reflect.getMetadata(key, target) as Value | undefined;
}

function listOf(paths: unknown): string[] {
  return [paths ?? ''].flat().map(String);
}
