import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { extractToken } from '../core/extract-token';
import { type TokenVerifier } from '../core/token-verifier';
import { runInContext } from '../relay/relay-context';
import { type JwtGuardOptions } from './jwt-guard.options';
import { httpRefusals } from './problem';
import { attachState, httpRequestOf, RequestState } from './request-state';
import { isTransactionId, TRANSACTION_ID_HEADER } from './transaction-id';

/** As much of Fastify as is needed here. */
export interface FastifyHooks {
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): void;
}
interface FastifyRequestLike {
  readonly raw: IncomingMessage;
}
interface FastifyReplyLike {
  readonly raw: ServerResponse;
  header(name: string, value: string): unknown;
}

type Options = Pick<JwtGuardOptions, 'jwtFromRequest' | 'realm' | 'contextHints'>;

/** Opens the context of every request with `run()`, in the hook that comes first. */
export function openContextOnFastify(instance: FastifyHooks, verifier: TokenVerifier, options: Options): void {
  once(instance);
  instance.addHook('onRequest', (request, reply, done) => {
    const setHeader = (name: string, value: string): void => {
      if (!reply.raw.headersSent) reply.header(name, value);
    };
    const state = newState(request.raw, setHeader, verifier, options);
    attachState(request.raw, state);
    runInContext(state, done);
  });
}

export function openContextOnExpress(app: object, verifier: TokenVerifier, options: Options) {
  once(app);
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const setHeader = (name: string, value: string): void => {
      if (!response.headersSent) response.setHeader(name, value);
    };
    const state = newState(request, setHeader, verifier, options);
    attachState(request, state);
    runInContext(state, next);
  };
}

const opened = new WeakSet<object>();

/** With two sets of rules for one app nobody could say which counts. */
function once(app: object): void {
  if (opened.has(app)) throw new Error('JwtGuardModule is imported twice: list all issuers in one forRoot()');
  opened.add(app);
}

function newState(
  request: IncomingMessage,
  setHeader: (name: string, value: string) => void,
  verifier: TokenVerifier,
  options: Options,
): RequestState {
  const hint = options.contextHints === 'accept' ? request.headers[TRANSACTION_ID_HEADER] : undefined;
  const transactionId = isTransactionId(hint) ? hint : randomUUID();
  const extract = options.jwtFromRequest ?? bearerToken;
  return new RequestState(verifier, extract, transactionId, httpRefusals(setHeader, options.realm ?? 'api'));
}

const bearerToken = (request: object): string => extractToken(authorizationHeaders(httpRequestOf(request)));

/** Every `Authorization` header that was sent: Node's `headers` keeps the first and hides the others. */
function authorizationHeaders(request: object): string[] {
  const { rawHeaders } = request as { rawHeaders: readonly string[] };
  const found: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') found.push(rawHeaders[i + 1] ?? '');
  }
  return found;
}
