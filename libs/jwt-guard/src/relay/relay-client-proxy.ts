import { AsyncLocalStorage } from 'node:async_hooks';
import { STATUS_CODES } from 'node:http';
import { HttpException, type OnApplicationShutdown } from '@nestjs/common';
import { catchError, defer, mergeMap, Observable, throwError, throwIfEmpty, timeout, TimeoutError } from 'rxjs';
import { isRefusal, VerifierUnavailable } from '../core/refusals';
import { asAnswer, type RelayHeaders, type TokenRelay } from './token-relay';
import { runInContext, currentCall } from './relay-context';

/** What the packet that is about to be made has to carry. */
const outgoing = new AsyncLocalStorage<RelayHeaders>();

interface Packet {
  metadata?: unknown;
}

/**
 * As much of `ClientProxy` (@nestjs/microservices, an optional peer) as is needed here, with the dispatch hook of
 * Nest 12.1: a single one, so that whoever comes later has to call whoever was there.
 */
export interface RpcClient {
  send<Result>(pattern: unknown, data: unknown): Observable<Result>;
  close(): unknown;
}
interface Dispatching {
  onDispatchHook?: ((packet: Packet) => void) | undefined;
  setOnDispatchHook?(hook: (packet: Packet) => void): void;
}

/**
 * A `ClientProxy` that calls on behalf of whoever made the current call: each packet carries a token for the
 * destination in its metadata. The caller is captured when `send()` is called, not when somebody subscribes.
 */
export class RelayClientProxy implements OnApplicationShutdown {
  readonly #client: RpcClient;
  readonly #destination: string;
  readonly #relay: TokenRelay;

  /** @throws TypeError for a destination without a contract, or a client that can't carry metadata */
  constructor(client: RpcClient, destination: string, relay: TokenRelay) {
    relay.contract(destination);
    this.#client = client;
    this.#destination = destination;
    this.#relay = relay;
    const dispatching = client as RpcClient & Dispatching;
    if (typeof dispatching.setOnDispatchHook !== 'function') {
      throw new TypeError('this client has no dispatch hook: @nestjs/microservices 12.1 or newer is needed');
    }
    const before = dispatching.onDispatchHook;
    dispatching.setOnDispatchHook((packet) => {
      before?.call(client, packet);
      const headers = outgoing.getStore();
      if (headers) packet.metadata = { ...(packet.metadata as object | undefined), ...headers };
    });
  }

  /**
   * The answers to a message. A destination that refuses the token is asked once more with a new one.
   *
   * @throws HttpException for the refusals that `RelayHttpClient` has too; one with the status and `code` of the
   *   destination where it answers that the call is wrong (4xx)
   */
  send<Result>(pattern: string, data: object): Observable<Result> {
    const call = currentCall();
    const inContext = <Value>(run: () => Value): Value => (call ? runInContext(call, run) : run());
    const headers = this.#relay.headersFor(this.#destination);
    // Whether anybody subscribes or not: a refusal here must not become an unhandled rejection.
    headers.catch(() => undefined);
    const attempt = (carried: Promise<RelayHeaders>) =>
      defer(() => carried).pipe(
        mergeMap((sent) => {
          // Whoever subscribes may do so long after.
          if (call?.authenticated) call.verifier.recheck(call.authenticated.principal);
          return this.#dispatch<Result>(sent, pattern, data);
        }),
        timeout({ each: this.#relay.timeoutMs }),
      );
    return attempt(headers).pipe(
      catchError((error: unknown) => {
        if (statusOf(error) !== 401 || isRefusal(error)) throw error;
        // Perhaps the token is older than the destination's keys; a new one settles that.
        return attempt(inContext(() => this.#relay.headersFor(this.#destination, true)));
      }),
      throwIfEmpty(() => new VerifierUnavailable('upstream_failed', { debug: `${this.#destination}: no answer` })),
      catchError((error: unknown) => throwError(() => inContext(() => asAnswer(outcomeOf(error, this.#destination))))),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#client.close();
  }

  #dispatch<Result>(headers: RelayHeaders, pattern: string, data: object): Observable<Result> {
    return new Observable((subscriber) =>
      outgoing.run(headers, () => this.#client.send<Result>(pattern, data).subscribe(subscriber)),
    );
  }
}

/** What went wrong, as the caller of this service may hear it. */
function outcomeOf(error: unknown, destination: string): unknown {
  if (isRefusal(error)) return error;
  if (error instanceof TimeoutError) return new VerifierUnavailable('upstream_timeout', { cause: error });
  // Errors of the connection; what a destination answers is no Error.
  if (error instanceof Error) return new VerifierUnavailable('upstream_unreachable', { cause: error });
  const status = statusOf(error);
  if (status === 401) return new VerifierUnavailable('relay_token_refused', { debug: destination });
  if (status === 503) return new VerifierUnavailable('upstream_unavailable', { debug: destination });
  const { code, error_description: detail } = (error ?? {}) as { code?: unknown; error_description?: unknown };
  if (status !== undefined && status >= 400 && status < 500 && typeof code === 'string') {
    const title = STATUS_CODES[status] ?? 'Error';
    return new HttpException(
      { type: 'about:blank', title, status, code, detail: typeof detail === 'string' ? detail : title },
      status,
    );
  }
  return new VerifierUnavailable('upstream_failed', { debug: destination });
}

/** The status of an error that the destination sent: an object like `RpcRefusal`. */
function statusOf(error: unknown): number | undefined {
  const { status } = (typeof error === 'object' && error !== null ? error : {}) as { status?: unknown };
  return typeof status === 'number' ? status : undefined;
}
