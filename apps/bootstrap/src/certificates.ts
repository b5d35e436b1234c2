import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { createPrivateKey, KeyObject, X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import { Refused } from './refused';
import { type CA, type certificateOf, type Contents } from './secrets';

type Authority = Contents<(typeof CA.keys)[number]>;
type ServerCertificate = Contents<ReturnType<typeof certificateOf>['keys'][number]>;

const KEYS = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNATURE = { ...KEYS, hash: 'SHA-256' };
const YEARS = 10;
/** How far behind a clock may be that looks at a new certificate. */
const EARLIER_MS = 3_600_000;

/** What a certificate is for. */
export interface Names {
  readonly commonName: string;
  readonly dns: readonly string[];
  readonly ip: readonly string[];
}

/** The names by which a service is called in Kubernetes and in a compose file, and some as well through a forwarded port. */
export function namesOf(server: string, namespace: string, isLocal: boolean): Names {
  const inCluster = [namespace, `${namespace}.svc`, `${namespace}.svc.cluster.local`];
  return {
    commonName: server,
    dns: [server, ...inCluster.map((suffix) => `${server}.${suffix}`), ...(isLocal ? ['localhost'] : [])],
    ip: isLocal ? ['127.0.0.1'] : [],
  };
}

/** A CA of one's own (RFC 5280), good for ten years: it signs certificates, and no other CAs. */
export async function makeAuthority(now: Date): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['token-relay CA'] }],
    serialNumber: newSerialNumber(),
    keys,
    signingAlgorithm: SIGNATURE,
    ...validity(now),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { 'ca.crt': pem(certificate), 'ca.key': privatePem(keys) };
}

/**
 * A certificate of that CA for a server that is a client as well, good for ten years, or for as long as the CA.
 *
 * @throws Refused where the CA is none, or not good any more
 */
export async function issueCertificate(authority: Authority, names: Names, now: Date): Promise<ServerCertificate> {
  const issuer = await opened(authority, now);
  const keys = await newKeys();
  const identifier = issuer.certificate.getExtension(SubjectKeyIdentifierExtension);
  const alternatives: JsonGeneralNames = [
    ...names.dns.map((value) => ({ type: 'dns' as const, value })),
    ...names.ip.map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [names.commonName] }],
    issuer: issuer.certificate.subjectName,
    serialNumber: newSerialNumber(),
    publicKey: keys.publicKey,
    signingKey: issuer.key,
    signingAlgorithm: SIGNATURE,
    ...validity(now, issuer.certificate.notAfter),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(alternatives),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(identifier ? [new AuthorityKeyIdentifierExtension(identifier.keyId)] : []),
    ],
  });
  return { 'tls.crt': pem(certificate), 'tls.key': privatePem(keys), 'ca.crt': authority['ca.crt'] };
}

async function opened(authority: Authority, now: Date) {
  let certificate: NodeCertificate;
  let key: KeyObject;
  try {
    certificate = new NodeCertificate(authority['ca.crt']);
    key = createPrivateKey(authority['ca.key']);
  } catch (cause) {
    throw new Refused('ca: ca.crt or ca.key can not be read as PEM', { cause });
  }
  if (!certificate.ca) throw new Refused('ca: ca.crt is the certificate of no CA');
  if (!certificate.checkPrivateKey(key)) throw new Refused('ca: ca.key is not the key of ca.crt');
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Refused('ca: ca.key is no P-256 key');
  if (new Date(certificate.validTo) <= now)
    throw new Refused('ca: ca.crt has expired: docs/bootstrap.md says how to replace it');
  const encoded = key.export({ type: 'pkcs8', format: 'der' });
  return {
    certificate: new X509Certificate(certificate.raw),
    key: await webcrypto.subtle.importKey('pkcs8', encoded, KEYS, false, ['sign']),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
}

/** 128 random bits, as positive as a serial number has to be (RFC 5280, section 4.1.2.2). */
function newSerialNumber(): string {
  return randomBytes(16).toString('hex');
}

function validity(now: Date, most?: Date) {
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(now.getUTCFullYear() + YEARS);
  return {
    notBefore: new Date(now.getTime() - EARLIER_MS),
    notAfter: most !== undefined && most < notAfter ? most : notAfter,
  };
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function privatePem({ privateKey }: webcrypto.CryptoKeyPair): string {
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
}
