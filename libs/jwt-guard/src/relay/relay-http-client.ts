import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, errors, Pool } from 'undici';
import { connectorWith } from '../core/client-tls';
import { isRefusal, VerifierUnavailable } from '../core/refusals';
import { TIMEOUT_HEADER } from '../nest/context-hints';
import { failureOf, isConnectionError, isConnectionLost } from './connection-errors';
import { currentCall, runOutside } from './relay-context';
import { type TransactionRequest } from './relay-mode';
import { type DestinationName, type ResolvedContract } from './relay-options';
import { ask, type RelayAnswer, type RelayResponse } from './relay-answer';
import { tellCalled } from './relay-observer';
import { requestSpan, withSpan } from './relay-spans';
import { isRelayed } from './relayed-headers';
import { type AbortSignalLike, checkTimeout, TimeLimit } from './time-limit';
import { asAnswer, type Prepared, type RelayHeaders, TokenRelay } from './token-relay';

export interface RelayRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query, beginning with one "/". */
  readonly path: string;
  /** Sent as they are, but for `host` and what the relay sets: they can't take its place, however they are spelt. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** A stream is sent as it comes, and so once: where a call would be sent again, it fails instead. */
  readonly body?: string | Buffer | Readable | undefined;
  /** Aborted when the caller doesn't wait any more. */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * How long the destination may take until its answer begins, in milliseconds, with all that has to be fetched for the
   * call; of a streamed body, from its end on. Never longer than the caller of the current call waits. Default: the
   * contract's.
   */
  readonly timeoutMs?: number | undefined;
  /** How long nothing may come of the answer's body, in milliseconds; 0 for as long as it likes. Default: `timeoutMs`. */
  readonly bodyTimeoutMs?: number | undefined;
  /** In mode `transaction`: what the token is to say, if this call begins the transaction. */
  readonly transaction?: TransactionRequest | undefined;
}

/** What may be sent twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const CONNECT_TIMEOUT_MS = 3_000;
const CLOSE_LIMIT_MS = 3_000;

/**
 * Calls destinations over HTTP on behalf of whoever made the current call. It never follows a redirect, and
 * never sends a token anywhere but to the origin of the destination's contract.
 */
@Injectable()
export class RelayHttpClient<Name extends string = DestinationName> implements OnApplicationShutdown {
  readonly #relay: TokenRelay<Name>;
  readonly #pools = new Map<string, Pool>();

  constructor(@Inject(TokenRelay) relay: TokenRelay<Name>) {
    this.#relay = relay;
  }

  /**
   * @throws HttpException `token_expired`, `token_revoked`, `key_revoked`, `key_unknown`, `exchange_refused`,
   *   `insufficient_scope`, `revocation_unavailable`, `keys_unavailable`, `exchange_unavailable`, `relay_impossible`,
   *   `relay_token_refused`, `deadline_exceeded`, `upstream_unreachable`, `upstream_failed`, `upstream_timeout`
   * @throws TypeError for a destination without a contract over HTTP, and for a path, a header or a time that is none
   */
  async request(destination: Name, request: RelayRequest): Promise<RelayResponse> {
    const contract = this.#relay.contract(destination);
    const { timeoutMs = contract.timeoutMs, bodyTimeoutMs = timeoutMs } = request;
    if (!/^\/(?!\/)/.test(request.path)) throw new TypeError('path: must begin with one "/"');
    checkTimeout('timeoutMs', timeoutMs);
    if (bodyTimeoutMs !== 0) checkTimeout('bodyTimeoutMs', bodyTimeoutMs);
    const pool = this.#pool(contract);
    const stream = isStream(request.body) ? request.body : undefined;
    // It may fail before anybody reads it, which is told then, and must not end the process.
    stream?.on('error', () => undefined);
    let limit: TimeLimit | undefined;
    try {
      limit = new TimeLimit({ call: currentCall(), timeoutMs, stream, signal: request.signal });
      const way = { contract, pool, limit, timeoutMs, bodyTimeoutMs };
      const prepared = this.#prepare(destination, request, way, false);
      const response = await this.#send(request, prepared instanceof Promise ? await prepared : prepared, way);
      // Of a call without a token it is the destination's answer to the caller.
      const isRefused = response.statusCode === 401 && contract.mode !== 'none';
      return isRefused ? await this.#refused(destination, request, response, way) : given(response, limit);
    } catch (error) {
      limit?.end();
      stream?.destroy();
      throw asAnswer(error);
    }
  }

  /**
   * The destination refuses a token that was made for it: not the user's fault. Perhaps the token is older than the
   * destination's keys; a new one settles that.
   */
  async #refused(destination: Name, request: RelayRequest, response: RelayAnswer, way: Way): Promise<RelayAnswer> {
    const { contract, limit } = way;
    await dump(response);
    if (limit.exceeded) throw new VerifierUnavailable(limit.exceeded, { hop: contract.name });
    if (isStream(request.body)) this.#relay.forget(destination);
    else if (this.#relay.mayRenew(destination)) {
      const renewed = await this.#send(request, await this.#prepare(destination, request, way, true), way);
      if (renewed.statusCode !== 401) return given(renewed, limit);
      this.#relay.renewalRefused(destination);
      await dump(renewed);
    }
    throw new VerifierUnavailable('relay_token_refused', { hop: contract.name });
  }

  #prepare(
    destination: Name,
    { transaction }: RelayRequest,
    { limit, timeoutMs }: Way,
    renew: boolean,
  ): Prepared | Promise<Prepared> {
    const prepared = this.#relay.prepareNow(destination, { timeoutMs, transaction, renew });
    if (!(prepared instanceof Promise)) return prepared;
    return limit.race(prepared).catch((error: unknown) => {
      // It was the issuer that took too long.
      if (isRefusal(error) && error.code === 'upstream_timeout') throw new VerifierUnavailable('exchange_unavailable');
      throw error;
    });
  }

  async #send(request: RelayRequest, prepared: Prepared, way: Way): Promise<RelayAnswer> {
    const { report } = prepared;
    const { contract, pool, limit, bodyTimeoutMs: bodyTimeout } = way;
    const { method, path, body = null } = request;
    const span = requestSpan(contract, { method, path }, report);
    const headers = withSpan(prepared.headers, span);
    const options = {
      method,
      path,
      headers: withRelayed(request.headers, isStream(body) ? withoutTimeout(headers) : headers),
      body,
      // The limit is the time of the whole call, and begins before there is a connection.
      headersTimeout: 0,
      bodyTimeout,
    };
    // A connection lives on, for others: it must not keep the context of the call that it is opened for.
    const send = () => runOutside(() => ask(pool, options, limit));
    const begun = performance.now();
    try {
      let response: RelayAnswer;
      try {
        response = await send();
      } catch (error) {
        const isRepeatable = IDEMPOTENT.has(method) && !isStream(body) && !limit.aborted;
        if (!isRepeatable || !isConnectionLost(error)) throw error;
        response = await send();
      }
      report.answeredInMs = performance.now() - begun;
      tellCalled(prepared, report.answeredInMs, { outcome: 'answered', status: response.statusCode });
      span?.answered(response.statusCode);
      // A challenge for a token of ours is none of the caller's.
      if ('www-authenticate' in response.headers) delete response.headers['www-authenticate'];
      return response.of({ report, outcomeOf: (cause) => brokenOff(cause, contract) });
    } catch (cause) {
      if (cause instanceof errors.InvalidArgumentError || cause instanceof errors.NotSupportedError) {
        span?.failed(cause);
        throw new TypeError(`the request is none: ${cause.message}`, { cause });
      }
      const ms = performance.now() - begun;
      if (request.signal?.aborted) {
        tellCalled(prepared, ms, { outcome: 'abandoned' });
        span?.failed('abandoned');
        throw cause;
      }
      const code = limit.exceeded ?? failureOf(cause);
      tellCalled(prepared, ms, { outcome: 'failed', code });
      const failure = new VerifierUnavailable(code, { cause, hop: contract.name });
      span?.failed(failure);
      throw failure;
    }
  }

  #pool({ name, baseUrl }: ResolvedContract): Pool {
    if (baseUrl === undefined) throw new TypeError(`the destination "${name}" has no baseUrl`);
    let pool = this.#pools.get(baseUrl);
    if (!pool) {
      pool = new Pool(baseUrl, { connect: connectorWith(this.#relay.tls, CONNECT_TIMEOUT_MS) });
      this.#pools.set(baseUrl, pool);
    }
    return pool;
  }

  async onApplicationShutdown(): Promise<void> {
    const pools = [...this.#pools.values()].filter((pool) => !pool.closed);
    const closed = Promise.all(pools.map((pool) => pool.close()));
    // A body that nobody has read would keep its connection, and the app, for ever.
    if (!(await Promise.race([closed, sleep(CLOSE_LIMIT_MS, false, { ref: false })]))) {
      await Promise.all(pools.map((pool) => pool.destroy()));
    }
  }
}

/** By whom, along which connections, and for how long a call is made. */
interface Way {
  readonly contract: ResolvedContract;
  readonly pool: Pool;
  readonly limit: TimeLimit;
  readonly timeoutMs: number;
  readonly bodyTimeoutMs: number;
}

function given(answer: RelayAnswer, limit: TimeLimit): RelayAnswer {
  limit.answered();
  answer.whenOver(() => limit.end());
  return answer;
}

/** An answer that nobody is going to read: for as long as there is time, for the sake of its connection. */
async function dump({ body }: RelayAnswer): Promise<void> {
  await body.dump({ limit: 16_384 }).catch(() => undefined);
}

/** What broke a body off, as the current call has to answer it. */
function brokenOff(cause: Error, { name: hop }: ResolvedContract): Error {
  if (!isConnectionError(cause)) return cause;
  return asAnswer(new VerifierUnavailable(failureOf(cause), { cause, hop })) as Error;
}

function isStream(body: RelayRequest['body'] | null): body is Readable {
  return typeof body === 'object' && body !== null && !Buffer.isBuffer(body);
}

/** How long a body takes is nothing that a destination could count on. */
function withoutTimeout(headers: RelayHeaders): RelayHeaders {
  const copy = { ...headers };
  delete copy[TIMEOUT_HEADER];
  return copy;
}

/** A copy with lower-case names, so that one that is spelt otherwise doesn't stand beside the relay's own. */
function withRelayed(headers: RelayRequest['headers'] = {}, relayed: RelayHeaders): Record<string, string | string[]> {
  const copied = Object.create(null) as Record<string, string | string[]>;
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase();
    const value = headers[name];
    if (value !== undefined && lower !== 'host' && !isRelayed(lower)) copied[lower] = value;
  }
  for (const name of Object.keys(relayed)) copied[name] = relayed[name] as string;
  return copied;
}
