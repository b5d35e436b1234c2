import { type HttpException } from '@nestjs/common';
import { isRefusal, type Refusal } from '../core/refusals';
import { checkStaleness, STALENESS_BOUND_SECONDS, staleRule, type WhenStaleRule } from '../core/staleness';
import { runInContext } from '../relay/relay-context';
import { authorize } from './authorize';
import { type CallState, httpRequestOf, stateOf } from './call-state';
import { identify } from './identify';
import { isSafeRequest } from './safe-calls';

/** What a route that Nest knows nothing of asks for. */
export interface RouteToken {
  readonly scopes: readonly string[];
  readonly actors: readonly string[];
  /** What becomes of a call while revocations are behind, as `@WhenStale` says. Default: by the method of the request. */
  readonly whenStale?: WhenStaleRule;
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
 * @param token scopes, all of which the token has to hold, actors, one of whom has to call, and a rule of `@WhenStale`
 * @returns what answers by itself when it refuses, and else lets `currentPrincipal()` know for whom the call is
 * @throws TypeError for a rule that is none
 */
export function requireToken(token: Partial<RouteToken> = {}) {
  const { scopes = [], actors = [], whenStale } = token;
  const policy: RouteToken = Object.freeze({
    scopes: Object.freeze([...scopes]),
    actors: Object.freeze([...actors]),
    ...(whenStale !== undefined && { whenStale: staleRule('requireToken: whenStale', whenStale) }),
  });
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
  const authenticated = await identify(call, request);
  authorize(authenticated.principal, policy);
  const age = call.verifier.revocationAgeSeconds;
  if (age > STALENESS_BOUND_SECONDS) {
    checkStaleness(age, policy.whenStale, isSafeRequest(request));
    call.stalenessSettled = true;
  }
  call.admit(authenticated);
}

function refuse(call: CallState, refusal: Refusal, answer: Answer): void {
  // Somebody – a time limit – has answered in the meantime.
  if (answer.headersSent === true || answer.sent === true) return;
  const exception = call.turnAway(refusal) as HttpException;
  answer.status(refusal.status);
  answer.header('content-type', 'application/problem+json');
  answer.send(JSON.stringify(exception.getResponse()));
}
