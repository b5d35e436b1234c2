import { Inject, Injectable, type OnApplicationShutdown, Optional } from '@nestjs/common';
import {
  basicAuthorization,
  bindContext,
  currentRelayContext,
  tlsConnector,
  TRANSACTION_ID_HEADER,
} from '@token-relay/jwt-guard';
import { type Logger, MAX_BODY_BYTES, ProblemException, ServiceTls } from '@token-relay/service-kit';
import { type FastifyReply, type FastifyRequest } from 'fastify';
import { type Dispatcher, Pool } from 'undici';
import { canonicalPath } from '../canonical-path';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config';
import { goneSignal } from '../gone';
import { LOGGER } from '../logger.token';
import { onlyHeaders, returnedHeaders } from '../proxy-headers';
import { bufferedBody } from '../request-body';
import { tracedCall } from '../traced-call';
import { passOn } from '../upstream-answer';
import { forwardedFor } from './forwarded';

const WITHOUT_COOKIES = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-encoding',
  'content-type',
  'if-none-match',
  'origin',
  'user-agent',
  'x-token-relay',
]);
const WITH_COOKIES = new Set([...WITHOUT_COOKIES, 'cookie']);

/** Passes requests on to auth as they are, without a token, and its answers back. Sessions are the ones with cookies. */
@Injectable()
export class AuthProxy implements OnApplicationShutdown {
  private readonly timeoutMs: number;
  readonly #url: string;
  readonly #pool: Pool;
  /** Outside of every call: a connection that is opened for one is kept for others. */
  readonly #request: Pool['request'];
  /** `client_secret_basic` (RFC 6749, section 2.3.1): who sends it is the one that auth takes a caller's address from. */
  readonly #authorization: string;

  constructor(
    @Inject(GATEWAY_CONFIG) config: Pick<GatewayConfig, 'AUTH_URL' | 'GATEWAY_CLIENT_SECRET' | 'UPSTREAM_TIMEOUT_MS'>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Optional() @Inject(ServiceTls) tls?: ServiceTls,
  ) {
    this.#authorization = basicAuthorization('gateway', config.GATEWAY_CLIENT_SECRET);
    const timeout = config.UPSTREAM_TIMEOUT_MS;
    this.timeoutMs = timeout;
    this.#url = config.AUTH_URL;
    this.#pool = new Pool(config.AUTH_URL, {
      connect: tlsConnector(tls?.client, Math.min(timeout, 3_000)),
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    const pool = this.#pool;
    this.#request = bindContext((options: Dispatcher.RequestOptions) => pool.request(options));
  }

  async pass(request: FastifyRequest, reply: FastifyReply, cookies: 'kept' | 'dropped'): Promise<FastifyReply> {
    const path = canonicalPath(request.url, '');
    const unavailable = (cause: unknown): Error => this.unavailable(reply, cause);
    const answer = await this.send(request, reply, path, cookies);
    if (refusesGateway(answer)) {
      answer.body.on('error', () => undefined).destroy();
      throw unavailable(new Error('auth refuses GATEWAY_CLIENT_SECRET: its CLIENTS_FILE lists another'));
    }
    return passOn(reply, answer, {
      headers: returnedHeaders(answer.headers, cookies),
      idleMs: this.timeoutMs,
      failed: unavailable,
    });
  }

  private async send(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    cookies: 'kept' | 'dropped',
  ): Promise<Dispatcher.ResponseData> {
    const transactionId = currentRelayContext()?.transactionId;
    const body = await bufferedBody(request, reply, { maxBytes: MAX_BODY_BYTES, idleMs: this.timeoutMs });
    try {
      const { method } = request;
      const headers = {
        ...onlyHeaders(request.headers, cookies === 'kept' ? WITH_COOKIES : WITHOUT_COOKIES),
        ...(cookies === 'kept' && { authorization: this.#authorization, forwarded: forwardedFor(request.ip) }),
        ...(transactionId === undefined ? {} : { [TRANSACTION_ID_HEADER]: transactionId }),
      };
      return await tracedCall(
        { to: 'auth', method, url: `${this.#url}${path}` },
        (traceparent) =>
          this.#request({
            method,
            path,
            headers: { ...headers, ...(traceparent !== undefined && { traceparent }) },
            body: body ?? null,
            signal: goneSignal(reply),
          }),
        ({ statusCode }) => statusCode,
      );
    } catch (error) {
      throw this.unavailable(reply, error);
    }
  }

  private unavailable(reply: FastifyReply, cause: unknown): Error {
    if (!reply.raw.destroyed) this.logger.warn({ err: cause, code: 'auth_unavailable' }, 'auth can not serve sessions');
    reply.header('retry-after', '2');
    return new ProblemException(503, 'auth_unavailable', 'Sessions can not be served at the moment.');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#pool.close();
  }
}

/** By the challenge, which is for nobody else. A client that was told this 401 would take its session for ended. */
function refusesGateway({ statusCode, headers }: Dispatcher.ResponseData): boolean {
  return statusCode === 401 && /^basic\b/i.test(String(headers['www-authenticate']));
}
