import { decodeJwt } from 'jose';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { AppProcess } from './app-process';
import { post, shared, System } from './system';

const MEBIBYTE = 1024 * 1024;
const BYTES = 200 * MEBIBYTE;
const MORE_MEMORY_BYTES = 50 * MEBIBYTE;
/** How often each is measured, by a process of its own each time: what a process takes differs from one to the next. */
const ROUNDS = 3;
const CHUNK = Buffer.alloc(64 * 1024, 1);
const ROUTE = { methods: ['GET', 'POST'], destination: 'resource', scopes: ['documents:read'] };
const table = (url: string) => ({
  destinations: { resource: { url, audience: 'resource', scopes: ['documents:read'] } },
  routes: [
    { ...ROUTE, prefix: '/files', maxBodyBytes: BYTES },
    { ...ROUTE, prefix: '/small' },
    { ...ROUTE, prefix: '/events' },
    { ...ROUTE, prefix: '/live', webSocket: true },
  ],
});

describe('what streams through the gateway', () => {
  let system: System;
  let gateway: AppProcess;
  let folder: string;
  let uploaded: number;
  let events: ServerResponse;
  let socket: WebSocket;
  /** What the requests carried that opened sockets there. */
  const upgrades: (string | undefined)[] = [];

  const service = createServer((incoming, response) => {
    if (incoming.url === '/events') {
      events = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    } else if (incoming.method === 'POST') {
      incoming.on('data', (chunk: Buffer) => (uploaded += chunk.length));
      incoming.on('end', () => response.end('{}')).on('error', () => undefined);
    } else void pipeline(chunks(BYTES), response).catch(() => undefined);
  });
  const sockets = new WebSocketServer({ server: service });
  sockets.on('connection', (opened, { headers }) => {
    socket = opened;
    upgrades.push(headers.authorization);
  });

  beforeAll(async () => {
    system = await System.start();
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    folder = await mkdtemp(join(tmpdir(), 'gateway-streams-'));
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    await writeFile(join(folder, 'routes.json'), JSON.stringify(table(url)));
    gateway = await startGateway();
  });
  beforeEach(() => {
    uploaded = 0;
  });
  afterAll(async () => {
    expect(await gateway.stop()).toBe(0);
    await system.stop();
    sockets.close();
    service.closeAllConnections();
    await new Promise((resolve) => service.close(resolve));
    await rm(folder, { recursive: true });
  });

  async function startGateway(): Promise<AppProcess> {
    const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const started = await AppProcess.start('gateway', {
      ROUTES_FILE: join(folder, 'routes.json'),
      RESOURCE_URL: url,
      GATEWAY_CLIENT_SECRET: system.secrets.gateway,
      ...shared(system.auth.url),
    });
    await started.ready();
    return started;
  }

  function* bytes(total: number): Generator<Buffer> {
    for (let left = total; left > 0; left -= CHUNK.length) yield CHUNK;
  }
  const chunks = (total: number): Readable => Readable.from(bytes(total), { objectMode: false });

  const begin = (path: string, token: string, headers: Record<string, string | number> = {}, method = 'GET') =>
    request(`${gateway.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      agent: false,
    });
  const answerTo = async (sent: ReturnType<typeof request>): Promise<IncomingMessage> =>
    ((await once(sent, 'response')) as [IncomingMessage])[0];

  async function upload(token: string, headers: Record<string, number>, total: number): Promise<number | undefined> {
    const sent = begin('/files', token, headers, 'POST');
    const answered = answerTo(sent);
    await pipeline(chunks(total), sent);
    const answer = await answered;
    answer.resume();
    return answer.statusCode;
  }

  /** How much more memory a gateway takes meanwhile than before, at most: one that has just been started, and streamed nothing. */
  async function growthOfFresh(run: () => Promise<void>): Promise<number> {
    await gateway.stop();
    gateway = await startGateway();
    const before = residentBytes(gateway.pid);
    let most = before;
    const looking = setInterval(() => (most = Math.max(most, residentBytes(gateway.pid))), 10);
    try {
      await run();
    } finally {
      clearInterval(looking);
    }
    return Math.max(most, residentBytes(gateway.pid)) - before;
  }

  const revoke = async (token: string): Promise<void> => {
    const authorization = `Bearer ${await system.login('admin')}`;
    const what = { jti: decodeJwt(token).jti, reason: 'a test' };
    expect((await post(`${system.gateway.url}/admin/revocations`, what, { authorization })).status).toBe(201);
  };

  const rounds = Array.from({ length: ROUNDS }, (_, i) => i + 1);

  describe.each(rounds)('by a process that has just been started, the %p. time,', () => {
    it.each<[string, Record<string, number>]>([
      ['of a length that is known', { 'content-length': BYTES }],
      ['in chunks', {}],
    ])('200 MiB to a service, %s, take at most 50 MiB more memory', async (_what, headers) => {
      const token = await system.login('alice');
      const growth = await growthOfFresh(async () => {
        expect([await upload(token, headers, BYTES), uploaded]).toEqual([200, BYTES]);
      });
      expect(growth).toBeLessThan(MORE_MEMORY_BYTES);
    });

    it.each([
      ['at once', 0],
      ['slowly', 100],
    ])('200 MiB from a service, taken %s, take at most 50 MiB more memory', async (_how, pauseMs) => {
      const token = await system.login('alice');
      let taken = 0;
      const growth = await growthOfFresh(async () => {
        const sent = begin('/files', token);
        sent.end();
        const answer = await answerTo(sent);
        expect(answer.statusCode).toBe(200);
        let pauses = 0;
        const taking = new Writable({
          write(chunk: Buffer, _encoding, done) {
            taken += chunk.length;
            // A second in all, so that the service is far ahead if nothing holds it.
            if (pauseMs > 0 && taken > pauses * 20 * MEBIBYTE) {
              pauses++;
              setTimeout(done, pauseMs);
            } else done();
          },
        });
        await pipeline(answer, taking);
      });
      expect(taken).toBe(BYTES);
      expect(growth).toBeLessThan(MORE_MEMORY_BYTES);
    });
  });

  it('is cut off at the limit of its route, though nobody has said how long it is', async () => {
    const sent = begin('/small', await system.login('alice'), {}, 'POST');
    sent.on('error', () => undefined);
    const answered = answerTo(sent);
    for (const chunk of bytes(MEBIBYTE)) sent.write(chunk);
    sent.write('x');
    const answer = await answered;
    expect(answer.statusCode).toBe(413);
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ code: 'body_too_large' });
    sent.destroy();
  });

  it('of events comes at once, and ends a second after the token is revoked', async () => {
    const token = await system.login('alice');
    const sent = begin('/events', token);
    sent.end();
    const answer = await answerTo(sent);
    let text = '';
    answer.on('data', (chunk) => (text += String(chunk)));
    const first = once(answer, 'data');
    events.write('data: 1\n\n');
    await first;
    expect(text).toBe('data: 1\n\n');
    const ended = once(answer, 'end');
    await revoke(token);
    const begun = performance.now();
    await ended;
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(text).toMatch(/^data: 1\n\nevent: exception\ndata: \{.*"code":"token_revoked".*\}\n\n$/);
    const again = begin('/events', token);
    again.end();
    const refused = await answerTo(again);
    refused.resume();
    expect(refused.statusCode).toBe(401);
  });

  it('by a WebSocket has a token of its own, and ends a second after the token is revoked', async () => {
    const token = await system.login('alice');
    const client = new WebSocket(`${gateway.url.replace('http', 'ws')}/live`, ['bearer', token]);
    await once(client, 'open');
    const heard = once(client, 'message');
    socket.once('message', (data: Buffer, binary: boolean) => socket.send(data, { binary }));
    client.send('hello');
    expect(String((await heard)[0])).toBe('hello');
    const exchanged = (upgrades.at(-1) ?? '').replace('Bearer ', '');
    expect(decodeJwt(exchanged)).toMatchObject({ aud: 'resource', sub: decodeJwt(token).sub, act: { sub: 'gateway' } });

    const closed = Promise.all([once(client, 'close'), once(socket, 'close')]);
    await revoke(token);
    const begun = performance.now();
    expect((await closed).map(([code, reason]: unknown[]) => [code, String(reason)])).toEqual([
      [4401, 'token_revoked'],
      [4401, 'token_revoked'],
    ]);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('leaves no token in any log', () => {
    expect(gateway.lines.join('\n')).not.toMatch(/eyJ[A-Za-z0-9_-]{8}/);
  });
});

function residentBytes(pid: number): number {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
