import { createLogger, ServiceTls } from '@token-relay/service-kit';
import { MountedSecret, TestCa } from '@token-relay/testing/servers';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { openServiceSocket } from '../src/sockets/service-socket';
import { routeUpgrades } from '../src/sockets/upgrade-requests';

describe('upgrades over TLS', () => {
  let folder: string;
  let ca: TestCa;
  const servers: Server[] = [];

  beforeAll(async () => {
    ca = await TestCa.create();
    folder = mkdtempSync(join(tmpdir(), 'https-'));
  });
  afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)))));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  it.each(['plain', 'secured'])(
    'that are none of a WebSocket are answered as if they were not asked for: %s',
    async (how) => {
      const { cert, key } = await ca.issue(['localhost']);
      const server = how === 'plain' ? createServer() : createTlsServer({ cert, key });
      server.on('request', (request, response) => void text(request).then((body) => response.end(`answered ${body}`)));
      routeUpgrades(server);
      const port = await listen(server);
      const options = { port, host: '127.0.0.1', servername: 'localhost', ca: ca.pem };
      const socket = how === 'plain' ? connectPlain(options) : connect(options);
      await once(socket, how === 'plain' ? 'connect' : 'secureConnect');
      const lines = [
        'POST / HTTP/1.1',
        'Host: x',
        'Connection: Upgrade, HTTP2-Settings, close',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQAAP__',
      ];
      socket.write([...lines, 'Content-Length: 4', '', 'body'].join('\r\n'));
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 .*answered body/s);
    },
  );

  it('to services present the certificate, and are opened to those alone that are trusted', async () => {
    const { cert, key } = await ca.issue(['localhost']);
    const server = createTlsServer({ cert, key, ca: ca.pem, requestCert: true, rejectUnauthorized: true });
    server.on('request', (_request, response) => response.writeHead(403).end());
    const port = await listen(server);
    const logger = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    const open = async (secret: MountedSecret | undefined): Promise<string | number | undefined> => {
      const tls = secret && new ServiceTls(secret.environment, logger);
      try {
        const opened = await openServiceSocket({
          url: `wss://localhost:${port}/`,
          protocols: [],
          headers: {},
          maxMessageBytes: 1_000,
          timeoutMs: 2_000,
          hop: 'service',
          tls: tls?.connection,
          signal: new AbortController().signal,
        });
        if ('answer' in opened) opened.answer.destroy();
        return 'answer' in opened ? opened.answer.statusCode : 'a socket';
      } catch (error) {
        return (error as { code?: string }).code;
      } finally {
        tls?.close();
      }
    };
    const own = await ca.issue(['gateway']);
    expect(await open(new MountedSecret(folder, own))).toBe(403);
    expect(await open(undefined)).toBe('upstream_failed');
    const other = await TestCa.create();
    expect(await open(new MountedSecret(folder, { ...own, ca: other.pem }))).toBe('upstream_failed');
    expect(await open(new MountedSecret(folder, { ...(await other.issue(['gateway'])), ca: ca.pem }))).toBe(
      'upstream_failed',
    );
  });
});
