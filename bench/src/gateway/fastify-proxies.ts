import httpProxy from '@fastify/http-proxy';
import fastify, { type FastifyInstance, LogController } from 'fastify';
import { Pool } from 'undici';

interface Setting {
  /** Origin of the service behind. */
  readonly upstream: string;
}
type Headers = Record<string, string | string[] | undefined>;

/** They end with the connection (RFC 9110, section 7.6.1); `host` is another's there. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
]);

/** The least that a proxy does: nobody is asked who he is, and nothing is counted or logged. */
export function bare({ upstream }: Setting): Promise<{ readonly url: string }> {
  return listening(proxyOf(fastify({ logger: false }), upstream));
}

/** The same with a line for each request, written as our gateway writes its own: one, at its end. */
export function bareWithLog({ upstream }: Setting): Promise<{ readonly url: string }> {
  const logController = new LogController({ disableRequestLogging: true });
  const app = fastify({ logger: { file: '/dev/null' }, logController });
  app.addHook('onResponse', (request, { statusCode: status, elapsedTime: ms }, done) => {
    request.log.info({ method: request.method, path: request.url, status, ms }, 'request');
    done();
  });
  return listening(proxyOf(app, upstream));
}

/** @fastify/http-proxy as its README has it. */
export async function fastifyHttpProxy({ upstream }: Setting): Promise<{ readonly url: string }> {
  const app = fastify({ logger: false });
  await app.register(httpProxy, { upstream, prefix: '/api' });
  return listening(app);
}

function proxyOf(app: FastifyInstance, upstream: string): FastifyInstance {
  const pool = new Pool(upstream);
  // Bodies are passed on as they come.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.all('/api/*', async (request, reply) => {
    const { statusCode, headers, body } = await pool.request({
      method: request.method,
      path: request.url.slice('/api'.length),
      headers: endToEnd(request.headers),
      body: request.method === 'GET' || request.method === 'HEAD' ? null : request.raw,
    });
    return reply.status(statusCode).headers(endToEnd(headers)).send(body);
  });
  return app;
}

function endToEnd(headers: Headers): Record<string, string | string[]> {
  const copied: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !HOP_BY_HOP.has(name)) copied[name] = value;
  }
  return copied;
}

async function listening(app: FastifyInstance): Promise<{ readonly url: string }> {
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }) };
}
