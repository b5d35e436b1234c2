import { context as traces } from '@opentelemetry/api';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Principal } from '../core/principal';
import { type TokenVerifier } from '../core/token-verifier';
import { CallState, httpRequestOf, stateOf } from '../nest/call-state';
import { acceptedHints } from '../nest/context-hints';
import { OUTSIDE, within } from '../nest/trace';
import { type RelayReport } from './relay-report';
import { isTransactionId, TRANSACTION_ID_HEADER } from '../nest/transaction-id';

/** What travels along a chain of services for one call. */
export interface RelayContext {
  /** For whom the call is made; `undefined` where nobody was asked to prove it. */
  readonly principal: Principal | undefined;
  /** Names the call in answers and logs of all services. A hint: never decide anything by it. */
  readonly transactionId: string;
  /** W3C Trace Context: of the trace that the call is part of. A hint. */
  readonly traceparent: string;
  /** The language that the user is to be answered in, as a tag of BCP 47; `undefined` where nobody has said. A hint. */
  readonly locale: string | undefined;
  /** How long the caller goes on waiting, in milliseconds; 0 when it doesn't, Infinity where nobody has said. A hint. */
  readonly remainingMs: number;
  /** How long it took to find out for whom the call is, in milliseconds; `undefined` where nobody was asked. */
  readonly verifiedInMs: number | undefined;
  /** The calls to other services that this one has led to so far, the latest 32 of them. */
  readonly relayed: readonly RelayReport[];
}

const storage = new AsyncLocalStorage<CallState | undefined>();

/**
 * Runs it, and all that comes of it, in the context of a call, where the call's span is the one under way too. There is no
 * way to set a context but this.
 */
export function runInContext<Result>(call: CallState | undefined, run: () => Result): Result {
  const place = call ? call.place : OUTSIDE;
  return place ? within(place, () => storage.run(call, run)) : storage.run(call, run);
}

/** Runs it, and all that comes of it, in no context at all: what is opened there for others belongs to no call. */
export function runOutside<Result>(run: () => Result): Result {
  return outside(() => within(OUTSIDE, run));
}

/** Where this library was loaded. To go back there costs a tenth of making a context in which nothing is. */
const outside = AsyncLocalStorage.snapshot();

/** The context of the call – a request, a message – that is being answered; `undefined` outside of one. */
export function currentRelayContext(): RelayContext | undefined {
  const call = storage.getStore();
  return call && contextOf(call);
}

/**
 * The context of the call that this request – or this context of an RPC message – is: where what is told of it afterwards,
 * in a hook of the server, is told outside of it.
 */
export function relayContextOf(request: object): RelayContext | undefined {
  const call = stateOf(httpRequestOf(request));
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
  const place = traces.active();
  return function (this: Self, ...parameters) {
    return within(place, () => storage.run(call, () => run.apply(this, parameters)));
  };
}

/**
 * Runs it, and all that comes of it, in a context that was kept – `currentRelayContext()` – or made by
 * `relayContextFor`: for timers and for the jobs of a queue. The token in it may have expired or been revoked since;
 * then nothing is relayed with it. How long the caller of back then has waited doesn't count any more.
 *
 * @throws TypeError for anything else: for whom something is done can't be put together, it has to be proven
 */
export function runAs<Result>(context: RelayContext, run: () => Result): Result {
  const call = ShownContext.callOf(context);
  if (!call) throw new TypeError('runAs takes what currentRelayContext() or relayContextFor() returned, and no copy');
  return runInContext(call.continuedIn(storage.getStore()), run);
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
  const hints = acceptedHints((name) =>
    name === TRANSACTION_ID_HEADER && isTransactionId(transactionId) ? [transactionId] : [],
  );
  const call = new CallState({ verifier, extract: () => token, refuse: (refusal) => refusal }, hints);
  call.admit({ principal, token });
  return contextOf(call);
}

const NONE: readonly RelayReport[] = Object.freeze([]);

/** Shows of a call what everybody may know. Whoever holds it can go on with that call, and nobody can make one up. */
function contextOf(call: CallState): RelayContext {
  return (call.shown ??= new ShownContext(call));
}

/** A class, whose objects have nothing of their own but the call: one is made for every line of a log. */
class ShownContext implements RelayContext {
  readonly #call: CallState;

  constructor(call: CallState) {
    this.#call = call;
  }

  /** @returns `undefined` for what isn't one, copies included */
  static callOf(context: object): CallState | undefined {
    return #call in context ? context.#call : undefined;
  }

  get principal() {
    return this.#call.authenticated?.principal;
  }
  get transactionId() {
    return this.#call.transactionId;
  }
  get traceparent() {
    return this.#call.traceparent;
  }
  get locale() {
    return this.#call.hints.locale;
  }
  get remainingMs() {
    const { deadline } = this.#call;
    return deadline === undefined ? Infinity : Math.max(0, deadline - performance.now());
  }
  get verifiedInMs() {
    return this.#call.root.verifiedInMs;
  }
  get relayed() {
    return this.#call.root.relayed ?? NONE;
  }
}
