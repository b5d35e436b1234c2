import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, errors, Pool } from 'undici';
import { VerifierUnavailable } from '../core/refusals';
import { asAnswer, type RelayHeaders, TokenRelay } from './token-relay';

export interface RelayRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query, beginning with one "/". */
  readonly path: string;
  /** Sent as they are, but for `host` and what the relay sets: they can't take its place, however they are spelt. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
  /** Aborted when the caller doesn't wait any more. */
  readonly signal?: AbortSignal;
}

/** The body has to be read, or dumped: until then it holds its connection. */
export type RelayResponse = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/**
 * Calls destinations over HTTP on behalf of whoever made the current call. It never follows a redirect, and
 * never sends a token anywhere but to the origin of the destination's contract.
 */
@Injectable()
export class RelayHttpClient implements OnApplicationShutdown {
  readonly #relay: TokenRelay;
  readonly #pools = new Map<string, Pool>();

  constructor(@Inject(TokenRelay) relay: TokenRelay) {
    this.#relay = relay;
  }

  /**
   * @throws HttpException `token_expired`, `token_revoked`, `key_revoked`, `key_unknown`, `exchange_refused`,
   *   `insufficient_scope`, `revocation_unavailable`, `keys_unavailable`, `exchange_unavailable`, `relay_token_refused`, `upstream_unreachable`, `upstream_failed`,
   *   `upstream_timeout`
   * @throws TypeError for a destination without a contract over HTTP, or a path that isn't one
   */
  async request(destination: string, request: RelayRequest): Promise<RelayResponse> {
    if (!/^\/(?!\/)/.test(request.path)) throw new TypeError('path: must begin with one "/"');
    const pool = this.#pool(destination);
    try {
      const response = await this.#send(pool, request, await this.#relay.headersFor(destination));
      if (response.statusCode !== 401) return response;
      // It refuses a token that was made for it: not the user's fault. Perhaps the token is older than the
      // destination's keys; a new one settles that.
      await response.body.dump();
      const retried = await this.#send(pool, request, await this.#relay.headersFor(destination, true));
      if (retried.statusCode !== 401) return retried;
      await retried.body.dump();
      throw new VerifierUnavailable('relay_token_refused', { debug: destination });
    } catch (error) {
      throw asAnswer(error);
    }
  }

  async #send(pool: Pool, request: RelayRequest, headers: RelayHeaders): Promise<RelayResponse> {
    try {
      const response = await pool.request({
        method: request.method,
        path: request.path,
        headers: withRelayed(request.headers, headers),
        body: request.body ?? null,
        signal: request.signal ?? null,
      });
      // A challenge for a token of ours is none of the caller's.
      delete response.headers['www-authenticate'];
      return response;
    } catch (cause) {
      if (request.signal?.aborted) throw cause;
      throw new VerifierUnavailable(failure(cause), { cause });
    }
  }

  #pool(destination: string): Pool {
    const { baseUrl } = this.#relay.contract(destination);
    if (baseUrl === undefined) throw new TypeError(`the destination "${destination}" has no baseUrl`);
    let pool = this.#pools.get(baseUrl);
    if (!pool) {
      const { timeoutMs } = this.#relay;
      pool = new Pool(baseUrl, {
        connect: { timeout: Math.min(timeoutMs, 3_000) },
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      this.#pools.set(baseUrl, pool);
    }
    return pool;
  }

  async onApplicationShutdown(): Promise<void> {
    const pools = [...this.#pools.values()];
    const closed = Promise.all(pools.map((pool) => pool.close()));
    // A body that nobody has read would keep its connection, and the app, for ever.
    if (!(await Promise.race([closed, sleep(CLOSE_LIMIT_MS, false, { ref: false })]))) {
      await Promise.all(pools.map((pool) => pool.destroy()));
    }
  }
}

const CLOSE_LIMIT_MS = 3_000;

/** A copy with lower-case names, so that one that is spelt otherwise doesn't stand beside the relay's own. */
function withRelayed(headers: RelayRequest['headers'] = {}, relayed: RelayHeaders): Record<string, string | string[]> {
  const copied: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) copied[name.toLowerCase()] = value;
  delete copied.host;
  return { ...copied, ...relayed };
}

function failure(cause: unknown): 'upstream_timeout' | 'upstream_unreachable' | 'upstream_failed' {
  if (cause instanceof errors.HeadersTimeoutError || cause instanceof errors.BodyTimeoutError) {
    return 'upstream_timeout';
  }
  if (cause instanceof errors.ConnectTimeoutError) return 'upstream_unreachable';
  const { code } = cause as { code?: unknown };
  return typeof code === 'string' && UNREACHABLE.has(code) ? 'upstream_unreachable' : 'upstream_failed';
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);
