import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { transactionIdOf } from '@token-relay/jwt-guard';
import { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { watchRoutes } from './allowed-methods';
import { answerClientError } from './client-errors';
import { type Logger, NestLogger } from './logger';
import { answerFrameworkError, problemCodeOf, ProblemFilter } from './problem.filter';

/** The largest body that any service takes, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

export interface HttpAppOptions {
  readonly logger: Logger;
  /** `parsed`: JSON and forms, to objects. `raw`: any type, as a `Buffer`, for a proxy. Default: `parsed`. */
  readonly bodies?: 'parsed' | 'raw';
}

/** A Nest app on Fastify with what all services share: limits, problem documents, request log. */
export async function createHttpApp(
  module: DynamicModule,
  { logger, bodies = 'parsed' }: HttpAppOptions,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    // Who comes while it drains is served like those before, and told that the connection ends.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: FastifyError, _request: unknown, reply: FastifyReply) =>
      answerFrameworkError(error, reply),
  });
  const instance = adapter.getInstance();
  const allowedMethods = watchRoutes(instance);
  endConnectionsOnClose(instance);
  instance.addHook('onResponse', (request, reply, done) => {
    logRequest(logger, reply, transactionIdOf(request));
    done();
  });
  if (bodies === 'raw') {
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  }
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: bodies === 'parsed',
    abortOnError: false,
  });
  app.useGlobalFilters(new ProblemFilter(logger, allowedMethods));
  return app;
}

/** A connection whose request was under way when the server began to close would be kept alive, and the server with it. */
function endConnectionsOnClose(instance: FastifyInstance): void {
  let closing = false;
  instance.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  instance.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) reply.header('connection', 'close');
    done();
  });
  // For answers whose headers had been sent before.
  instance.addHook('onResponse', (_request, _reply, done) => {
    if (closing) setImmediate(() => instance.server.closeIdleConnections());
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
