import { AsyncLocalStorage } from 'node:async_hooks';
import { isNativeError } from 'node:util/types';
import { type OnApplicationShutdown } from '@nestjs/common';
import { type Context } from '@opentelemetry/api';
import {
  catchError,
  defer,
  from,
  lastValueFrom,
  map,
  mergeMap,
  type MonoTypeOperatorFunction,
  Observable,
  of,
  ReplaySubject,
  retry,
  takeUntil,
  tap,
  throwError,
  throwIfEmpty,
  timeout,
  TimeoutError,
  timer,
} from 'rxjs';
import { isRefusal, type OutageCode, VerifierUnavailable } from '../core/refusals';
import { type CallState } from '../nest/call-state';
import { TIMEOUT_HEADER } from '../nest/context-hints';
import { carrierOf } from './carriers/carrier-of';
import { type ClientSpan, currentPlace } from './client-span';
import { type CarriedHeaders, type Load, type RpcClient } from './carriers/rpc-carrier';
import { currentCall, runInContext } from './relay-context';
import { destinationRefusal, destinationRefused } from './destination-refused';
import { type TransactionRequest } from './relay-mode';
import { tellCalled } from './relay-observer';
import { type DestinationName, type ResolvedContract } from './relay-options';
import { endWithAnswers, messageSpan, withSpan } from './relay-spans';
import { checkTimeout, remainingMs } from './time-limit';
import { asAnswer, type Prepared, type PrepareOptions, toldMs, type TokenRelay } from './token-relay';

export interface RelayMessageOptions {
  /**
   * How long the destination may take for each of its answers, in milliseconds; never longer than the caller of the
   * current call waits. Default: the contract's.
   */
  readonly timeoutMs?: number | undefined;
  /** In mode `transaction`: what the token is to say, if this call begins the transaction. */
  readonly transaction?: TransactionRequest | undefined;
}

/**
 * A `ClientProxy` that calls on behalf of whoever made the current call: each message carries a token for the
 * destination beside its data, in the way of its transport. The caller is captured when `send()` or `emit()` is called,
 * not when somebody subscribes.
 */
export class RelayClientProxy implements OnApplicationShutdown {
  readonly #client: RpcClient;
  readonly #destination: DestinationName;
  readonly #contract: ResolvedContract;
  readonly #load: Load;
  readonly #relay: TokenRelay;
  /** Events that are on their way. */
  readonly #sending = new Set<Promise<void>>();
  readonly #closed = new ReplaySubject<void>();

  /** @throws TypeError for a destination without a contract, or a client that can't carry as its contract says */
  constructor(client: RpcClient, destination: DestinationName, relay: TokenRelay) {
    this.#client = client;
    this.#relay = relay;
    this.#destination = destination;
    this.#contract = relay.contract(destination);
    this.#load = carrierOf(this.#contract.transport).prepare(client);
  }

  /**
   * The answers to a message. A destination that refuses the token is asked once more with a new one.
   *
   * @param data anything that the client takes, a record with options of its transport too
   * @throws TypeError without a pattern, or data
   * @throws HttpException for the refusals that `RelayHttpClient` has too; one with the status and `code` of the
   *   destination where it answers that the call is wrong (4xx)
   */
  send<Result>(pattern: unknown, data: unknown, options: RelayMessageOptions = {}): Observable<Result> {
    requireMessage(pattern, data);
    if (options.timeoutMs !== undefined) checkTimeout('timeoutMs', options.timeoutMs);
    const call = currentCall();
    const place = currentPlace();
    const inContext = <Value>(run: () => Value): Value => runInContext(call, run);
    const prepared = this.#prepare(options);
    return defer(() => {
      const end: End = { isOver: false };
      const attempt = (preparing: Promise<Prepared>) =>
        defer(() => preparing).pipe(
          mergeMap((ready) => this.#answers<Result>(call, ready, { pattern, data, place, end }, options)),
        );
      const first = attempt(prepared);
      const answers = first.pipe(
        catchError((error: unknown) => {
          if (!isRefusedToken(error) || !inContext(() => this.#relay.mayRenew(this.#destination))) throw error;
          // Perhaps the token is older than the destination's keys; a new one settles that.
          return attempt(inContext(() => this.#prepare(options, { renew: true }))).pipe(
            catchError((again: unknown) => {
              if (isRefusedToken(again)) inContext(() => this.#relay.renewalRefused(this.#destination));
              throw again;
            }),
          );
        }),
        throwIfEmpty(() => this.#unavailable('upstream_failed', { debug: 'no answer' })),
      );
      return call?.deadline === undefined ? answers : answers.pipe(takeUntil(this.#end(call, end)));
    }).pipe(catchError((error: unknown) => throwError(() => inContext(() => asAnswer(this.#outcomeOf(error))))));
  }

  /**
   * Sends an event, whether anybody subscribes to what this returns or not: it tells when the event is sent, or why it
   * isn't. The event says nothing of how long its sender waits, who doesn't.
   *
   * @throws TypeError without a pattern, or data
   * @throws HttpException for what prevents that the event is sent; what becomes of it there, nobody hears
   */
  emit(pattern: unknown, data: unknown, options: RelayMessageOptions = {}): Observable<void> {
    requireMessage(pattern, data);
    if (options.timeoutMs !== undefined) checkTimeout('timeoutMs', options.timeoutMs);
    const call = currentCall();
    const place = currentPlace();
    const sending = this.#prepare(options, { isEvent: true }).then(async (prepared) => {
      const { timeoutMs = this.#contract.timeoutMs } = options;
      const span = messageSpan(pattern, prepared.report, { place, isAnswered: false });
      const headers = withSpan(prepared.headers, span);
      const sent = this.#dispatch(call, headers, (loaded) => this.#client.emit(pattern, loaded), data);
      const told = sent.pipe(timeout(timeoutMs), this.#told(prepared), this.#traced(span));
      await lastValueFrom(told, { defaultValue: undefined });
    });
    const sent = sending.catch((error: unknown) => {
      throw runInContext(call, () => asAnswer(this.#outcomeOf(error)));
    });
    const settled = sent.catch(() => undefined).finally(() => this.#sending.delete(settled));
    this.#sending.add(settled);
    return from(sent);
  }

  async onApplicationShutdown(): Promise<void> {
    // Nobody waits for an event but us.
    await Promise.allSettled(this.#sending);
    // A client forgets whoever waits for its connection; and whoever comes now would open it again.
    this.#closed.next();
    try {
      await this.#client.close();
    } catch {
      // Clients can't say goodbye to a broker that has gone before them; that must not stop an app from ending.
    }
  }

  #prepare({ timeoutMs, transaction }: RelayMessageOptions, how: PrepareOptions = {}): Promise<Prepared> {
    const prepared = this.#relay.prepare(this.#destination, { timeoutMs, transaction, ...how });
    // Whether anybody subscribes or not: a refusal here must not become an unhandled rejection.
    prepared.catch(() => undefined);
    return prepared;
  }

  #answers<Result>(
    call: CallState | undefined,
    prepared: Prepared,
    { pattern, data, place, end }: Message,
    { timeoutMs = this.#contract.timeoutMs }: RelayMessageOptions,
  ): Observable<Result> {
    // Whoever subscribes may do so long after.
    if (call?.authenticated) call.verifier.recheck(call.authenticated.principal);
    const waits = toldMs(Math.min(timeoutMs, remainingMs(call)));
    const begun = performance.now();
    const { report } = prepared;
    const span = messageSpan(pattern, report, { place, isAnswered: true });
    const carried = { ...withSpan(prepared.headers, span), [TIMEOUT_HEADER]: String(waits) };
    return this.#dispatch<Result>(call, carried, (loaded) => this.#client.send(pattern, loaded), data).pipe(
      this.#repeated(pattern),
      timeout({ each: timeoutMs }),
      tap(() => (report.answeredInMs ??= performance.now() - begun)),
      this.#told(prepared, end),
      this.#traced(span),
    );
  }

  /** Sends once more what may be sent twice, and has had no answer before its connection broke. */
  #repeated<Answer>(pattern: unknown): MonoTypeOperatorFunction<Answer> {
    if (!this.#contract.repeatable.some((repeatable) => repeatable === pattern)) return (answers) => answers;
    return (answers) => {
      let isAnswered = false;
      const isLost = (error: unknown): boolean => !isAnswered && isNativeError(error) && !isRefusal(error);
      return answers.pipe(
        tap(() => (isAnswered = true)),
        retry({ count: 1, delay: (error: unknown) => (isLost(error) ? of(undefined) : throwError(() => error)) }),
      );
    };
  }

  #traced<Answer>(span: ClientSpan | undefined): MonoTypeOperatorFunction<Answer> {
    // What the destination says is told as it says it.
    return endWithAnswers(span, (error: unknown): unknown =>
      statusOf(error) === undefined ? this.#outcomeOf(error) : error,
    );
  }

  /** Tells the observer what became of a call, by the first that comes of it. */
  #told<Answer>(prepared: Prepared, end?: End): MonoTypeOperatorFunction<Answer> {
    if (!prepared.observer?.called) return (answers) => answers;
    const begun = performance.now();
    let isTold = false;
    const told = (outcome: Parameters<typeof tellCalled>[2]): void => {
      if (!isTold) tellCalled(prepared, performance.now() - begun, outcome);
      isTold = true;
    };
    return tap({
      next: () => told({ outcome: 'answered' }),
      complete: () => told({ outcome: 'answered' }),
      error: (error: unknown) => told(this.#endOf(error)),
      unsubscribe: () =>
        told(end?.isOver ? { outcome: 'failed', code: 'deadline_exceeded' } : { outcome: 'abandoned' }),
    });
  }

  #endOf(error: unknown): Parameters<typeof tellCalled>[2] {
    const status = isRefusal(error) || isNativeError(error) ? undefined : statusOf(error);
    if (status !== undefined) return { outcome: 'answered', status };
    const refusal = this.#outcomeOf(error);
    return { outcome: 'failed', code: isRefusal(refusal) ? refusal.code : 'upstream_failed' };
  }

  /**
   * The client opens its connection for whoever comes first, and everything that comes by it later would run in the
   * context of that call: so the client knows of no call, and each answer is given in the context of who waits for it.
   */
  #dispatch<Result>(
    call: CallState | undefined,
    headers: CarriedHeaders,
    hand: (loaded: unknown) => Observable<Result>,
    data: unknown,
  ): Observable<Result> {
    return new Observable((subscriber) => {
      const inContext = AsyncLocalStorage.snapshot();
      const sent = defer(() => this.#connect()).pipe(
        mergeMap(() => hand(runInContext(call, () => this.#load(data, headers)))),
        takeUntil(this.#closed.pipe(map(() => this.#fail('upstream_unreachable', { debug: 'it is closed' })))),
      );
      return runInContext(undefined, () =>
        sent.subscribe({
          next: (value) => inContext(() => subscriber.next(value)),
          error: (error: unknown) => inContext(() => subscriber.error(error)),
          complete: () => inContext(() => subscriber.complete()),
        }),
      );
    });
  }

  /** Here already, for what goes wrong with a connection isn't always an Error, and then looks like an answer. */
  async #connect(): Promise<void> {
    try {
      await this.#client.connect?.();
    } catch (cause) {
      throw this.#unavailable('upstream_unreachable', { cause });
    }
  }

  /** Fails when the caller stops waiting. */
  #end(call: CallState, end: End): Observable<never> {
    return defer(() => timer(remainingMs(call))).pipe(
      map(() => {
        end.isOver = true;
        return this.#fail('deadline_exceeded');
      }),
    );
  }

  #fail(code: OutageCode, reason?: Reason): never {
    throw this.#unavailable(code, reason);
  }

  #unavailable(code: OutageCode, reason: Reason = {}): VerifierUnavailable {
    return new VerifierUnavailable(code, { ...reason, hop: this.#contract.name });
  }

  /** What went wrong, as the caller of this service may hear it. */
  #outcomeOf(error: unknown): unknown {
    if (isRefusal(error)) return error;
    if (error instanceof TimeoutError) return this.#unavailable('upstream_timeout', { cause: error });
    // Errors of the connection; what a destination answers is no Error.
    if (isNativeError(error)) return this.#unavailable('upstream_unreachable', { cause: error });
    const status = statusOf(error);
    if (status === 401 && this.#contract.mode !== 'none') return this.#unavailable('relay_token_refused');
    if (status === 503) return this.#unavailable('upstream_unavailable');
    const refusal = destinationRefusal(error);
    return refusal ? destinationRefused(currentCall(), refusal) : this.#unavailable('upstream_failed');
  }
}

/** Of a call: whether it has ended because its caller doesn't wait any more. No clock says it: timers come early. */
interface End {
  isOver: boolean;
}

interface Message {
  readonly pattern: unknown;
  readonly data: unknown;
  readonly place: Context;
  readonly end: End;
}

interface Reason {
  readonly debug?: string;
  readonly cause?: unknown;
}

/** Nest's clients take nothing else, and say so as if the connection had failed. */
function requireMessage(pattern: unknown, data: unknown): void {
  if (pattern === undefined || pattern === null) throw new TypeError('pattern: required');
  if (data === undefined || data === null) throw new TypeError('data: required; {} where there are none');
}

function isRefusedToken(error: unknown): boolean {
  return statusOf(error) === 401 && !isRefusal(error);
}

/** The status of an error that the destination sent: an object like `RpcRefusal`. */
function statusOf(error: unknown): number | undefined {
  const { status } = (typeof error === 'object' && error !== null ? error : {}) as { status?: unknown };
  return typeof status === 'number' ? status : undefined;
}
