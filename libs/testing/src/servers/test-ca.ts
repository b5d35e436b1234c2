import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** A certificate with its key, and the authority that it is from: PEM, all three. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface Validity {
  /** Default: yesterday. */
  readonly notBefore?: Date;
  /** Default: tomorrow. */
  readonly notAfter?: Date;
}

export interface Leaf extends Validity {
  /** What it is for. Default: servers and clients. */
  readonly usages?: readonly (keyof typeof ExtendedKeyUsage)[];
  /** Default: the first of its names. */
  readonly commonName?: string;
}

type Keys = Awaited<ReturnType<typeof generateKeys>>;

/** A certificate authority of a test's own, which gives whatever certificates it is asked for. */
export class TestCa {
  private constructor(
    private readonly name: string,
    private readonly keys: Keys,
    /** Its certificate, in PEM. */
    readonly pem: string,
  ) {}

  static async create(name = 'CN=Test CA', validity: Validity = {}): Promise<TestCa> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...basics(validity),
      name,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new TestCa(name, keys, `${certificate.toString('pem')}\n`);
  }

  /** @param names DNS names and IP addresses */
  async issue(names: readonly string[], leaf: Leaf = {}): Promise<TestCertificate> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.create({
      ...basics(leaf),
      subject: commonName(leaf.commonName === undefined ? names : [leaf.commonName]),
      issuer: this.name,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      extensions: [
        ...leafExtensions(names, leaf.usages),
        await AuthorityKeyIdentifierExtension.create(this.keys.publicKey),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return { cert: `${certificate.toString('pem')}\n`, key: await pemOf(keys), ca: this.pem };
  }
}

/** A certificate that no authority has signed. */
export async function selfSigned(names: readonly string[]): Promise<TestCertificate> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...basics({}),
    name: commonName(names),
    keys,
    extensions: leafExtensions(names),
  });
  const cert = `${certificate.toString('pem')}\n`;
  return { cert, key: await pemOf(keys), ca: cert };
}

/** A folder with `tls.crt`, `tls.key` and `ca.crt`, as an orchestrator mounts a Secret: changed in one step. */
export class MountedSecret {
  readonly #folder: string;
  #versions = 0;

  /** @param parent where the folder is made */
  constructor(parent: string, content: TestCertificate) {
    this.#folder = mkdtempSync(join(parent, 'tls-'));
    this.put(content);
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) symlinkSync(join('..data', name), this.path(name));
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** What a service has to be told to use it. */
  get environment() {
    return {
      TLS_CERT_FILE: this.path('tls.crt'),
      TLS_KEY_FILE: this.path('tls.key'),
      TLS_CA_FILE: this.path('ca.crt'),
    };
  }

  put({ cert, key, ca }: TestCertificate): void {
    const version = `..version-${this.#versions++}`;
    mkdirSync(this.path(version));
    for (const [name, text] of [
      ['tls.crt', cert],
      ['tls.key', key],
      ['ca.crt', ca],
    ] as const) {
      writeFileSync(join(this.#folder, version, name), text, { mode: 0o600 });
    }
    symlinkSync(version, this.path('..data_tmp'));
    renameSync(this.path('..data_tmp'), this.path('..data'));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function generateKeys() {
  return webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
}

function basics({ notBefore, notAfter }: Validity) {
  return {
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    notBefore: notBefore ?? new Date(Date.now() - DAY_MS),
    notAfter: notAfter ?? new Date(Date.now() + DAY_MS),
    signingAlgorithm: SIGNATURE,
  };
}

function commonName([name = 'nobody']: readonly string[]): string {
  return `CN=${name}`;
}

function leafExtensions(names: readonly string[], usages: Leaf['usages'] = ['serverAuth', 'clientAuth']) {
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(usages.map((usage) => ExtendedKeyUsage[usage])),
    new SubjectAlternativeNameExtension(
      names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
    ),
  ];
}

async function pemOf({ privateKey }: Keys): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
}
