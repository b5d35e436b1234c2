import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Agent, request } from 'node:http';
import { type AddressInfo } from 'node:net';
import { JwtGuardModule, type JwtGuardOptions } from '../../src';
import { describeTransport, type Outcome, type Subject } from './expectations';
import { decorateAll, type HandlerName, Handlers, type Seen, Witness } from './handlers';

@Controller()
class HttpHandlers extends Handlers {
  constructor(witness: Witness) {
    super(witness);
  }
}
decorateAll(HttpHandlers, (name) => Get(name));

async function start(options: JwtGuardOptions, adapter: FastifyAdapter | ExpressAdapter): Promise<Subject> {
  @Module({ imports: [JwtGuardModule.forRoot(options)], controllers: [HttpHandlers], providers: [Witness] })
  class TestModule {}
  const app: INestApplication = await NestFactory.create(TestModule, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  return {
    call: (handler, ...tokens) => call(agent, port, handler, tokens),
    async stop() {
      agent.destroy();
      await app.close();
    },
  };
}

/** With `node:http`, which alone sends a header twice. */
function call(agent: Agent, port: number, handler: HandlerName, tokens: readonly string[]): Promise<Outcome> {
  const headers = tokens.flatMap((token) => ['Authorization', `Bearer ${token}`]);
  return new Promise((resolve, reject) => {
    const sent = request(
      { agent, host: '127.0.0.1', port, path: `/${handler}`, headers: ['Host', 'resource.test', ...headers] },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve(outcomeOf(answer.statusCode ?? 0, answer.headers, JSON.parse(text) as Body)));
      },
    );
    sent.on('error', reject).end();
  });
}

type Body = Seen & { code?: string; detail?: string; transactionId?: string };

function outcomeOf(status: number, headers: Readonly<Record<string, unknown>>, body: Body): Outcome {
  if (status === 200) return { seen: body };
  if (body.code === undefined) return { failed: body };
  const challenge = headers['www-authenticate'];
  if (status >= 500) expect({ challenge, retry: headers['retry-after'] }).toEqual({ challenge: undefined, retry: '2' });
  return {
    status,
    code: body.code,
    error: /error="(\w+)"/.exec(typeof challenge === 'string' ? challenge : '')?.[1] ?? null,
    description: body.detail ?? null,
    transactionId: body.transactionId ?? null,
  };
}

const thrown = { statusCode: 500, message: 'Internal server error' };
describeTransport({
  name: 'HTTP, with Fastify',
  start: (options) => start(options, new FastifyAdapter()),
  thrown,
  errorWithoutToken: null,
  interleaved: 10_000,
});
describeTransport({
  name: 'HTTP, with Express',
  start: (options) => start(options, new ExpressAdapter()),
  thrown,
  errorWithoutToken: null,
  interleaved: 10_000,
});
