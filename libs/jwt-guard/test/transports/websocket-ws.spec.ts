import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { on, once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import { JwtGuardModule, type JwtGuardOptions } from '../../src';
import { describeTransport, type Outcome, refusalOf, type Subject } from './expectations';
import { decorateAll, type HandlerName, Handlers, type Seen, Witness } from './handlers';

@WebSocketGateway({ path: '/handlers' })
class WsHandlers extends Handlers {
  constructor(witness: Witness) {
    super(witness);
  }
}
decorateAll(WsHandlers, (name) => SubscribeMessage(name));

/** Where a socket's token is. */
type Way = 'in the upgrade' | 'in the first message';

async function start(way: Way, options: JwtGuardOptions): Promise<Subject> {
  @Module({ imports: [JwtGuardModule.forRoot(options)], providers: [WsHandlers, Witness] })
  class TestModule {}
  const app: INestApplication = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  const url = `ws://127.0.0.1:${port}/handlers`;
  return { call: (handler, ...tokens) => call(url, way, handler, tokens), stop: () => app.close() };
}

/** A socket for each call. */
async function call(url: string, way: Way, handler: HandlerName, tokens: readonly string[]): Promise<Outcome> {
  const [first, second] = tokens;
  // What no subprotocol can be, comes in the first message whatever happens.
  const early =
    (way === 'in the upgrade' || second !== undefined) && first !== undefined && /^[\w!#$%&'*+.^`|~-]+$/.test(first);
  const socket = new WebSocket(url, early ? ['bearer', first] : [], {
    ...(second === undefined ? {} : { headers: { authorization: `Bearer ${second}` } }),
  });
  try {
    const refused = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>;
    const answer = await Promise.race([once(socket, 'open').then(() => undefined), refused]);
    if (answer) return await refusedUpgrade(answer[1]);
    const send = (event: string, data: object) => socket.send(JSON.stringify({ event, data }));
    if (!early && first !== undefined) send('authenticate', { token: first });
    // Without waiting for the answer: what comes after a token waits for its verdict.
    send(handler, {});
    for await (const [data] of on(socket, 'message', { close: ['close'] }) as AsyncIterable<[Buffer]>) {
      const message = JSON.parse(data.toString()) as { event?: string; data?: unknown };
      if (message.event === 'exception') return refusalOf(message.data);
      if (message.event !== 'authenticated') return { seen: message as unknown as Seen };
    }
    throw new Error('the socket was closed without an answer');
  } finally {
    socket.on('error', () => undefined).terminate();
  }
}

async function refusedUpgrade(answer: IncomingMessage): Promise<Outcome> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const { code, detail, transactionId } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
  return {
    status: answer.statusCode ?? 0,
    code: code ?? '',
    error: /error="(\w+)"/.exec(answer.headers['www-authenticate'] ?? '')?.[1] ?? null,
    description: detail ?? null,
    transactionId: transactionId ?? null,
  };
}

for (const way of ['in the upgrade', 'in the first message'] as const) {
  describeTransport({
    name: `WebSockets with ws, the token ${way}`,
    start: (options) => start(way, options),
    thrown: { status: 'error', message: 'Internal server error', cause: { pattern: 'throwing', data: {} } },
    errorWithoutToken: 'invalid_token',
    interleaved: way === 'in the upgrade' ? 10_000 : 500,
  });
}
