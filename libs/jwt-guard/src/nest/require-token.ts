import { type HttpException } from '@nestjs/common';
import { isRefusal, type Refusal, TokenRejected } from '../core/refusals';
import { runInContext } from '../relay/relay-context';
import { authorize } from './authorize';
import { type CallState, httpRequestOf, stateOf } from './call-state';

/** What a route that Nest knows nothing of asks for. */
export interface RouteToken {
  readonly scopes: readonly string[];
  readonly actors: readonly string[];
}

/** The answer of Express, or the reply of Fastify. */
interface Answer {
  readonly headersSent?: boolean;
  readonly sent?: boolean;
  status(code: number): unknown;
  header(name: string, value: string): unknown;
  send(body: unknown): unknown;
}

/** Enumerable, so that who wraps a middleware – for traces – takes it along. */
const ASKED = 'tokenRelayRequires';

/** What is asked for by a function that `requireToken` made; `undefined` for every other. */
export function routeTokenOf(step: unknown): RouteToken | undefined {
  return typeof step === 'function' ? (step as { [ASKED]?: RouteToken })[ASKED] : undefined;
}

/**
 * Guards a route that is registered past Nest, where no guard of Nest's runs: as a middleware before an Express
 * handler, or as the `onRequest` or `preHandler` of a Fastify route.
 *
 * @param token scopes, all of which the token has to hold, and actors, one of whom has to call
 * @returns what answers by itself when it refuses, and else lets `currentPrincipal()` know for whom the call is
 */
export function requireToken(token: Partial<RouteToken> = {}) {
  const { scopes = [], actors = [] } = token;
  const policy = Object.freeze({ scopes: Object.freeze([...scopes]), actors: Object.freeze([...actors]) });
  const step = (request: object, answer: Answer, next: (error?: Error) => void): void => {
    const call = stateOf(httpRequestOf(request));
    if (!call) return next(new Error('JwtGuardModule is not part of the app that this request came to'));
    authenticate(request, call, policy)
      .then(
        // Whoever has passed the request on may have done so in the context of another.
        () => runInContext(call, next),
        (error: unknown) => {
          if (isRefusal(error)) refuse(call, error, answer);
          else next(error as Error);
        },
      )
      .catch(next);
  };
  return Object.assign(step, { [ASKED]: policy });
}

async function authenticate(request: object, call: CallState, policy: RouteToken): Promise<void> {
  const token = call.extract(request);
  if (typeof token !== 'string' || token === '') throw new TokenRejected('token_missing');
  const principal = await call.verifier.verify(token);
  authorize(principal, policy);
  call.admit({ principal, token });
}

function refuse(call: CallState, refusal: Refusal, answer: Answer): void {
  // Somebody – a time limit – has answered in the meantime.
  if (answer.headersSent === true || answer.sent === true) return;
  const exception = call.turnAway(refusal) as HttpException;
  answer.status(refusal.status);
  answer.header('content-type', 'application/problem+json');
  answer.send(JSON.stringify(exception.getResponse()));
}
