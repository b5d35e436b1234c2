import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { transactionIdOf } from '@token-relay/jwt-guard';
import { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { watchRoutes } from './allowed-methods';
import { answerClientError } from './client-errors';
import { type Logger, NestLogger } from './logger';
import { ProblemException } from './problem-exception';
import { answerFrameworkError, problemCodeOf, ProblemFilter } from './problem.filter';
import { streamBodies } from './streamed-bodies';

/** The largest body that any service takes, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** The largest form, in bytes: to take it apart costs far more than to read it, and no token is longer than 8 KiB. */
const MAX_FORM_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** How long requests that are under way at the end may take; less than the time after which the process ends anyway. */
const DRAIN_LIMIT_MS = 8_000;

export interface HttpAppOptions {
  readonly logger: Logger;
  /**
   * `json`: objects, and nothing else. `json-and-forms`: forms besides, as `URLSearchParams`. `streamed`: any type, of any
   * size, read by nobody: for a proxy, which has to bound it in size and time itself (`takeBody`). Default: `json`.
   */
  readonly bodies?: 'json' | 'json-and-forms' | 'streamed';
  /**
   * IP addresses and networks (CIDR) of proxies that tell by `X-Forwarded-For` whom they speak for: `request.ip` is the
   * last in it that is none of them. From anybody else the header counts for nothing. Default: none.
   */
  readonly trustedProxies?: readonly string[];
}

/** A Nest app on Fastify with what all services share: limits, problem documents, request log, an end that drains. */
export async function createHttpApp(
  module: DynamicModule,
  { logger, bodies = 'json', trustedProxies = [] }: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: bodies === 'streamed' ? 0 : REQUEST_TIMEOUT_MS,
    // Node would answer a request without Host by itself, and without a body: `requireOneHost` does that here.
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 5_000, requireHostHeader: false },
    forceCloseConnections: 'idle',
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    // Who comes while it drains is served like those before, and told that the connection ends.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: FastifyError, _request: unknown, reply: FastifyReply) =>
      answerFrameworkError(error, reply),
  });
  const instance = adapter.getInstance();
  // 16 KiB bound them anyway; with a limit Node drops those beyond it in silence, a second Authorization too.
  instance.server.maxHeadersCount = 0;
  const allowedMethods = watchRoutes(instance);
  requireOneHost(instance);
  drainOnClose(instance);
  instance.addHook('onResponse', (request, reply, done) => {
    logRequest(logger, reply, transactionIdOf(request));
    done();
  });
  takeBodies(instance, bodies);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger, allowedMethods));
  return app;
}

function takeBodies(instance: FastifyInstance, bodies: HttpAppOptions['bodies']): void {
  if (bodies === 'streamed') return streamBodies(instance);
  instance.removeContentTypeParser('text/plain');
  if (bodies === 'json-and-forms') {
    instance.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
      (_request, body, done) => done(null, new URLSearchParams(String(body))),
    );
  }
  instance.addHook('preParsing', (request, _reply, payload, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') done(null, payload);
    else done(new ProblemException(415, 'unsupported_media_type', 'Compressed bodies are not accepted here.'));
  });
}

/** RFC 9112, section 3.2: a request that doesn't name its host, or names two, is refused. */
function requireOneHost(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, _reply, done) => {
    const { headers, rawHeaders, httpVersion } = request.raw;
    const count = timesSent('host', rawHeaders);
    if (count === 1 ? HOST.test(headers.host ?? '') : count === 0 && httpVersion === '1.0') done();
    else done(new ProblemException(400, 'malformed_request', 'The request has to name its host, once.'));
  });
}

/** @param name in lower case */
function timesSent(name: string, rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const sent = rawHeaders[i];
    if (sent?.length === name.length && sent.toLowerCase() === name) count++;
  }
  return count;
}

/** A name or an address, perhaps with a port. */
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * Lets requests that have arrived be answered, and ends every other connection: one that is kept alive, was never
 * used, or has sent half a request would hold the server for as long as its client likes.
 */
function drainOnClose(instance: FastifyInstance): void {
  let closing = false;
  let underWay = 0;
  const endConnections = (): void => {
    // After what is being written now.
    if (closing && underWay === 0) setImmediate(() => instance.server.closeAllConnections());
  };
  const ended = (): void => {
    underWay--;
    endConnections();
  };
  instance.addHook('onRequest', (_request, reply, done) => {
    underWay++;
    // However it ends: an answer that breaks off has no 'finish', and no onResponse.
    reply.raw.once('close', ended);
    done();
  });
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
  instance.addHook('preClose', (done) => {
    closing = true;
    endConnections();
    setTimeout(() => instance.server.closeAllConnections(), DRAIN_LIMIT_MS).unref();
    done();
  });
}

function logRequest(logger: Logger, reply: FastifyReply, transactionId: string | undefined): void {
  const { method, url, routeOptions } = reply.request;
  // Probes come every few seconds and say nothing.
  const level = url === '/healthz' || url === '/readyz' ? 'trace' : 'info';
  const path = url.split('?', 1)[0];
  const ms = Math.round(reply.elapsedTime * 10) / 10;
  const { statusCode: status } = reply;
  const code = problemCodeOf(reply);
  logger[level]({ method, path, route: routeOptions.url, status, code, ms, transactionId }, 'request');
}
