import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { type Principal } from '../core/principal';
import { type TokenVerifier } from '../core/token-verifier';
import { CallState } from '../nest/call-state';
import { isTransactionId } from '../nest/transaction-id';

/** What travels along a chain of services for one call. */
export interface RelayContext {
  /** For whom the call is made; `undefined` where nobody was asked to prove it. */
  readonly principal: Principal | undefined;
  /** Names the call in answers and logs of all services. A hint: never decide anything by it. */
  readonly transactionId: string;
}

const storage = new AsyncLocalStorage<CallState | undefined>();

/** Runs it, and all that comes of it, in the context of a call. There is no way to set a context but this. */
export function runInContext<Result>(call: CallState | undefined, run: () => Result): Result {
  return storage.run(call, run);
}

/** The context of the call – a request, a message – that is being answered; `undefined` outside of one. */
export function currentRelayContext(): RelayContext | undefined {
  const call = storage.getStore();
  return call && contextOf(call);
}

/**
 * For whom the call – a request, a message – that is being answered is made; `undefined` outside of one, and where it
 * is public.
 */
export function currentPrincipal(): Principal | undefined {
  return storage.getStore()?.authenticated?.principal;
}

/** The call that is being answered, for the relay alone: it holds the token. */
export function currentCall(): CallState | undefined {
  return storage.getStore();
}

/**
 * Binds a function to the context that it is made in, for whoever calls it from elsewhere: a listener on a stream or a
 * socket of others, a callback of a pool. Made outside of a call it runs outside of every call.
 */
export function bindContext<Self, Parameters extends unknown[], Result>(
  run: (this: Self, ...parameters: Parameters) => Result,
): (this: Self, ...parameters: Parameters) => Result {
  const call = storage.getStore();
  return function (this: Self, ...parameters) {
    return storage.run(call, () => run.apply(this, parameters));
  };
}

/**
 * Runs it, and all that comes of it, in a context that was kept – `currentRelayContext()` – or made by
 * `relayContextFor`: for timers and for the jobs of a queue. The token in it may have expired or been revoked since;
 * then nothing is relayed with it.
 *
 * @throws TypeError for anything else: for whom something is done can't be put together, it has to be proven
 */
export function runAs<Result>(context: RelayContext, run: () => Result): Result {
  const call = calls.get(context);
  if (!call) throw new TypeError('runAs takes what currentRelayContext() or relayContextFor() returned, and no copy');
  return storage.run(call, run);
}

/**
 * The context of work that is no call, for whom the token speaks: of a job that another process has put into a queue
 * with the token of its call.
 *
 * @param transactionId of the call that the work comes of. Default: a new one
 * @throws TokenRejected when the token is bad
 * @throws VerifierUnavailable when that can't be decided
 */
export async function relayContextFor(
  verifier: TokenVerifier,
  token: string,
  transactionId?: string,
): Promise<RelayContext> {
  const principal = await verifier.verify(token);
  const id = isTransactionId(transactionId) ? transactionId : randomUUID();
  const call = new CallState({ verifier, extract: () => token, refuse: (refusal) => refusal }, id);
  call.admit({ principal, token });
  return contextOf(call);
}

const calls = new WeakMap<RelayContext, CallState>();

/** Shows of a call what everybody may know. Whoever holds it can go on with that call, and nobody can make one up. */
function contextOf(call: CallState): RelayContext {
  const context: RelayContext = Object.freeze({
    get principal() {
      return call.authenticated?.principal;
    },
    transactionId: call.transactionId,
  });
  calls.set(context, call);
  return context;
}
