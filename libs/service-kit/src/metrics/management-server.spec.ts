import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagementServer } from './management-server';

/** In place of 10 s. */
const CONNECTION_MS = 1_000;

describe('the port for whoever runs a service', () => {
  let server: ManagementServer;
  let origin: string;
  let held: (() => void) | undefined;
  const failures: unknown[] = [];
  const page = (body: string, status = 200) => ({ status, type: 'text/plain', body });

  beforeEach(async () => {
    failures.length = 0;
    const fails = () => Promise.reject(new Error('no'));
    const holds = () => new Promise<never>(() => held?.());
    const large = () => page('x'.repeat(64 * 1024));
    const pages = { '/here': () => page('here'), '/fails': fails, '/holds': holds, '/large': large };
    server = new ManagementServer(pages, (error) => failures.push(error), CONNECTION_MS);
    origin = await server.listen(0, '127.0.0.1');
  });
  afterEach(() => server.close());

  /** Sends bytes as they are, and reads until the connection ends. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let received = '';
      const socket = connect(Number(new URL(origin).port), '127.0.0.1', () => void socket.write(text));
      socket.on('data', (chunk) => (received += chunk.toString('latin1')));
      socket.on('error', () => undefined).on('close', () => resolve(received));
    });

  it.each(['/here', '/here?x=1'])('answers %s, and says that it is not to be kept', async (path) => {
    const answer = await fetch(origin + path);
    expect([answer.status, await answer.text()]).toEqual([200, 'here']);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('answers HEAD without a body', async () => {
    const answer = await fetch(`${origin}/here`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '4', '']);
  });

  it.each(['/', '/here/', '/HERE', '//here', '/here%20', '/constructor', '/__proto__', '/%00'])(
    'has nothing at %s',
    async (path) => {
      expect((await fetch(origin + path)).status).toBe(404);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('takes no %s, and reads no body', async (method) => {
    const answer = await fetch(`${origin}/here`, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('tells of what fails, and says nothing of it', async () => {
    const answer = await fetch(`${origin}/fails`);
    expect([answer.status, await answer.text()]).toEqual([500, '']);
    expect(failures).toEqual([new Error('no')]);
  });

  it.each([
    ['is none', 'nonsense\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['has headers of 9 KiB', `GET /here HTTP/1.1\r\nhost: h\r\nx: ${'x'.repeat(9 * 1024)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['asks for a tunnel', 'CONNECT here:443 HTTP/1.1\r\nhost: here:443\r\n\r\n', /^$/],
    ['announces a body without an end', 'POST /here HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n', / 405 /],
  ])('survives a request that %s', async (_what, text, answer) => {
    expect(await raw(text)).toMatch(answer);
    expect((await fetch(`${origin}/here`)).status).toBe(200);
  });

  it('answers an upgrade as any other request', async () => {
    const upgrade = 'GET /here HTTP/1.1\r\nhost: h\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n';
    expect(await raw(upgrade)).toMatch(/^HTTP\/1\.1 200 /);
  });

  const opened = async (count: number, text = ''): Promise<Socket[]> => {
    const sockets = Array.from({ length: count }, () => connect(Number(new URL(origin).port), '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => undefined).pause();
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.write(text);
    return sockets;
  };
  const status = () =>
    fetch(`${origin}/here`).then(
      (answer) => answer.status,
      () => 'refused',
    );

  it('keeps no connection, and answers one request of several that come at once', async () => {
    expect((await fetch(`${origin}/here`)).headers.get('connection')).toBe('close');
    const answers = await raw('GET /here HTTP/1.1\r\nhost: h\r\n\r\n'.repeat(3));
    expect(answers.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('takes 64 connections, and closes what is opened beyond these', async () => {
    const sockets = await opened(63);
    expect(await status()).toBe(200);
    sockets.push(...(await opened(1)));
    expect(await status()).toBe('refused');
    for (const socket of sockets) socket.destroy();
  });

  it.each([
    ['send nothing', ''],
    ['send half a request', 'GET /here HTTP/1.1\r\nhost: h\r\n'],
    ['ask again and again, and read nothing', 'GET /large HTTP/1.1\r\nhost: h\r\n\r\n'.repeat(400)],
    ['wait for what takes too long', 'GET /holds HTTP/1.1\r\nhost: h\r\n\r\n'],
  ])('is not held for long by 64 connections that %s', async (_what, text) => {
    const sockets = await opened(64, text);
    const deadline = performance.now() + 5 * CONNECTION_MS;
    while ((await status()) !== 200) {
      expect(performance.now()).toBeLessThan(deadline);
      await sleep(50);
    }
    for (const socket of sockets) socket.destroy();
  });

  it('ends all connections when it is closed, those that are being answered too', async () => {
    const half = raw('GET /here HTTP/1.1\r\nhost: h\r\n');
    const isHeld = new Promise<void>((resolve) => (held = resolve));
    const answering = raw('GET /holds HTTP/1.1\r\nhost: h\r\n\r\n');
    await isHeld;
    const begun = performance.now();
    server.close();
    expect([await half, await answering]).toEqual(['', '']);
    expect(performance.now() - begun).toBeLessThan(CONNECTION_MS / 2);
    await expect(fetch(`${origin}/here`)).rejects.toThrow('fetch failed');
  });
});
