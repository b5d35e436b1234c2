import { connect } from 'node:net';
import { ManagementServer } from './management-server';

describe('the port for whoever runs a service', () => {
  let server: ManagementServer;
  let origin: string;
  const failures: unknown[] = [];
  const page = (body: string, status = 200) => ({ status, type: 'text/plain', body });

  beforeEach(async () => {
    failures.length = 0;
    const fails = () => Promise.reject(new Error('no'));
    server = new ManagementServer({ '/here': () => page('here'), '/fails': fails }, (error) => failures.push(error));
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

  it('ends all connections when it is closed, half-sent and kept ones too', async () => {
    await fetch(`${origin}/here`);
    const half = raw('GET /here HTTP/1.1\r\nhost: h\r\n');
    server.close();
    expect(await half).toBe('');
    await expect(fetch(`${origin}/here`)).rejects.toThrow('fetch failed');
  });
});
