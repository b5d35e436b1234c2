import { type INestApplication, type WebSocketAdapter, type WsMessageHandler } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Observable } from 'rxjs';
import { Server, type ServerOptions } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AppOptions, refusal, TestApp, Watching } from './websockets-apps';
import { type Client } from './websockets-clients';

@WebSocketGateway()
class Gateway extends Watching {}

@WebSocketGateway()
class SecondGateway extends Watching {
  @SubscribeMessage('second')
  second() {
    this.journal.note('second');
    return { event: 'seen', data: 'second' };
  }
}

let subject: TestApp;
const start = async (options: Omit<AppOptions, 'gateways'> & Partial<AppOptions>): Promise<TestApp> =>
  (subject = await TestApp.start({ gateways: [Gateway], ...options }));
afterEach(() => subject.stop());

const within = (authenticateWithinSeconds: number) => ({ webSockets: { authenticateWithinSeconds } });
const closedAnswers = async (client: Client): Promise<unknown> => {
  client.send('closed');
  return ((await client.next('seen')) as { tokenId: string }).tokenId;
};
const authenticate = async (client: Client, claims: Record<string, unknown> = {}): Promise<void> => {
  client.send('authenticate', { token: await subject.issuer.token(claims) });
  await client.next('authenticated');
};

/** Adapters as teams write them: none of them keeps what would ask before there is a socket. */
class OwnAllowRequest extends IoAdapter {
  override createIOServer(port: number, options?: object): Server {
    const allowRequest = (_request: IncomingMessage, callback: (error: null, success: boolean) => void) =>
      callback(null, true);
    return super.createIOServer(port, { ...options, allowRequest } as ServerOptions);
  }
}
class OwnServer extends IoAdapter {
  override createIOServer(): Server {
    return new Server(this.httpServer as ConstructorParameters<typeof Server>[0]);
  }
}
class WithoutOptions extends WsAdapter {
  override create(port: number, options: Record<string, unknown>) {
    return super.create(port, { ...options, verifyClient: undefined, handleProtocols: undefined }) as WebSocketServer;
  }
}

describe.each([
  ['socket.io', 'another allowRequest', OwnAllowRequest],
  ['socket.io', 'a server of its own', OwnServer],
  ['ws', 'no verifyClient', WithoutOptions],
] as const)('an adapter for %s with %s', (library, _name, Adapter) => {
  const own = { library, gateways: [Gateway, SecondGateway], adapter: (app: INestApplication) => new Adapter(app) };

  it('opens the socket, and does nothing for it that its token does not allow', async () => {
    await start({ ...own, subscribes: true });
    const client = await subject.connect({ headers: { authorization: 'Bearer nonsense' } });
    client.send('second');
    client.send('closed');
    await client.ended;
    expect(client.received).toEqual([{ event: 'exception', data: refusal(401, 'token_malformed') }]);
    expect(await subject.sessionsLeft()).toBe(0);
    expect(subject.journal).toEqual([]);
  });

  it('knows a good token, from wherever it comes', async () => {
    await start(own);
    const clients = [
      await subject.admitted(),
      await subject.connect({ headers: { authorization: `Bearer ${await subject.issuer.token()}` } }),
      await subject.connect(),
    ];
    await authenticate(clients[2] as Client);
    for (const client of clients) expect(await closedAnswers(client)).toBe('token-1');
    expect(subject.journal.filter((entry) => entry === 'connected token-1')).toHaveLength(6);
  });

  it('gives no time that there is not', async () => {
    await start({ ...own, guard: within(0) });
    const client = await subject.connect();
    await client.ended;
    expect(client.received).toEqual([{ event: 'exception', data: refusal(401, 'token_missing') }]);
    expect(await closedAnswers(await subject.admitted())).toBe('token-1');
  });

  it('lets no page of elsewhere say anything', async () => {
    await start({ ...own, subscribes: true });
    const token = await subject.issuer.token();
    const headers = { origin: 'https://evil.example', authorization: `Bearer ${token}` };
    const client = await subject.connect({ headers });
    client.send('authenticate', { token });
    client.send('open');
    client.send('second');
    await client.ended;
    expect(client.received).toEqual([{ event: 'exception', data: refusal(403, 'origin_not_allowed') }]);
    expect(await subject.sessionsLeft()).toBe(0);
    expect(subject.journal).toEqual([]);
  });
});

describe.each([
  ['another allowRequest', OwnAllowRequest],
  ['a server of its own', OwnServer],
])('an adapter for Socket.IO with %s', (_name, Adapter) => {
  it('takes the token of a handshake from no page of elsewhere, and not beside another', async () => {
    await start({ library: 'socket.io', adapter: (app) => new Adapter(app) });
    const token = await subject.issuer.token();
    const refusedWith = (headers: Record<string, string>) =>
      subject.connect({ auth: { token }, headers }).then(
        () => 'let in',
        (error: { data?: unknown }) => error.data,
      );
    expect(await refusedWith({})).toBe('let in');
    expect(await refusedWith({ origin: `http://127.0.0.1:${subject.port}` })).toBe('let in');
    expect(await refusedWith({ origin: 'https://evil.example' })).toEqual(refusal(403, 'origin_not_allowed'));
    expect(await refusedWith({ authorization: `Bearer ${token}` })).toEqual(refusal(400, 'token_repeated'));
  });
});

describe('an adapter for ws that asks nobody before there is a socket', () => {
  it.each([
    ['nothing of a page of elsewhere', 'https://evil.example', []],
    ['what is for everybody of a page of its own', undefined, ['open -', 'open -']],
  ])('hears %s, sent in one piece with the request', async (_name, origin, heard) => {
    const adapter = (app: INestApplication) => new WithoutOptions(app);
    await start({ library: 'ws', gateways: [Gateway, SecondGateway], adapter });
    const own = `127.0.0.1:${subject.port}`;
    const message = JSON.stringify({ event: 'open' });
    const lines = [
      'GET / HTTP/1.1',
      `Host: ${own}`,
      `Origin: ${origin ?? `http://${own}`}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ];
    // Behind the request, in one piece with it, a text frame that is masked with zeros.
    const frame = `\x81${String.fromCharCode(0x80 | message.length)}\0\0\0\0${message}`;
    expect(await subject.raw(`${lines.join('\r\n')}\r\n\r\n${frame}`)).toMatch(/^HTTP\/1.1 101/);
    await sleep(50);
    expect(subject.journal).toEqual(heard);
  });
});

/** Not Nest's, not a subclass, and tells nobody of the request. */
class UnknownAdapter implements WebSocketAdapter<WebSocketServer, WebSocket> {
  server: WebSocketServer | undefined;

  create(): WebSocketServer {
    return (this.server = new WebSocketServer({ port: 0, host: '127.0.0.1' }));
  }

  bindClientConnect(server: WebSocketServer, callback: (client: WebSocket) => void): void {
    server.on('connection', (client) => callback(client));
  }

  bindClientDisconnect(client: WebSocket, callback: () => void): void {
    client.on('close', callback);
  }

  bindMessageHandlers(
    client: WebSocket,
    handlers: WsMessageHandler[],
    transform: (answer: unknown) => Observable<unknown>,
  ): void {
    client.on('message', (text: Buffer) => {
      const { event, data } = JSON.parse(text.toString()) as { event: string; data: unknown };
      const handler = handlers.find(({ message }) => message === event);
      if (!handler) return;
      transform(handler.callback(data)).subscribe((answer) => {
        if (answer !== undefined && client.readyState === client.OPEN) client.send(JSON.stringify(answer));
      });
    });
  }

  close(server: WebSocketServer): void {
    for (const client of server.clients) client.terminate();
    server.close();
  }

  // Nest calls it, whatever its interface says.
  dispose(): void {}
}

describe('an adapter of an unknown kind', () => {
  const started = async (seconds: number) => {
    const adapter = new UnknownAdapter();
    await start({ library: 'ws', adapter: () => adapter, guard: within(seconds), subscribes: true });
    subject.port = (adapter.server?.address() as AddressInfo).port;
  };

  it('has sockets that are guarded from the first message on', async () => {
    await started(5);
    const client = await subject.connect();
    client.send('closed');
    expect(await client.next('exception')).toEqual(refusal(401, 'token_missing'));
    await authenticate(client, { jti: 'withdrawn' });
    expect(await closedAnswers(client)).toBe('withdrawn');
    subject.revoked.add('withdrawn');
    subject.changed();
    expect(await client.ended).toEqual({ code: 4401, reason: 'token_revoked' });
    expect(await subject.sessionsLeft()).toBe(0);
  });

  it.each([0, 0.1])('has sockets that end without a token, after %d seconds', async (seconds) => {
    await started(seconds);
    const client = await subject.connect();
    expect(await client.ended).toEqual({ code: 4401, reason: 'token_missing' });
    expect(subject.journal).toEqual([]);
  });
});

describe('recovery of connections', () => {
  class Recovering extends IoAdapter {
    override createIOServer(port: number, options?: object): Server {
      return super.createIOServer(port, { ...options, connectionStateRecovery: {} } as ServerOptions);
    }
  }

  it.each([
    ['in the adapter', { adapter: (app: INestApplication) => new Recovering(app) }],
    ['in the gateway', {}],
  ])('which asks for no token, stops the start: %s', async (where, options) => {
    @WebSocketGateway(where === 'in the gateway' ? { connectionStateRecovery: {} } : {})
    class RecoveringGateway {}
    const starting = TestApp.start({ library: 'socket.io', gateways: [RecoveringGateway], ...options });
    await expect(starting).rejects.toThrow(/^connectionStateRecovery: /);
    await start({ library: 'socket.io' });
  });
});
