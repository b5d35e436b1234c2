import { selfSigned, TestCa, type TestCertificate } from '@token-relay/testing/servers';
import { generateKeyPairSync } from 'node:crypto';
import { parseAuthorities, parseCredentials } from './certificate-files';
import { ConfigError } from './config';

const NOW = new Date('2026-06-01T12:00:00Z');
const at = (offsetMs: number): Date => new Date(NOW.getTime() + offsetMs);
/** A certificate's times are in whole seconds. */
const SECOND = 1_000;

describe('the files of a certificate', () => {
  let ca: TestCa;
  let own: TestCertificate;

  beforeAll(async () => {
    ca = await TestCa.create('CN=Test CA', { notBefore: at(-SECOND), notAfter: at(SECOND) });
    own = await ca.issue(['auth'], { notBefore: at(-SECOND), notAfter: at(SECOND) });
  });

  const parse = (changed: Partial<TestCertificate> = {}, now = NOW) => {
    const { cert, key, ca: authorities } = { ...own, ...changed };
    const [TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE] = [cert, key, authorities].map((text) => Buffer.from(text));
    return parseCredentials(
      { TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE } as Parameters<typeof parseCredentials>[0],
      now,
    );
  };
  const problemsOf = (run: () => unknown): readonly { readonly name: string; readonly reason: string }[] => {
    try {
      run();
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    return [];
  };
  const encrypted = (): string =>
    generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    }).privateKey;

  it('are taken as they are, and say when they expire', () => {
    const { client, expiresAt } = parse();
    expect(expiresAt).toEqual(at(SECOND));
    expect(String(client.cert as Buffer)).toBe(own.cert);
    expect(client.ca).toEqual([ca.pem.trim()]);
  });

  it.each([
    ['to the second', SECOND, []],
    ['not after it', SECOND + 1, [{ name: 'TLS_CERT_FILE', reason: 'has expired' }]],
    ['from the second', -SECOND, []],
    ['not before it', -SECOND - 1, [{ name: 'TLS_CERT_FILE', reason: 'is not valid yet' }]],
  ])('are valid %s', (_when, offset, problems) => {
    expect(problemsOf(() => parse({}, at(offset)))).toEqual(problems);
  });

  it.each<[string, () => Promise<Partial<TestCertificate>>, string, string]>([
    ['no certificate', () => Promise.resolve({ cert: 'SECRET' }), 'TLS_CERT_FILE', 'holds no certificate in PEM'],
    ['an empty certificate', () => Promise.resolve({ cert: '' }), 'TLS_CERT_FILE', 'holds no certificate in PEM'],
    ['no key', () => Promise.resolve({ key: 'SECRET' }), 'TLS_KEY_FILE', 'holds no private key in PEM'],
    ['an encrypted key', () => Promise.resolve({ key: encrypted() }), 'TLS_KEY_FILE', 'or an encrypted one'],
    [
      'the key of another certificate',
      async () => ({ key: (await ca.issue(['auth'])).key }),
      'TLS_KEY_FILE',
      'is of another certificate',
    ],
    ['no authority', () => Promise.resolve({ ca: 'SECRET' }), 'TLS_CA_FILE', 'holds no certificate in PEM'],
    [
      'an authority that can not be read',
      () => Promise.resolve({ ca: '-----BEGIN CERTIFICATE-----\nSECRET\n-----END CERTIFICATE-----' }),
      'TLS_CA_FILE',
      'holds a certificate that can not be read',
    ],
    [
      'an authority that is none',
      async () => ({ ca: (await selfSigned(['auth'])).cert }),
      'TLS_CA_FILE',
      'holds a certificate that is none of an authority',
    ],
    [
      'one authority that is none, beside one that is',
      async () => ({ ca: ca.pem + (await selfSigned(['auth'])).cert }),
      'TLS_CA_FILE',
      'holds a certificate that is none of an authority',
    ],
    [
      'the half of an authority, beside a whole one',
      () => Promise.resolve({ ca: ca.pem + ca.pem.slice(0, -40) }),
      'TLS_CA_FILE',
      'holds a certificate that can not be read',
    ],
    [
      'an authority in another format, beside one in this',
      () => Promise.resolve({ ca: ca.pem + ca.pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE') }),
      'TLS_CA_FILE',
      'holds a certificate that can not be read',
    ],
    [
      'the half of an intermediate certificate',
      () => Promise.resolve({ cert: own.cert + ca.pem.slice(0, -40) }),
      'TLS_CERT_FILE',
      'holds a certificate that can not be read',
    ],
    [
      'a certificate for servers only',
      () => ca.issue(['auth'], { notBefore: at(-SECOND), notAfter: at(SECOND), usages: ['serverAuth'] }),
      'TLS_CERT_FILE',
      'must be for servers and for clients',
    ],
    [
      'a certificate for clients only',
      () => ca.issue(['auth'], { notBefore: at(-SECOND), notAfter: at(SECOND), usages: ['clientAuth'] }),
      'TLS_CERT_FILE',
      'must be for servers and for clients',
    ],
  ])('are refused with %s, and nothing of them is shown', async (_what, changed, name, reason) => {
    const files = await changed();
    const problems = problemsOf(() => parse(files));
    expect(problems).toEqual([{ name, reason: expect.stringContaining(reason) as string }]);
    expect(JSON.stringify(problems)).not.toContain('SECRET');
  });

  it('may hold intermediate certificates behind the own', () => {
    expect(problemsOf(() => parse({ cert: own.cert + ca.pem }))).toEqual([]);
  });

  it('may hold authorities that stand close together', () => {
    const both = Buffer.from(ca.pem.trim() + ca.pem.trim());
    expect(parseAuthorities('TLS_CA_FILE', both, NOW)).toEqual([ca.pem.trim(), ca.pem.trim()]);
  });

  it('may hold an authority that has expired, beside one that has not', async () => {
    const old = await TestCa.create('CN=Old CA', { notBefore: at(-2 * SECOND), notAfter: at(-SECOND) });
    const bundle = (...pems: string[]) =>
      problemsOf(() => parseAuthorities('TLS_CA_FILE', Buffer.from(pems.join('')), NOW));
    expect(bundle(old.pem, ca.pem)).toEqual([]);
    expect(bundle(old.pem)).toEqual([{ name: 'TLS_CA_FILE', reason: 'has expired' }]);
  });
});
