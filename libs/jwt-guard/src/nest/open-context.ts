import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type TokenVerifier } from '../core/token-verifier';
import { currentCall, runInContext } from '../relay/relay-context';
import { bearerToken } from './bearer-token';
import { type JwtGuardOptions } from './jwt-guard.options';
import { httpRefusals } from './problem';
import { acceptedHints, ownHints } from './context-hints';
import { attachState, CallState, httpRequestOf, stateOf } from './call-state';
import { type Route } from './census/http-routes';
import { traceRequest } from './http-span';
import { sentHeaders } from './sent-headers';
import { TRANSACTION_TOKEN_HEADER } from './transaction-token';

/** As much of Fastify as is needed here. */
export interface FastifyHooks {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): void;
}
interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  readonly routeOptions?: { readonly url?: string | undefined };
}
interface FastifyReplyLike {
  readonly raw: ServerResponse;
  header(name: string, value: string): unknown;
}

type Options = Pick<JwtGuardOptions, 'jwtFromRequest' | 'realm' | 'contextHints'>;

/** Opens the context of every request with `run()`, in the hook that comes first. */
export function openContextOnFastify(instance: FastifyHooks, verifier: TokenVerifier, options: Options): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const setHeader = (name: string, value: string): void => {
      if (!reply.raw.headersSent) reply.header(name, value);
    };
    const call = httpCall(request.raw, setHeader, verifier, options);
    attachState(request.raw, call);
    traceRequest(call, request.raw, reply.raw, request.routeOptions?.url);
    runInContext(call, done);
  });
}

/** As much of an Express app as is needed here: what it does with each request, before any middleware. */
export interface ExpressApp {
  handle(request: IncomingMessage, response: ServerResponse, ...more: unknown[]): unknown;
}

/**
 * Opens the context of every request with `run()`, around the whole app: a middleware would come too late for routes
 * that were there before, and would make the app's router before its settings are known.
 */
export function openContextOnExpress(app: ExpressApp, verifier: TokenVerifier, options: Options): void {
  const handle = app.handle.bind(app);
  app.handle = (request, response, ...more) => {
    const setHeader = (name: string, value: string): void => {
      if (!response.headersSent) response.setHeader(name, value);
    };
    const call = httpCall(request, setHeader, verifier, options);
    attachState(request, call);
    traceRequest(call, request, response);
    return runInContext(call, () => handle(request, response, ...more));
  };
}

/**
 * Runs a route of Nest's in the context of its own request, whoever has passed the request on: a middleware that calls
 * `next` from a pool's callback does so in the context of whoever used the pool before.
 */
export function inOwnContext(route: Route): Route {
  const wrapped = function (this: unknown, ...parameters: unknown[]): unknown {
    const call = stateOf(httpRequestOf(parameters[0] as object));
    if (!call || call === currentCall()) return route.apply(this, parameters);
    return runInContext(call, () => route.apply(this, parameters));
  };
  // Adapters read from a route its version, and what decorators have left on it.
  for (const key of Reflect.getMetadataKeys(route) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, route), wrapped);
  }
  Object.defineProperty(wrapped, 'name', { configurable: true, value: route.name });
  return Object.assign(wrapped, route);
}

const opened = new WeakMap<object, object>();

/** @throws Error the second time: with two sets of rules for one app nobody could say which counts */
export function onlyOnce(app: object, module: object): void {
  // Nest calls the hooks of a module again for a microservice that it starts late.
  if ((opened.get(app) ?? module) !== module)
    throw new Error('JwtGuardModule is imported twice: list all issuers in one forRoot()');
  opened.set(app, module);
}

function httpCall(
  request: IncomingMessage,
  setHeader: (name: string, value: string) => void,
  verifier: TokenVerifier,
  options: Options,
): CallState {
  const extract = options.jwtFromRequest ?? bearerToken;
  const refuse = httpRefusals(setHeader, options.realm ?? 'api');
  if (options.contextHints !== 'accept') {
    return new CallState({ verifier, extract, refuse }, ownHints(request.headers['accept-language']));
  }
  const valuesOf = (name: string): readonly string[] => sentHeaders(request, name);
  const transactionTokens = (): readonly string[] => valuesOf(TRANSACTION_TOKEN_HEADER);
  return new CallState({ verifier, extract, transactionTokens, refuse }, acceptedHints(valuesOf));
}
