import { MountedSecret, TestCa } from '@token-relay/testing/servers';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { createLogger, secureServer, serverTls, ServiceTls } from '../src';
import { RenewingTcpClient } from '../src/rpc';

describe('RPC over TLS', () => {
  let folder: string;
  const opened: ServiceTls[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rpc-tls-'));
  });
  afterEach(() => {
    for (const tls of opened.splice(0)) tls.close();
    rmSync(folder, { recursive: true });
  });

  const logger = createLogger('test', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
  function open(secret: MountedSecret): ServiceTls {
    const tls = new ServiceTls(secret.environment, logger);
    opened.push(tls);
    return tls;
  }

  it('presents on each connection what the files of client and server hold then', async () => {
    const [ca, next] = [await TestCa.create(), await TestCa.create('CN=Next')];
    const files = {
      client: new MountedSecret(folder, await ca.issue(['resource'])),
      server: new MountedSecret(folder, await ca.issue(['localhost'])),
    };
    const tls = { client: open(files.client), server: open(files.server) };
    const server = createServer(serverTls(tls.server, 'certified') ?? {});
    secureServer(server, tls.server, 'certified', logger);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const tlsOptions = tls.client.connection ?? {};
    const { port } = server.address() as AddressInfo;
    const client = new RenewingTcpClient({ host: 'localhost', port, tlsOptions });

    async function presented(): Promise<string | undefined> {
      const connection = once(server, 'secureConnection') as Promise<[TLSSocket]>;
      await client.connect();
      const [socket] = await connection;
      const names = socket.getPeerX509Certificate()?.subjectAltName;
      const closed = once(socket, 'close');
      client.close();
      socket.resume();
      await closed;
      return names;
    }

    expect(await presented()).toBe('DNS:resource');
    files.client.put(await next.issue(['resource', 'renewed']));
    files.server.put(await next.issue(['localhost']));
    await Promise.all([tls.client.look(), tls.server.look()]);
    expect(await presented()).toBe('DNS:resource, DNS:renewed');
    await new Promise((resolve) => server.close(resolve));
  });
});
