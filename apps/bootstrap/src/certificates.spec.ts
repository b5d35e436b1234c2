import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { issueCertificate, makeAuthority, namesOf } from './certificates';

const NOW = new Date();
const GATEWAY = namesOf('gateway', 'token-relay', true);
const AUDIT = namesOf('audit', 'token-relay', false);
const years = (count: number): Date => new Date(new Date(NOW).setUTCFullYear(NOW.getUTCFullYear() + count));
/** X.509 knows whole seconds. */
const seconds = (date: Date | string): number => Math.floor(new Date(date).getTime() / 1_000);

describe('certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  let authority: Awaited<ReturnType<typeof makeAuthority>>;
  let gateway: Awaited<ReturnType<typeof issueCertificate>>;
  let audit: typeof gateway;
  beforeAll(async () => {
    authority = await makeAuthority(NOW);
    gateway = await issueCertificate(authority, GATEWAY, NOW);
    audit = await issueCertificate(authority, AUDIT, NOW);
  });

  function openssl(...parameters: string[]): string {
    for (const [name, text] of Object.entries({ ...authority, ...gateway })) writeFileSync(join(folder, name), text);
    return execFileSync('openssl', parameters, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  it.each(['sslserver', 'sslclient'])('are taken by OpenSSL as strictly as it can, as %s', (purpose) => {
    const verify = ['verify', '-x509_strict', '-policy_check', '-purpose', purpose, '-CAfile', 'ca.crt'];
    expect(openssl(...verify, '-verify_hostname', 'gateway', 'tls.crt')).toBe('tls.crt: OK\n');
    expect(() => openssl(...verify, '-verify_hostname', 'audit', 'tls.crt')).toThrow(/hostname mismatch/i);
  });

  it('have the extensions that RFC 5280 asks for', () => {
    const ca = openssl('x509', '-in', 'ca.crt', '-noout', '-text');
    expect(ca).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0\n/);
    expect(ca).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    const [, identifier = ''] = /Subject Key Identifier:\s+([0-9A-F:]+)/.exec(ca) ?? [];
    const leaf = openssl('x509', '-in', 'tls.crt', '-noout', '-text');
    expect(leaf).toMatch(/Basic Constraints: critical\s+CA:FALSE\n/);
    expect(leaf).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(leaf).toMatch(/Extended Key Usage:\s+TLS Web Server Authentication, TLS Web Client Authentication\n/);
    expect(leaf).toMatch(new RegExp(`Authority Key Identifier:\\s+(keyid:)?${identifier}\\n`));
    expect(leaf).toContain('ASN1 OID: prime256v1');
  });

  it('name the service, as the cluster and a compose file do, and this machine only where they are asked to', () => {
    const names = ['', '.token-relay', '.token-relay.svc', '.token-relay.svc.cluster.local'];
    const dns = (service: string) => names.map((suffix) => `DNS:${service}${suffix}`).join(', ');
    expect(new X509Certificate(gateway['tls.crt'])).toMatchObject({
      subject: 'CN=gateway',
      subjectAltName: `${dns('gateway')}, DNS:localhost, IP Address:127.0.0.1`,
    });
    expect(new X509Certificate(audit['tls.crt'])).toMatchObject({ subject: 'CN=audit', subjectAltName: dns('audit') });
    expect(namesOf('auth', 'another', false).dns).toContain('auth.another.svc');
  });

  it('have keys in PKCS #8, of their own', () => {
    const keys = [authority['ca.key'], gateway['tls.key'], audit['tls.key']];
    for (const key of keys) expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\s\S]+\n-----END PRIVATE KEY-----\n$/);
    expect(new Set(keys).size).toBe(3);
    expect(new X509Certificate(gateway['tls.crt']).checkPrivateKey(createPrivateKey(gateway['tls.key']))).toBe(true);
  });

  it('have random serial numbers, of 128 bits at most and seldom much fewer', async () => {
    const serials = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const { 'tls.crt': pem } = await issueCertificate(authority, AUDIT, NOW);
        return new X509Certificate(pem).serialNumber;
      }),
    );
    expect(new Set(serials).size).toBe(16);
    for (const serial of serials) expect(serial).toMatch(/^[0-9A-F]{24,32}$/);
  });

  it('count for ten years, and from an hour ago for clocks that are behind', () => {
    for (const pem of [authority['ca.crt'], gateway['tls.crt']]) {
      const { validFrom, validTo } = new X509Certificate(pem);
      expect(seconds(validFrom)).toBe(seconds(NOW) - 3_600);
      expect(seconds(validTo)).toBe(seconds(years(10)));
    }
  });

  it('of a CA that ends sooner end with it; one that has ended issues none', async () => {
    const later = new Date(years(10).getTime() - 1_000);
    const { 'tls.crt': pem } = await issueCertificate(authority, AUDIT, later);
    expect(seconds(new X509Certificate(pem).validTo)).toBe(seconds(years(10)));
    await expect(issueCertificate(authority, AUDIT, years(10))).rejects.toThrow('ca: ca.crt has expired');
  });

  it('are not issued by what is no CA of the kind', async () => {
    const other = await makeAuthority(NOW);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const rsa = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(join(folder, 'rsa.key'), rsa);
    const selfSigned = ['req', '-x509', '-key', 'rsa.key', '-subj', '/CN=of RSA', '-days', '30'];
    const refused: [object, RegExp][] = [
      [{ 'ca.key': other['ca.key'] }, /ca.key is not the key of ca.crt/],
      [{ 'ca.crt': 'no PEM' }, /can not be read as PEM/],
      [{ 'ca.crt': gateway['tls.crt'], 'ca.key': gateway['tls.key'] }, /is the certificate of no CA/],
      [{ 'ca.crt': openssl(...selfSigned), 'ca.key': rsa }, /is no P-256 key/],
    ];
    for (const [change, reason] of refused) {
      await expect(issueCertificate({ ...authority, ...change }, AUDIT, NOW)).rejects.toThrow(reason);
    }
  });

  it('are issued by a CA that an operator has made', async () => {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'own.key');
    const usage = 'keyUsage=critical,keyCertSign';
    openssl(
      'req',
      '-x509',
      '-key',
      'own.key',
      '-subj',
      '/O=Operator/CN=Root',
      '-addext',
      usage,
      '-days',
      '30',
      '-out',
      'own.crt',
    );
    const own = {
      'ca.crt': openssl('x509', '-in', 'own.crt'),
      'ca.key': openssl('pkey', '-in', 'own.key', '-traditional'),
    };
    expect(own['ca.key']).toContain('BEGIN EC PRIVATE KEY');
    const issued = await issueCertificate(own, AUDIT, NOW);
    writeFileSync(join(folder, 'issued.crt'), issued['tls.crt']);
    expect(openssl('verify', '-x509_strict', '-CAfile', 'own.crt', 'issued.crt')).toBe('issued.crt: OK\n');
  });

  describe('on a connection', () => {
    const cert = ({ 'tls.crt': cert, 'tls.key': key }: typeof gateway) => ({ cert, key });

    async function handshake(
      client: object,
      servername = 'gateway',
    ): Promise<{ readonly client: string; readonly server: string }> {
      const server = createServer({
        ...cert(gateway),
        ca: authority['ca.crt'],
        requestCert: true,
        rejectUnauthorized: false,
      });
      const seen = new Promise<string>((resolve) => {
        server.once('secureConnection', (peer) => {
          resolve(peer.authorized ? String(peer.getPeerCertificate().subject.CN) : String(peer.authorizationError));
        });
        server.once('tlsClientError', (error) => resolve(error.message));
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as AddressInfo;
      const socket = connect({ port, host: '127.0.0.1', ca: authority['ca.crt'], servername, ...client });
      const outcome = new Promise<string>((resolve) => {
        socket.once('secureConnect', () => resolve(socket.getProtocol() ?? ''));
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      });
      try {
        const said = await outcome;
        return { client: said, server: await seen };
      } finally {
        socket.destroy();
        server.close();
      }
    }

    it.each(['gateway', 'gateway.token-relay.svc.cluster.local', 'localhost'])(
      'agree both ways, as %s',
      async (name) => {
        expect(await handshake(cert(audit), name)).toEqual({ client: 'TLSv1.3', server: 'audit' });
      },
    );

    it('do not for another name, or of another CA', async () => {
      expect((await handshake(cert(audit), 'resource')).client).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
      const other = await makeAuthority(NOW);
      const foreign = await issueCertificate(other, AUDIT, NOW);
      // Of two CAs with the same name: what tells them apart is the signature.
      expect((await handshake(cert(foreign))).server).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    });
  });
});
