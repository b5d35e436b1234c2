import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type TokenVerifier } from '../core/token-verifier';
import { runInContext } from '../relay/relay-context';
import { type JwtGuardOptions } from './jwt-guard.options';
import { httpRefusals } from './problem';
import { attachState, RequestState, stateOf } from './request-state';
import { isTransactionId, TRANSACTION_ID_HEADER } from './transaction-id';

/** As much of Fastify as is needed here. */
export interface FastifyHooks {
  addHook(
    name: 'onRequest' | 'preValidation',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): void;
}
interface FastifyRequestLike {
  readonly raw: IncomingMessage;
}
interface FastifyReplyLike {
  header(name: string, value: string): unknown;
}

type Options = Pick<JwtGuardOptions, 'realm' | 'contextHints'>;

/** Opens the context of every request with `run()`, in the hook that comes first. */
export function openContextOnFastify(instance: FastifyHooks, verifier: TokenVerifier, options: Options): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const setHeader = (name: string, value: string): void => void reply.header(name, value);
    const state = newState(request.raw, setHeader, verifier, options);
    attachState(request.raw, state);
    runInContext(state, done);
  });
  // A body arrives in events of the socket, and so outside of the context: go back into it.
  instance.addHook('preValidation', (request, _reply, done) => {
    const state = stateOf(request.raw);
    if (state) runInContext(state, done);
    else done();
  });
}

export function openContextOnExpress(verifier: TokenVerifier, options: Options) {
  return (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const setHeader = (name: string, value: string): void => void response.setHeader(name, value);
    const state = newState(request, setHeader, verifier, options);
    attachState(request, state);
    runInContext(state, next);
  };
}

function newState(
  request: IncomingMessage,
  setHeader: (name: string, value: string) => void,
  verifier: TokenVerifier,
  options: Options,
): RequestState {
  const hint = options.contextHints === 'accept' ? request.headers[TRANSACTION_ID_HEADER] : undefined;
  const transactionId = isTransactionId(hint) ? hint : randomUUID();
  return new RequestState(verifier, transactionId, httpRefusals(setHeader, options.realm ?? 'api'));
}
