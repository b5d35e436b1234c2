import {
  describeWith,
  MountedSecret,
  onFreePort,
  type OwnRedis,
  REDIS,
  startTlsRedis,
  TestCa,
  type TestCertificate,
} from '@token-relay/testing/servers';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connected, connectRedis, type RedisClient, ServiceTls, type TlsConfig } from '../src';

describeWith(REDIS)('a Redis that speaks with those alone that have a certificate', () => {
  let folder: string;
  let ca: TestCa;
  let redisCa: TestCa;
  let own: TestCertificate;
  let redisCaFile: string;
  let server: OwnRedis;
  const clients: RedisClient[] = [];
  const opened: ServiceTls[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
    [ca, redisCa] = [await TestCa.create('CN=Services'), await TestCa.create('CN=Redis')];
    own = await ca.issue(['auth']);
    const files = new MountedSecret(folder, { ...(await redisCa.issue(['127.0.0.1'])), ca: ca.pem });
    redisCaFile = join(folder, 'redis-ca.crt');
    writeFileSync(redisCaFile, redisCa.pem);
    server = await startTlsRedis({
      cert: files.path('tls.crt'),
      key: files.path('tls.key'),
      ca: files.path('ca.crt'),
    });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
    for (const tls of opened.splice(0)) tls.close();
  });

  function open(config: TlsConfig): ServiceTls {
    const tls = new ServiceTls(config, { info: () => undefined, warn: () => undefined });
    opened.push(tls);
    return tls;
  }
  function connect(tls: ServiceTls | undefined, url = server.url): RedisClient {
    const client = connectRedis(url, () => undefined, 'commands', tls?.redis);
    clients.push(client);
    return client;
  }
  const answers = async (tls: ServiceTls | undefined): Promise<boolean> => connected(connect(tls), 700);

  it('answers a service that presents its own, and trusts what Redis is signed by', async () => {
    expect(await answers(open({ ...new MountedSecret(folder, own).environment, REDIS_CA_FILE: redisCaFile }))).toBe(
      true,
    );
    expect(await answers(open(new MountedSecret(folder, { ...own, ca: redisCa.pem }).environment))).toBe(true);
  });

  it.each<[string, () => ServiceTls | undefined]>([
    ['nothing', () => undefined],
    ['no certificate', () => open({ REDIS_CA_FILE: redisCaFile })],
    ['trust in others alone', () => open(new MountedSecret(folder, own).environment)],
  ])('answers nobody with %s', async (_what, tls) => {
    expect(await answers(tls())).toBe(false);
  });

  it('may be a cluster', async () => {
    const files = new MountedSecret(folder, { ...(await redisCa.issue(['127.0.0.1'])), ca: ca.pem + redisCa.pem });
    const node = await onFreePort((bus) =>
      startTlsRedis({ cert: files.path('tls.crt'), key: files.path('tls.key'), ca: files.path('ca.crt') }, [
        ...['--cluster-enabled', 'yes', '--tls-cluster', 'yes', '--cluster-port', String(bus)],
        ...['--cluster-announce-ip', '127.0.0.1'],
      ]),
    );
    try {
      const tls = open({ ...new MountedSecret(folder, own).environment, REDIS_CA_FILE: redisCaFile });
      const single = connect(tls, node.url);
      expect(await connected(single, 5_000)).toBe(true);
      await single.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      const cluster = connect(tls, `${node.url},${node.url}`);
      expect(await connected(cluster, 5_000)).toBe(true);
      await cluster.set('a', 'kept');
      expect(await cluster.get('a')).toBe('kept');
    } finally {
      await node.stop();
    }
  });

  it('is spoken to with the renewed certificate from the next connection on', async () => {
    // Of another authority, which Redis doesn't know.
    const secret = new MountedSecret(folder, { ...(await redisCa.issue(['auth'])), ca: redisCa.pem });
    const tls = open(secret.environment);
    const client = connect(tls);
    expect(await connected(client, 700)).toBe(false);
    secret.put({ ...own, ca: redisCa.pem });
    await tls.look();
    expect(await connected(client, 5_000)).toBe(true);
    expect(await client.ping()).toBe('PONG');
  });
});
