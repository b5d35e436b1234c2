import { Injectable, Scope } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Manager } from 'socket.io-client';
import { PolicyCensusError, Public } from '../src';
import {
  type AppOptions,
  freePort,
  Handlers,
  type Library,
  LIBRARIES,
  PLATFORMS,
  refusal,
  TestApp,
  Watching,
} from './websockets-apps';
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

@Public('everybody may listen')
@WebSocketGateway()
class OpenGateway extends Watching {
  override handleConnection(): void {
    this.journal.note('let in');
  }

  override handleDisconnect(): void {
    this.journal.note('let go');
  }

  @Public('everybody may ask')
  @SubscribeMessage('news')
  news() {
    return { event: 'seen', data: 'news' };
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

describe.each(PLATFORMS)('a gateway’s connections, of %s on %s', (library, framework) => {
  it('wait for a good token, and are for whom it says', async () => {
    await start({ library, framework });
    const early = await subject.admitted({ jti: 'early' });
    expect(await closedAnswers(early)).toBe('early');
    const late = await subject.connect();
    await sleep(30);
    expect(subject.journal).toEqual(['connected early', 'closed early']);
    await authenticate(late, { jti: 'late' });
    expect(subject.journal).toEqual(['connected early', 'closed early', 'connected late']);
  });

  it('end for those only that it knows of', async () => {
    await start({ library, framework, subscribes: true });
    const admitted = await subject.admitted();
    const waiting = await subject.connect();
    const refused = await subject.connect();
    refused.send('authenticate', { token: 'nonsense' });
    await refused.ended;
    for (const client of [admitted, waiting]) client.close();
    expect(await subject.sessionsLeft()).toBe(0);
    await sleep(20);
    expect(subject.journal.map((entry) => entry.split(' ')[0])).toEqual(['connected', 'disconnected']);
  });

  it('are open where it is public, and a token is not even read', async () => {
    await start({ library, framework, gateways: [OpenGateway], guard: within(0.1) });
    const client = await subject.connect({ protocols: ['bearer', 'nonsense'] });
    expect(subject.journal).toEqual(['let in -']);
    await sleep(250);
    client.send('news');
    expect(await client.next('seen')).toBe('news');
  });
});

describe.each(LIBRARIES)('several gateways on one server of %s', (library) => {
  it('share one token, and one answer to it', async () => {
    await start({ library, gateways: [Gateway, SecondGateway], subscribes: true });
    const client = await subject.connect();
    const held = subject.holdVerdicts();
    held.release();
    await authenticate(client);
    client.send('second');
    expect(await client.next('seen')).toBe('second');
    expect(held.count()).toBe(1);
    expect(client.received.filter(({ event }) => event === 'authenticated')).toHaveLength(1);
    expect(subject.journal).toEqual(['connected token-1', 'connected token-1', 'second token-1']);
    expect(subject.openSessions()).toBe(1);
    client.close();
    expect(await subject.sessionsLeft()).toBe(0);
  });

  it('of which one is public let everybody in, and their other half waits', async () => {
    await start({ library, gateways: [SecondGateway, OpenGateway], guard: within(0.1) });
    const client = await subject.connect();
    await sleep(250);
    client.send('news');
    expect(await client.next('seen')).toBe('news');
    client.send('second');
    expect(await client.next('exception')).toEqual(refusal(401, 'token_missing'));
    expect(subject.journal).toEqual(['let in -']);
    await authenticate(client);
    client.send('second');
    expect(await client.next('seen')).toBe('second');
    expect(subject.journal).toEqual(['let in -', 'connected token-1', 'second token-1']);
  });

  it('of which one is public let everybody in, even if there is no time for a token', async () => {
    await start({ library, gateways: [Gateway, OpenGateway], guard: within(0) });
    expect((await subject.upgrade()).status).toBe(101);
    expect((await subject.upgrade({ Authorization: 'Bearer nonsense' })).status).toBe(401);
  });

  it('at different paths have nothing to do with each other', async () => {
    @WebSocketGateway({ path: '/closed' })
    class Closed extends Watching {}
    @Public('everybody may listen')
    @WebSocketGateway({ path: '/open' })
    class Open extends Handlers {}
    await start({ library, gateways: [Closed, Open], guard: within(0) });
    const at = (path: string) => subject.path('', library === 'ws' ? path : `${path}/`);
    expect((await subject.upgrade({}, at('/closed'))).status).toBe(401);
    expect((await subject.upgrade({}, at('/open'))).status).toBe(101);
    expect((await subject.upgrade({ Authorization: 'Bearer nonsense' }, at('/open'))).status).toBe(101);
    const client = await subject.admitted({}, { path: '/closed' });
    expect(await closedAnswers(client)).toBe('token-1');
  });
});

describe.each([
  ['ws', undefined],
  ['ws', '/changes'],
  ['socket.io', undefined],
  ['socket.io', '/changes'],
] as const)('a gateway of %s with a port of its own, at %s,', (library: Library, path) => {
  it('is guarded as one on the port of the app', async () => {
    const port = await freePort();
    @WebSocketGateway(port, { host: '127.0.0.1', ...(path === undefined ? {} : { path }) } as object)
    class Own extends Watching {}
    await start({ library, gateways: [Own], guard: within(0.2), subscribes: true });
    const url = subject.path('', library === 'ws' ? path : path && `${path}/`);
    const refused = await subject.upgrade({ Authorization: 'Bearer nonsense' }, url, port);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toMatch(/^Bearer realm="api", error="invalid_token"/);
    expect((await subject.upgrade({ Origin: `http://127.0.0.1:${subject.port}` }, url, port)).status).toBe(403);
    expect((await subject.upgrade({ Origin: `http://127.0.0.1:${port}` }, url, port)).status).toBe(101);
    const options = { port, ...(path === undefined ? {} : { path }) };
    const silent = await subject.connect(options);
    const client = await subject.admitted({ jti: 'withdrawn' }, options);
    expect(await closedAnswers(client)).toBe('withdrawn');
    await silent.ended;
    expect(silent.received).toEqual([{ event: 'exception', data: refusal(401, 'token_missing') }]);
    subject.revoked.add('withdrawn');
    subject.changed();
    await client.ended;
    expect(subject.journal.filter((entry) => entry.startsWith('connected'))).toEqual(['connected withdrawn']);
  });
});

describe.each(['express', 'fastify'] as const)('the namespaces of Socket.IO on %s', (framework) => {
  @WebSocketGateway({ namespace: 'closed' })
  class Closed extends Watching {}
  @Public('everybody may listen')
  @WebSocketGateway({ namespace: '/open' })
  class Open extends Handlers {}
  @WebSocketGateway({ namespace: /^\/tenant-\w+$/ })
  class Tenants extends Watching {}
  const namespaces = {
    library: 'socket.io' as const,
    framework,
    gateways: [Closed, Open, Tenants],
  } satisfies AppOptions;

  it('take the token of the handshake', async () => {
    await start(namespaces);
    const token = await subject.issuer.token();
    for (const namespace of ['/closed', '/tenant-1']) {
      for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']] as const) {
        const client = await subject.connect({ namespace, auth: { token }, transports: [...transports] });
        expect(await closedAnswers(client)).toBe('token-1');
        client.close();
      }
    }
    expect(subject.journal.filter((entry) => entry === 'connected token-1')).toHaveLength(6);
    await expect(subject.connect({ namespace: '/unknown', auth: { token } })).rejects.toThrow('Invalid namespace');
  });

  it('refuse a bad one before there is a socket', async () => {
    await start({ ...namespaces, subscribes: true });
    const token = await subject.issuer.token();
    const refusedWith = (auth: Record<string, unknown>, headers = {}, namespace = '/closed') =>
      subject.connect({ namespace, auth, headers }).then(
        () => 'let in',
        (error: { data?: unknown }) => error.data,
      );
    for (const bad of ['nonsense', '', null, 1, [token], { token }, 'a'.repeat(9_000)]) {
      const code = expect.stringMatching(/^token_(malformed|too_large)$/) as unknown as string;
      expect(await refusedWith({ token: bad })).toEqual(refusal(401, code));
    }
    expect(await refusedWith({ token: 'nonsense' }, {}, '/tenant-1')).toEqual(refusal(401, 'token_malformed'));
    expect(await refusedWith({ token }, { authorization: `Bearer ${token}` })).toEqual(refusal(400, 'token_repeated'));
    subject.outage = true;
    expect(await refusedWith({ token })).toEqual(refusal(503, 'revocation_unavailable'));
    expect(await subject.sessionsLeft()).toBe(0);
    expect(subject.journal).toEqual([]);
  });

  it('have sessions of their own, on one connection', async () => {
    await start({ ...namespaces, subscribes: true });
    const manager = new Manager(`http://127.0.0.1:${subject.port}`, { transports: ['websocket'], reconnection: false });
    try {
      const token = await subject.issuer.token();
      const closed = manager.socket('/closed', { auth: { token } });
      const tenant = manager.socket('/tenant-1', { auth: { token: await subject.issuer.token({ jti: 'of-tenant' }) } });
      const open = manager.socket('/open');
      await Promise.all(
        [closed, tenant, open].map((socket) => once(socket as unknown as NodeJS.EventEmitter, 'connect')),
      );
      expect(subject.openSessions()).toBe(2);
      tenant.emit('closed');
      expect(await once(tenant as unknown as NodeJS.EventEmitter, 'seen')).toEqual([
        { tokenId: 'of-tenant', data: undefined },
      ]);
      open.emit('open');
      expect(await once(open as unknown as NodeJS.EventEmitter, 'seen')).toEqual([{ tokenId: null }]);
    } finally {
      manager._close();
    }
  });

  it('give time for a token, but for those that are public', async () => {
    await start({ ...namespaces, guard: within(0.1) });
    const closed = await subject.connect({ namespace: '/closed' });
    const open = await subject.connect({ namespace: '/open' });
    await closed.ended;
    expect(closed.received).toEqual([{ event: 'exception', data: refusal(401, 'token_missing') }]);
    await sleep(200);
    open.send('open');
    expect(await open.next('seen')).toEqual({ tokenId: null });
  });

  it('that are public read no token in the handshake either', async () => {
    await start(namespaces);
    const client = await subject.connect({ namespace: '/open', auth: { token: 'nonsense' } });
    client.send('open');
    expect(await client.next('seen')).toEqual({ tokenId: null });
  });

  it('that are public are open even if there is no time for a token, and the others are not', async () => {
    await start({ ...namespaces, guard: within(0) });
    const open = await subject.connect({ namespace: '/open' });
    open.send('open');
    expect(await open.next('seen')).toEqual({ tokenId: null });
    const closed = await subject.connect({ namespace: '/closed' });
    await closed.ended;
    expect(closed.received).toEqual([{ event: 'exception', data: refusal(401, 'token_missing') }]);
  });
});

describe('an app does not start with a gateway', () => {
  it('that listens for the message which brings the token', async () => {
    @WebSocketGateway()
    class Greedy extends Handlers {
      @SubscribeMessage('authenticate')
      take() {
        return {};
      }
    }
    await start({ library: 'ws' });
    await expect(TestApp.start({ library: 'ws', gateways: [Greedy] })).rejects.toThrow(PolicyCensusError);
    await expect(TestApp.start({ library: 'socket.io', gateways: [Greedy] })).rejects.toThrow('brings the token');
  });

  it('whose connections can not be held back, because it is made anew for each', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Each {}
    @WebSocketGateway()
    class Anew extends Watching {
      constructor(readonly each: Each) {
        super();
      }
    }
    await start({ library: 'ws' });
    const gateways = [Anew, Each];
    await expect(TestApp.start({ library: 'ws', gateways })).rejects.toThrow('Anew.handleConnection');
  });
});

describe.each(PLATFORMS)('an app with open sockets of %s on %s', (library, framework) => {
  it('is closed all the same, and so are they', async () => {
    await start({ library, framework, subscribes: true });
    const clients = [await subject.admitted(), await subject.connect(), await subject.connect()];
    expect(subject.subscriptions).toBe(1);
    const held = subject.holdVerdicts();
    clients[2]?.send('authenticate', { token: await subject.issuer.token() });
    const upgrading = subject.admitted().catch((error: unknown) => error);
    await held.begun;
    await sleep(20);
    const before = Date.now();
    const closed = subject.app.close();
    await sleep(20);
    held.release();
    await closed;
    expect(Date.now() - before).toBeLessThan(2_000);
    await Promise.all(clients.map(({ ended }) => ended));
    await upgrading;
    expect(subject.subscriptions).toBe(0);
    expect(subject.journal.filter((entry) => entry.startsWith('connected'))).toEqual(['connected token-1']);
  });
});
