import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type AddressInfo } from 'node:net';
import { io, type Socket } from 'socket.io-client';
import { JwtGuardModule, type JwtGuardOptions } from '../../src';
import { describeTransport, type Outcome, refusalOf, type Subject } from './expectations';
import { decorateAll, type HandlerName, Handlers, type Seen, Witness } from './handlers';

@WebSocketGateway({ namespace: 'handlers' })
class IoHandlers extends Handlers {
  constructor(witness: Witness) {
    super(witness);
  }
}
decorateAll(IoHandlers, (name) => SubscribeMessage(name));

/** Where a socket's token is. */
type Way = 'in the upgrade' | 'in the handshake' | 'in the first message';

/** With the adapter that Nest uses if nobody says another. */
async function start(way: Way, options: JwtGuardOptions): Promise<Subject> {
  @Module({ imports: [JwtGuardModule.forRoot(options)], providers: [IoHandlers, Witness] })
  class TestModule {}
  const app: INestApplication = await NestFactory.create(TestModule, new ExpressAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  return {
    call: (handler, ...tokens) => call(`http://127.0.0.1:${port}/handlers`, way, handler, tokens),
    stop: () => app.close(),
  };
}

async function call(url: string, way: Way, handler: HandlerName, tokens: readonly string[]): Promise<Outcome> {
  const [first, second] = tokens;
  const early = way === 'in the upgrade' && first !== undefined && /^[\w!#$%&'*+.^`|~-]+$/.test(first);
  const inHandshake = first !== undefined && !early && (way !== 'in the first message' || second !== undefined);
  const socket = io(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    ...(early ? { protocols: ['bearer', first] } : {}),
    ...(inHandshake ? { auth: { token: first } } : {}),
    ...(second === undefined ? {} : { extraHeaders: { authorization: `Bearer ${second}` } }),
  });
  try {
    return await outcomeOf(socket, handler, first !== undefined && !early && !inHandshake ? first : undefined);
  } finally {
    socket.close();
  }
}

function outcomeOf(socket: Socket, handler: HandlerName, token: string | undefined): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    socket.on('connect', () => {
      if (token !== undefined) socket.emit('authenticate', { token });
      socket.emit(handler, {}, (seen: Seen) => resolve({ seen }));
    });
    socket.on('exception', (data: unknown) => resolve(refusalOf(data)));
    socket.on('connect_error', (error) => {
      const { data, context } = error as { data?: unknown; context?: { statusText?: string } };
      if (data) resolve(refusalOf(data));
      else reject(Object.assign(error, { context }));
    });
    socket.on('disconnect', () => reject(new Error('disconnected without an answer')));
  });
}

for (const way of ['in the handshake', 'in the first message'] as const) {
  describeTransport({
    name: `WebSockets with Socket.IO, the token ${way}`,
    start: (options) => start(way, options),
    thrown: { status: 'error', message: 'Internal server error', cause: { pattern: 'throwing', data: {} } },
    errorWithoutToken: 'invalid_token',
    interleaved: way === 'in the handshake' ? 10_000 : 500,
  });
}
