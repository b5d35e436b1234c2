import { type Claims } from '@token-relay/testing';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { type Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { GatewayApp, textOf, until } from './gateway-app';

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const TABLE = {
  destinations: { resource: { url: 'SERVICE', audience: 'resource', scopes: ['documents:read'] } },
  routes: [
    {
      prefix: '/live',
      rewrite: '/socket',
      methods: ['GET'],
      destination: 'resource',
      scopes: ['documents:read'],
      webSocket: true,
      maxBodyBytes: MAX_MESSAGE_BYTES,
      timeoutMs: 1_000,
    },
    {
      prefix: '/limited',
      methods: ['GET'],
      destination: 'resource',
      webSocket: true,
      rateLimit: { requests: 1, perSeconds: 60 },
    },
    { prefix: '/plain', methods: ['GET'], destination: 'resource' },
    { prefix: '/echo', methods: ['POST'], destination: 'resource' },
    { prefix: '/slow', methods: ['GET'], destination: 'resource' },
  ],
};

describe('a WebSocket through the gateway', () => {
  let gateway: GatewayApp;
  let server: WebSocketServer;
  const chooseV2 = (names: Set<string>): string | false => names.has('v2') && 'v2';
  let choose = chooseV2;
  let service: WebSocket;
  let received: { url: string | undefined; headers: IncomingHttpHeaders }[];
  const held = new Set<Duplex>();
  /** What the service answers in place of a socket. */
  let refusal: (() => string | undefined) | undefined;

  const start = async () => {
    const started = await GatewayApp.start({
      table: TABLE,
      service: (request, response) => {
        if (request.url === '/slow') return void setTimeout(() => response.end('slow'), 100);
        if (request.url !== '/echo') return void response.end(`${request.method} ${request.url}`);
        const upgrade = 'upgrade' in request.headers ? ' upgrade: ' : '';
        void textOf(request).then((body) => response.end(`echo ${body}${upgrade}`));
      },
    });
    server = new WebSocketServer({ noServer: true, handleProtocols: (names) => choose(names) });
    const sockets = server;
    started.service.on('upgrade', (request, socket, head) => {
      held.add(socket);
      received.push({ url: request.url, headers: request.headers });
      const answer = refusal?.();
      if (answer === '') return;
      if (answer !== undefined) return void socket.end(answer);
      sockets.handleUpgrade(request, socket, head, (opened) => {
        service = opened;
        opened.on('error', () => undefined);
      });
    });
    return started;
  };
  beforeAll(async () => {
    received = [];
    gateway = await start();
  });
  beforeEach(() => {
    received = [];
    choose = chooseV2;
    refusal = undefined;
  });
  afterAll(() => {
    for (const socket of held) socket.destroy();
    return gateway.stop();
  });

  interface Opening {
    readonly protocols?: string[];
    readonly headers?: Record<string, string>;
    readonly path?: string;
    readonly at?: GatewayApp;
  }
  const begin = ({ protocols = [], headers = {}, path = '/live', at = gateway }: Opening) => {
    const client = new WebSocket(`${at.url.replace('http', 'ws')}${path}`, protocols, { headers, autoPong: false });
    client.on('error', () => undefined);
    return client;
  };
  async function open(opening: Opening = {}, claims: Claims = {}): Promise<WebSocket> {
    const authorization = `Bearer ${await (opening.at ?? gateway).token(claims)}`;
    const client = begin({ ...opening, headers: { authorization, ...opening.headers } });
    await once(client, 'open');
    return client;
  }
  /** What was answered in place of a socket. */
  async function refused(opening: Opening) {
    const client = begin(opening);
    const [, answer] = (await once(client, 'unexpected-response')) as [
      unknown,
      AsyncIterable<Buffer> & { statusCode: number; headers: IncomingHttpHeaders },
    ];
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    return { status: answer.statusCode, headers: answer.headers, text };
  }
  const problem = async (opening: Opening) => {
    const { status, text, headers } = await refused(opening);
    expect(headers['content-type']).toBe('application/problem+json');
    return [status, (JSON.parse(text) as { code: string }).code];
  };
  const bearer = async (claims: Claims = {}) => ({ authorization: `Bearer ${await gateway.token(claims)}` });
  const closing = async (socket: WebSocket) => {
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    return [code, String(reason)];
  };

  it('passes messages both ways: texts, bytes, empty and large ones', async () => {
    const client = await open({ path: '/live/room?a=b' });
    expect(received[0]?.url).toBe('/socket/room?a=b');
    const large = Buffer.alloc(MAX_MESSAGE_BYTES, 7);
    for (const [from, to] of [
      [client, service],
      [service, client],
    ] as const) {
      for (const message of ['text ü', '', Buffer.from([0, 1, 2]), large]) {
        const arrived = once(to, 'message');
        from.send(message);
        const [data, isBinary] = (await arrived) as [Buffer, boolean];
        expect(isBinary).toBe(typeof message !== 'string');
        expect(data.equals(Buffer.from(message))).toBe(true);
      }
    }
    client.close();
    await once(service, 'close');
  });

  it('loses nothing that is sent at once on either side', async () => {
    const authorization = (await bearer()).authorization;
    const client = begin({ headers: { authorization } });
    const heard: string[] = [];
    client.on('message', (data: Buffer) => heard.push(String(data)));
    await until(() => received.length === 1);
    await until(() => service.readyState === WebSocket.OPEN);
    for (let i = 0; i < 100; i++) service.send(String(i));
    await until(() => heard.length === 100);
    expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => String(i)));
    client.terminate();
  });

  it('carries a token of the gateway, and nothing of the client that it should not', async () => {
    const token = await gateway.token();
    const client = begin({
      protocols: ['bearer', token, 'v2', 'v1'],
      headers: { cookie: 'a=b', 'txn-token': 'x', 'x-user-id': 'admin', 'x-request-id': 'kept' },
    });
    await once(client, 'open');
    expect(client.protocol).toBe('v2');
    const [{ headers } = { headers: {} as IncomingHttpHeaders }] = received;
    expect(headers).toMatchObject({
      authorization: 'Bearer exchanged',
      'sec-websocket-protocol': 'v2,v1',
      'x-request-id': 'kept',
    });
    for (const name of ['cookie', 'txn-token', 'x-user-id', 'x-request-timeout-ms'])
      expect(headers).not.toHaveProperty(name);
    expect(JSON.stringify(headers)).not.toContain(token);
    client.terminate();
  });

  /** The answer to a client that minds nothing. */
  async function handshake(protocol: string): Promise<IncomingMessage> {
    const sent = request(`${gateway.url}/live`, {
      agent: false,
      headers: {
        ...(await bearer()),
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': protocol,
      },
    });
    sent.on('error', () => undefined).end();
    const answer = await Promise.race([once(sent, 'upgrade'), once(sent, 'response')]);
    sent.destroy();
    return answer[0] as IncomingMessage;
  }

  it('is opened without a subprotocol when the service has chosen none', async () => {
    const { statusCode, headers } = await handshake('v8, v9');
    expect([statusCode, headers['sec-websocket-protocol']]).toEqual([101, undefined]);
    expect(received[0]?.headers['sec-websocket-protocol']).toBe('v8,v9');
  });

  it('is not opened when the service has chosen a subprotocol that nobody has offered', async () => {
    choose = () => 'v7';
    const { statusCode } = await handshake('v8, v9');
    expect(statusCode).toBe(502);
  });

  it('says "bearer" to a client that has offered nothing else', async () => {
    const client = begin({ protocols: ['bearer', await gateway.token()] });
    await once(client, 'open');
    expect([client.protocol, received[0]?.headers['sec-websocket-protocol']]).toEqual(['bearer', undefined]);
    client.terminate();
  });

  it('passes pings and pongs', async () => {
    const client = await open();
    const pinged = once(service, 'ping');
    const ponged = once(client, 'pong');
    client.ping('one');
    expect(String((await pinged)[0])).toBe('one');
    expect(String((await ponged)[0])).toBe('one');
    const asked = once(client, 'ping');
    service.ping('two');
    expect(String((await asked)[0])).toBe('two');
    client.terminate();
  });

  it.each([
    [1000, 'done'],
    [4000, 'own reason'],
    [3999, ''],
  ])('passes close code %p both ways', async (code, reason) => {
    const first = await open();
    const atService = closing(service);
    first.close(code, reason);
    expect(await atService).toEqual([code, reason]);
    const second = await open();
    const atClient = closing(second);
    service.close(code, reason);
    expect(await atClient).toEqual([code, reason]);
  });

  it('closes without a code when the other side does', async () => {
    const client = await open();
    const atService = closing(service);
    client.close();
    expect(await atService).toEqual([1005, '']);
  });

  it('says what has become of a side that breaks off', async () => {
    const broken = await open();
    const atService = closing(service);
    broken.terminate();
    expect((await atService)[0]).toBe(1001);
    const client = await open();
    const atClient = closing(client);
    service.terminate();
    expect((await atClient)[0]).toBe(1014);
  });

  it('takes no message that is larger than the route allows, whole or in pieces', async () => {
    for (const pieces of [1, 4]) {
      const client = await open();
      const [atClient, atService] = [closing(client), closing(service)];
      const piece = Buffer.alloc(Math.ceil((MAX_MESSAGE_BYTES + 1) / pieces));
      for (let i = 1; i <= pieces; i++) client.send(piece, { fin: i === pieces });
      expect((await atClient)[0]).toBe(1009);
      expect((await atService)[0]).toBe(1009);
    }
  });

  it('keeps a fast side waiting for a slow one', async () => {
    const client = await open();
    client.pause();
    const message = Buffer.alloc(256 * 1024);
    let sent = 0;
    const more = (): void => {
      if (service.bufferedAmount > 4 * message.length || service.readyState !== WebSocket.OPEN) return;
      service.send(message, more);
      sent++;
    };
    for (let i = 0; i < 4; i++) more();
    let before = -1;
    await until(async () => {
      const isStill = sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 150));
      return isStill;
    });
    // What the buffers of the system and of both processes hold, of a stream that has no end.
    expect(sent * message.length).toBeLessThan(64 * 1024 * 1024);
    let count = 0;
    client.on('message', () => count++);
    client.resume();
    await until(() => count > before + 10);
    client.terminate();
  });

  it('closes with 4401 on both sides when the token is revoked, and no message passes any more', async () => {
    const client = await open({}, { jti: 'revoked' });
    const [atClient, atService] = [closing(client), closing(service)];
    const heard: string[] = [];
    service.on('message', (data: Buffer) => heard.push(String(data)));
    gateway.feed.revoke({ kind: 'jti', value: 'revoked', until: Math.floor(Date.now() / 1000) + 600 });
    expect(await atClient).toEqual([4401, 'token_revoked']);
    expect(await atService).toEqual([4401, 'token_revoked']);
    expect(heard).toEqual([]);
  });

  it('closes with 4401 when the token expires', async () => {
    const now = Math.floor(Date.now() / 1000);
    const client = await open({}, { iat: now - 10, exp: now + 2 });
    expect(await closing(client)).toEqual([4401, 'token_expired']);
  });

  it('is refused with a problem document, and nobody is asked', async () => {
    const [token, other] = [await gateway.token(), await gateway.token()];
    const authorization = `Bearer ${token}`;
    expect(await problem({})).toEqual([401, 'token_missing']);
    expect(await problem({ headers: { authorization: 'Bearer x' } })).toEqual([401, 'token_malformed']);
    expect(await problem({ headers: await bearer({ scope: 'other' }) })).toEqual([403, 'insufficient_scope']);
    expect(await problem({ headers: { authorization }, protocols: ['bearer', other] })).toEqual([
      400,
      'token_repeated',
    ]);
    expect(await problem({ path: `/live?access_token=${token}` })).toEqual([400, 'token_in_url']);
    expect(await problem({ headers: { authorization, origin: 'https://evil.test' } })).toEqual([
      403,
      'origin_not_allowed',
    ]);
    expect(await problem({ headers: { authorization }, path: '/live/%252e%252e/x' })).toEqual([400, 'path_ambiguous']);
    expect(await problem({ headers: { authorization }, path: '/nowhere' })).toEqual([404, 'route_not_found']);
    expect(received).toEqual([]);
    const client = await open({ headers: { origin: gateway.url } });
    client.terminate();
  });

  it('is counted by the rate limit of its route', async () => {
    const headers = await bearer({ sub: 'often' });
    const client = begin({ headers, path: '/limited' });
    await once(client, 'open');
    expect(await problem({ headers, path: '/limited' })).toEqual([429, 'rate_limited']);
    client.terminate();
  });

  it.each([
    ['another version', 'Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 426],
    ['no key', 'Sec-WebSocket-Version: 13', 400],
    ['a key that is none', 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short', 400],
    [
      'a subprotocol twice',
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: a, a',
      400,
    ],
  ])('is refused for %s', async (_what, lines, status) => {
    const { authorization } = await bearer();
    const answer = await gateway.raw(
      `GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: ${authorization}\r\n${lines}\r\n\r\n`,
    );
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(received).toEqual([]);
  });

  it('is not there where the service has none', async () => {
    refusal = () => 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone';
    expect(await refused({ headers: await bearer() })).toMatchObject({ status: 404, text: 'none' });
    refusal = () => `HTTP/1.1 302 Found\r\nLocation: ${gateway.origin}/socket/2\r\nContent-Length: 0\r\n\r\n`;
    const moved = await refused({ headers: await bearer() });
    expect([moved.status, moved.headers.location]).toEqual([302, '/live/2']);
    refusal = () => 'nonsense';
    expect(await problem({ headers: await bearer() })).toEqual([502, 'upstream_failed']);
    refusal = () => '';
    expect(await problem({ headers: await bearer() })).toEqual([504, 'upstream_timeout']);
  });

  it('is asked for once more when the service refuses the token, and not twice', async () => {
    let times = 0;
    refusal = () => (++times === 1 ? 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n' : undefined);
    const client = await open();
    expect(times).toBe(2);
    client.terminate();
    refusal = () => 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n';
    expect(await problem({ headers: await bearer() })).toEqual([503, 'relay_token_refused']);
  });

  it('ends there with a client that has not waited', async () => {
    let closed = false;
    refusal = () => '';
    gateway.service.once('upgrade', (_request, socket) => socket.resume().on('end', () => (closed = true)));
    const client = begin({ headers: await bearer() });
    await until(() => received.length === 1);
    client.terminate();
    await until(() => closed);
  });

  it('is nothing to a route that has none, nor is another upgrade to one that does', async () => {
    const token = await gateway.token();
    const asking = (path: string, upgrade: string) =>
      gateway.raw(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
    for (const [path, upgrade, target] of [
      ['/plain', 'h2c', '/plain'],
      ['/plain', 'websocket', '/plain'],
      ['/live', 'h2c', '/socket'],
    ] as const) {
      const answer = await asking(path, upgrade);
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(answer).toContain(`GET ${target}`);
    }
    expect(
      await gateway.raw('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 200/);
  });

  it.each([
    ['of a length', 'POST', 'h2c', 'Content-Length: 5\r\n\r\nhello'],
    ['in chunks', 'POST', 'foo', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['beside a socket that can not be asked for so', 'POST', 'websocket', 'Content-Length: 5\r\n\r\nhello'],
  ])('loses no body %s of a request that would rather have another protocol', async (_what, method, upgrade, body) => {
    const token = await gateway.token();
    const head = (connection: string) =>
      `${method} /echo HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMA\r\nAuthorization: Bearer ${token}\r\n`;
    // Twice on one connection: the second is read after the first.
    const answers = await gateway.raw(
      `${head('Upgrade, HTTP2-Settings')}${body}${head('close, Upgrade, HTTP2-Settings')}${body}`,
    );
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(answers.match(/echo hello/g)).toHaveLength(2);
    expect(answers).not.toContain('upgrade: ');
  });

  it('is opened after the request before it on its connection is answered', async () => {
    const { authorization } = await bearer();
    const slow = `GET /slow HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
    const opening = `GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n`;
    // Without a token it is refused, and the connection ends: both are answered, in their order.
    const answers = await gateway.raw(`${slow}${opening}\r\n`);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 401']);
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined).write(`${slow}${opening}Authorization: ${authorization}\r\n\r\n`);
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString('latin1')));
    await until(() => /HTTP\/1\.1 200[^]*HTTP\/1\.1 101/.test(received));
    socket.destroy();
  });

  it('leaves nothing behind, and no token in any log', async () => {
    const client = await open();
    client.close();
    await closing(client);
    const log = gateway.lines.join('');
    expect(log).toContain('socket opened');
    expect(log).not.toContain('"level":50');
    expect(log).not.toMatch(/eyJ/);
  });

  it('does not hold up the end of the gateway', async () => {
    const before = server;
    const ending = await start();
    const polite = await open({ at: ending });
    const deaf = await open({ at: ending });
    deaf.pause();
    const goodbye = closing(polite);
    const begun = performance.now();
    await ending.app.close();
    expect(await goodbye).toEqual([1001, 'shutting down']);
    expect(performance.now() - begun).toBeLessThan(4_000);
    server = before;
    deaf.terminate();
    await ending.stop();
  });

  it('is not opened by half a request, which ends', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const { authorization } = await bearer();
    socket.write(
      `GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: ${authorization}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      () => socket.destroy(),
    );
    await once(socket, 'close');
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  });
});
