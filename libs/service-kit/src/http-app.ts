import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { relayContextOf, runAs } from '@token-relay/jwt-guard';
import { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { type ServerOptions as HttpServerOptions } from 'node:http';
import { Server as TlsServer, type TlsOptions } from 'node:tls';
import { watchRoutes } from './allowed-methods';
import { answerClientError } from './client-errors';
import { Drain, DrainModule } from './drain';
import { drainHttp, KEEP_ALIVE_MS } from './http-drain';
import { type Logger, NestLogger, requestLinesOf } from './logger';
import { type RequestLine } from './logging/request-lines';
import { logRpcCalls } from './logging/rpc-log';
import { ProblemException } from './problem-exception';
import { answerFrameworkError, problemCodeOf, ProblemFilter } from './problem.filter';
import { type EndedRequest, onRequestEnd } from './request-end';
import { streamBodies } from './streamed-bodies';
import { type ServiceTls } from './tls';
import { type Clients, secureServer, serverTls } from './tls-server';

/** The largest body that any service takes, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** The largest form, in bytes: to take it apart costs far more than to read it, and no token is longer than 8 KiB. */
const MAX_FORM_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;

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
  /** What it serves HTTPS with, where there is a certificate; it is closed with the app. Default: plain HTTP. */
  readonly tls?: ServiceTls;
  /** Who may connect, where it serves HTTPS. Default: `certified`. */
  readonly clients?: Clients;
  /** How long it goes on serving when it is told to end. Default: 0. */
  readonly drainSeconds?: number;
}

/** A Nest app on Fastify with what all services share: limits, problem documents, request log, an end that drains. */
export async function createHttpApp(
  module: DynamicModule,
  { logger, bodies = 'json', trustedProxies = [], tls, clients = 'certified', drainSeconds = 0 }: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const drain = new Drain(drainSeconds);
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: bodies === 'streamed' ? 0 : REQUEST_TIMEOUT_MS,
    // Node would answer a request without Host by itself, and without a body: `requireOneHost` does that here.
    ...serverOptions(
      { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: 5_000, requireHostHeader: false },
      serverTls(tls, clients),
    ),
    keepAliveTimeout: KEEP_ALIVE_MS,
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
  logRequests(instance, logger);
  requireOneHost(instance);
  if (bodies === 'streamed') streamBodies(instance);
  drainHttp(instance, drain);
  if (tls) secure(instance, tls, clients, logger);
  if (bodies !== 'streamed') takeBodies(instance, bodies);
  const root = { ...module, imports: [...(module.imports ?? []), DrainModule.forRoot(drain)] };
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger, allowedMethods));
  logRpcCalls(app, logger);
  return app;
}

/** As Fastify takes them, of one server or the other. */
function serverOptions(http: HttpServerOptions, tls: TlsOptions | undefined): { readonly http?: HttpServerOptions } {
  if (!tls) return { http };
  const https = { https: { ...http, ...tls } };
  // The server's type would be another one, though whoever uses it knows of no difference.
  return https as object;
}

function secure(instance: FastifyInstance, tls: ServiceTls, clients: Clients, logger: Logger): void {
  instance.addHook('onClose', () => tls.close());
  const { server } = instance;
  if (!(server instanceof TlsServer)) return;
  const endHandshakes = secureServer(server, tls, clients, logger);
  instance.addHook('preClose', (done) => {
    endHandshakes();
    done();
  });
}

function takeBodies(instance: FastifyInstance, bodies: 'json' | 'json-and-forms'): void {
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

function logRequests(instance: FastifyInstance, logger: Logger): void {
  const lines = requestLinesOf(logger);
  onRequestEnd(instance, (ended) => {
    const context = relayContextOf(ended.request);
    const line = requestLine(ended);
    // Probes come every few seconds and say nothing.
    const isProbe = line.path === '/healthz' || line.path === '/readyz';
    if (lines && !isProbe) return lines.add(line, context);
    const write = (): void => logger[isProbe ? 'trace' : 'info'](line, 'request');
    // What tells of a connection is called from wherever its last byte was written.
    if (context) runAs(context, write);
    else write();
  });
}

function requestLine({ request, reply, end, route, ms }: EndedRequest): RequestLine {
  const { method, url } = request;
  const query = url.indexOf('?');
  const isAnswered = end === 'answered';
  return {
    method,
    path: query < 0 ? url : url.slice(0, query),
    route,
    // Of an answer that nobody has seen the beginning of there was no status.
    status: isAnswered || reply.raw.headersSent ? reply.statusCode : undefined,
    code: isAnswered ? problemCodeOf(reply) : end,
    ms: Math.round(ms * 10) / 10,
  };
}
