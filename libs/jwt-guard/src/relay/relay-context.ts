import { AsyncLocalStorage } from 'node:async_hooks';
import { type Principal } from '../core/principal';
import { type RequestState } from '../nest/request-state';

/** What travels along a chain of services for one call. */
export interface RelayContext {
  /** For whom the call is made; `undefined` where nobody was asked to prove it. */
  readonly principal: Principal | undefined;
  /** Names the call in answers and logs of all services. A hint: never decide anything by it. */
  readonly transactionId: string;
}

const storage = new AsyncLocalStorage<RequestState>();

/** Runs it, and all that comes of it, in the context of a call. There is no way to set a context but this. */
export function runInContext<Result>(state: RequestState, run: () => Result): Result {
  return storage.run(state, run);
}

/** The context of the HTTP request that is being answered; `undefined` outside of one. Not open in RPC handlers. */
export function currentRelayContext(): RelayContext | undefined {
  const state = storage.getStore();
  return state && { principal: state.authenticated?.principal, transactionId: state.transactionId };
}

/**
 * For whom the HTTP request that is being answered is made; `undefined` outside of one, and where it is public. Not
 * open in RPC handlers: there, `@CurrentPrincipal()` says it.
 */
export function currentPrincipal(): Principal | undefined {
  return storage.getStore()?.authenticated?.principal;
}

/** The call that is being answered, for the relay alone: it holds the token. */
export function currentCall(): RequestState | undefined {
  return storage.getStore();
}
