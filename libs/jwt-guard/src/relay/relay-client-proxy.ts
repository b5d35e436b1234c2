import { AsyncLocalStorage } from 'node:async_hooks';
import { type OnApplicationShutdown } from '@nestjs/common';
import { type ClientProxy } from '@nestjs/microservices';
import { catchError, defer, mergeMap, Observable, throwError, timeout, TimeoutError } from 'rxjs';
import { isRefusal, VerifierUnavailable } from '../core/refusals';
import { asAnswer, type RelayHeaders, type TokenRelay } from './token-relay';
import { runInContext, currentCall } from './relay-context';

/** What the packet that is about to be made has to carry. */
const outgoing = new AsyncLocalStorage<RelayHeaders>();

interface Packet {
  metadata?: unknown;
}
/** Nest's dispatch hook (12.1): a single one, so that whoever comes later has to call whoever was there. */
interface Dispatching {
  onDispatchHook?: ((packet: Packet) => void) | undefined;
  setOnDispatchHook?(hook: (packet: Packet) => void): void;
}

/**
 * A `ClientProxy` that calls on behalf of whoever made the current call: each packet carries a token for the
 * destination in its metadata. The caller is captured when `send()` is called, not when somebody subscribes.
 */
export class RelayClientProxy implements OnApplicationShutdown {
  readonly #client: ClientProxy;
  readonly #destination: string;
  readonly #relay: TokenRelay;

  /** @throws TypeError for a destination without a contract, or a client that can't carry metadata */
  constructor(client: ClientProxy, destination: string, relay: TokenRelay) {
    relay.contract(destination);
    this.#client = client;
    this.#destination = destination;
    this.#relay = relay;
    const dispatching = client as unknown as Dispatching;
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
   * The answers to a message. Errors come as `TokenRejected`, `VerifierUnavailable` or, over HTTP, the
   * `HttpException` of one; what the destination itself refuses comes as the destination sent it.
   */
  send<Result>(pattern: string, data: object): Observable<Result> {
    const call = currentCall();
    const headers = this.#relay.headersFor(this.#destination);
    // Whether anybody subscribes or not: a refusal here must not become an unhandled rejection.
    headers.catch(() => undefined);
    return defer(() => headers).pipe(
      mergeMap((sent) => this.#dispatch<Result>(sent, pattern, data)),
      timeout({ each: this.#relay.timeoutMs }),
      catchError((error: unknown) => {
        const answer = () => asAnswer(refusalFor(error, this.#destination));
        return throwError(() => (call ? runInContext(call, answer) : answer()));
      }),
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

function refusalFor(error: unknown, destination: string): unknown {
  if (isRefusal(error)) return error;
  if (error instanceof TimeoutError) return new VerifierUnavailable('upstream_timeout', { cause: error });
  const { status } = (typeof error === 'object' && error !== null ? error : {}) as { status?: unknown };
  // It refused the token that was made for it.
  if (status === 401) return new VerifierUnavailable('relay_token_refused', { debug: destination });
  // Errors of the connection; what a destination answers is no Error.
  if (error instanceof Error) return new VerifierUnavailable('upstream_unreachable', { cause: error });
  return error;
}
