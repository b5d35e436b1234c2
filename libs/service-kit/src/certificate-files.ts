import { type ClientTls } from '@token-relay/jwt-guard';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { ConfigError } from './config';

/** The names in the environment that lead to the files of a service's certificate. */
export type CertificateFile = 'TLS_CERT_FILE' | 'TLS_KEY_FILE' | 'TLS_CA_FILE';

/** A service's certificate and whom it trusts, checked and ready to use. */
export interface Credentials {
  /** What is presented to other services, and trusted of them: the same object as long as it is the same certificate. */
  readonly client: ClientTls;
  /** The same for `node:tls`, for servers as well. */
  readonly secureContext: SecureContext;
  readonly expiresAt: Date;
  /** Whether it is signed by one of those whom it trusts itself, as are others who trust the same. */
  readonly isTrustedByItself: boolean;
}

/** What is older is deprecated (RFC 8996). */
export const MIN_VERSION = 'TLSv1.2';
const UNREADABLE = 'holds a certificate that can not be read';
/** Extended key usages (RFC 5280, section 4.2.1.12). */
const SERVER_AND_CLIENT = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @throws ConfigError naming the file that is of no use, and why, with nothing of what it holds */
export function parseCredentials(
  { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CA_FILE: authorities }: Readonly<Record<CertificateFile, Buffer>>,
  now = new Date(),
): Credentials {
  const texts = certificatesIn('TLS_CERT_FILE', cert);
  const chain = parsed('TLS_CERT_FILE', UNREADABLE, () => texts.map((text) => new X509Certificate(text)));
  const [certificate] = chain;
  if (!certificate) throw refused('TLS_CERT_FILE', 'holds no certificate in PEM');
  const privateKey = parsed('TLS_KEY_FILE', 'holds no private key in PEM, or an encrypted one', () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey)) throw refused('TLS_KEY_FILE', 'is of another certificate');
  if (now < new Date(certificate.validFrom)) throw refused('TLS_CERT_FILE', 'is not valid yet');
  if (now > new Date(certificate.validTo)) throw refused('TLS_CERT_FILE', 'has expired');
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (usages && !SERVER_AND_CLIENT.every((usage) => usages.includes(usage))) {
    throw refused('TLS_CERT_FILE', 'must be for servers and for clients: a service is both');
  }
  const ca = parseAuthorities('TLS_CA_FILE', authorities, now);
  const client = Object.freeze({ cert, key, ca });
  const secureContext = parsed('TLS_CERT_FILE', 'can not be used by OpenSSL', () =>
    createSecureContext({ ...client, minVersion: MIN_VERSION }),
  );
  const issuers = ca.map((text) => new X509Certificate(text));
  const isTrustedByItself = chain.some((one) =>
    issuers.some((issuer) => one.checkIssued(issuer) && one.verify(issuer.publicKey)),
  );
  return { client, secureContext, expiresAt: new Date(certificate.validTo), isTrustedByItself };
}

/**
 * The certificates of authorities, one by one: OpenSSL passes over those whose first line doesn't begin a line.
 *
 * @throws ConfigError
 */
export function parseAuthorities(name: string, pem: Buffer, now = new Date()): string[] {
  const found = certificatesIn(name, pem);
  const certificates = parsed(name, UNREADABLE, () => found.map((text) => new X509Certificate(text)));
  if (!certificates.every(({ ca }) => ca)) throw refused(name, 'holds a certificate that is none of an authority');
  // One that is about to be replaced may stand beside the next one.
  if (certificates.every(({ validTo }) => now > new Date(validTo))) throw refused(name, 'has expired');
  return found;
}

/** @throws ConfigError where some of it is none: what is passed over may be the half of one, or one in another format */
function certificatesIn(name: string, pem: Buffer): string[] {
  const text = pem.toString('latin1');
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw refused(name, 'holds no certificate in PEM');
  if (text.replaceAll(CERTIFICATE, '').includes('-----')) throw refused(name, UNREADABLE);
  return found;
}

function parsed<Value>(name: string, reason: string, parse: () => Value): Value {
  try {
    return parse();
  } catch {
    // What OpenSSL says of it is of no help, and may be about what is in there.
    throw refused(name, reason);
  }
}

function refused(name: string, reason: string): ConfigError {
  return new ConfigError([{ name, reason }]);
}
