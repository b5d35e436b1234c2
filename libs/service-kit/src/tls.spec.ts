import { MountedSecret, TestCa, type TestCertificate } from '@token-relay/testing/servers';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config';
import { ServiceTls, type TlsConfig, tlsClients } from './tls';

describe('what a service presents and trusts', () => {
  let folder: string;
  let ca: TestCa;
  let own: TestCertificate;
  let secret: MountedSecret;
  let warned: unknown[];
  const opened: ServiceTls[] = [];

  beforeAll(async () => {
    ca = await TestCa.create();
    own = await ca.issue(['auth']);
    folder = mkdtempSync(join(tmpdir(), 'tls-'));
  });
  beforeEach(() => {
    secret = new MountedSecret(folder, own);
    warned = [];
  });
  afterEach(() => {
    for (const tls of opened.splice(0)) tls.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function open(config: TlsConfig): ServiceTls {
    const logger = { info: () => undefined, warn: (details: unknown) => void warned.push(details) };
    const tls = new ServiceTls(config, logger as never);
    opened.push(tls);
    return tls;
  }
  const problemsOf = (config: TlsConfig): readonly string[] => {
    try {
      open(config);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ name }) => name);
      throw error;
    }
    return [];
  };

  it('is nothing where no files are named', () => {
    const tls = open({});
    expect([tls.client, tls.connection, tls.redis, tls.expiresAt]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is the same object until it changes', async () => {
    const tls = open(secret.environment);
    const [first, connection] = [tls.client?.(), tls.connection];
    const context = connection?.secureContext;
    await tls.look();
    expect(tls.client?.()).toBe(first);
    expect(connection?.secureContext).toBe(context);
    secret.put(await ca.issue(['auth']));
    await tls.look();
    expect(tls.client?.()).not.toBe(first);
    expect(connection?.secureContext).not.toBe(context);
  });

  it('goes on while what was renewed is of no use, which is told once', async () => {
    const tls = open(secret.environment);
    const first = tls.client?.();
    secret.put({ ...own, key: (await ca.issue(['auth'])).key });
    for (let i = 0; i < 4; i++) await tls.look();
    expect(tls.client?.()).toBe(first);
    expect(warned).toEqual([{ reason: 'TLS_KEY_FILE is of another certificate' }]);
  });

  it('is warned of where whoever trusts the same would refuse it, at the start and when it is renewed', async () => {
    const other = await TestCa.create('CN=Another CA');
    const refusedByOthers = 'TLS_CERT_FILE is signed by none of TLS_CA_FILE: who trusts the same refuses it';
    secret.put({ ...own, ca: other.pem });
    const tls = open(secret.environment);
    expect(warned).toEqual([refusedByOthers]);
    secret.put({ ...own, ca: other.pem + ca.pem });
    await tls.look();
    expect(warned).toHaveLength(1);
    // Of the same name, and another key.
    secret.put({ ...own, ca: (await TestCa.create()).pem });
    await tls.look();
    expect(warned).toEqual([refusedByOthers, refusedByOthers]);
  });

  it('is refused with some of the names only, each of which is told', () => {
    const { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE } = secret.environment;
    expect(problemsOf({ TLS_CERT_FILE })).toEqual(['TLS_KEY_FILE', 'TLS_CA_FILE']);
    expect(problemsOf({ TLS_CERT_FILE, TLS_KEY_FILE })).toEqual(['TLS_CA_FILE']);
    expect(problemsOf({ TLS_CA_FILE })).toEqual(['TLS_CERT_FILE', 'TLS_KEY_FILE']);
    expect(problemsOf({ TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE })).toEqual([]);
    // It would look as if somebody was kept away.
    expect(problemsOf({ TLS_CLIENTS: ['gateway'] })).toEqual(['TLS_CLIENTS']);
  });

  it.each<[string, readonly string[] | undefined]>([
    ['gateway', ['gateway']],
    ['gateway, Resource.svc ,audit', ['gateway', 'resource.svc', 'audit']],
    ['', undefined],
    [',', undefined],
    ['gateway,', undefined],
    ['*', undefined],
    ['*.svc', undefined],
    ['10.0.0.1:80', undefined],
  ])('has %j as the names of those who may call: %j', (text, names) => {
    expect(tlsClients().safeParse(text).data).toEqual(names);
  });

  describe('of Redis', () => {
    const authority = (pem: string): string => {
      const path = join(folder, 'redis-ca.crt');
      writeFileSync(path, pem);
      return path;
    };

    it('is the same where it has no authority of its own', () => {
      const tls = open(secret.environment);
      expect(tls.redis?.secureContext).toBe(tls.connection?.secureContext);
    });

    it('is another where it has, which is watched as well', async () => {
      const REDIS_CA_FILE = authority(ca.pem);
      const tls = open({ ...secret.environment, REDIS_CA_FILE });
      expect(tls.redis?.secureContext).not.toBe(tls.connection?.secureContext);
      expect(open({ REDIS_CA_FILE }).redis?.secureContext).toBeDefined();
      expect(open({ REDIS_CA_FILE }).client).toBeUndefined();
      writeFileSync(REDIS_CA_FILE, 'nonsense');
      for (let i = 0; i < 3; i++) await tls.look();
      expect(warned).toContainEqual({ reason: 'REDIS_CA_FILE holds no certificate in PEM' });
      expect(tls.redis?.secureContext).toBeDefined();
      expect(problemsOf({ REDIS_CA_FILE })).toEqual(['REDIS_CA_FILE']);
    });
  });
});
