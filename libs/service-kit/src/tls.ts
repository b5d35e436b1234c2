import { type ClientTls } from '@token-relay/jwt-guard';
import { createSecureContext, type SecureContext } from 'node:tls';
import { z } from 'zod';
import {
  type CertificateFile,
  type Credentials,
  MIN_VERSION,
  parseAuthorities,
  parseCredentials,
} from './certificate-files';
import { ConfigError } from './config';
import { type Logger } from './logger';
import { WatchedFiles } from './watched-files';

const FILES = ['TLS_CERT_FILE', 'TLS_KEY_FILE', 'TLS_CA_FILE'] as const satisfies readonly CertificateFile[];

/** `TLS_CLIENTS`: names in certificates, joined by commas. A list without a name would be one of nobody, or of anybody. */
export const tlsClients = () =>
  z
    .string()
    .transform((text) => text.split(',').map((name) => name.trim().toLowerCase()))
    .pipe(z.array(z.string().regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/, 'must be DNS names, joined by commas')))
    .optional();

export type TlsConfig = Readonly<Partial<Record<CertificateFile | 'REDIS_CA_FILE', string | undefined>>> & {
  readonly TLS_CLIENTS?: readonly string[] | undefined;
};

/** What the next connection is secured with, for `node:tls`: to be read when it is made. */
export interface TlsConnection {
  readonly secureContext: SecureContext;
}

/**
 * What this service presents, and whom it trusts, on every connection that it makes or takes. The files are looked at for
 * as long as the service runs: what was renewed counts for the connections that are made from then on.
 */
export class ServiceTls {
  /** The names in certificates of those that may call; `undefined` for whoever has a certificate. */
  readonly allowedClients: readonly string[] | undefined;
  readonly #own: WatchedFiles<CertificateFile, Credentials> | undefined;
  readonly #redisCa: WatchedFiles<'REDIS_CA_FILE', string[]> | undefined;
  readonly #listeners = new Set<() => void>();

  /** @throws ConfigError when only some of the files are named, or one is of no use */
  constructor(config: TlsConfig, logger: Pick<Logger, 'info' | 'warn'>) {
    const missing = FILES.filter((name) => config[name] === undefined);
    if (missing.length > 0 && missing.length < FILES.length) {
      throw new ConfigError(missing.map((name) => ({ name, reason: `is missing: ${FILES.join(', ')} go together` })));
    }
    this.allowedClients = config.TLS_CLIENTS;
    if (config.TLS_CLIENTS && missing.length > 0) {
      throw new ConfigError([{ name: 'TLS_CLIENTS', reason: `needs ${FILES.join(', ')}` }]);
    }
    const refused = (reason: string): void =>
      logger.warn({ reason }, 'renewed certificates are refused: the old go on');
    // While one authority replaces another that may be as it is meant.
    const warnOf = ({ isTrustedByItself }: Credentials): void => {
      if (!isTrustedByItself)
        logger.warn('TLS_CERT_FILE is signed by none of TLS_CA_FILE: who trusts the same refuses it');
    };
    if (missing.length === 0) {
      this.#own = new WatchedFiles({
        paths: Object.fromEntries(FILES.map((name) => [name, config[name]])) as Record<CertificateFile, string>,
        parse: parseCredentials,
        changed: (credentials) => {
          for (const listener of this.#listeners) listener();
          logger.info({ expiresAt: credentials.expiresAt }, 'renewed certificates are in use');
          warnOf(credentials);
        },
        refused,
      });
      warnOf(this.#own.content);
    }
    if (config.REDIS_CA_FILE !== undefined) {
      this.#redisCa = new WatchedFiles({
        paths: { REDIS_CA_FILE: config.REDIS_CA_FILE },
        parse: ({ REDIS_CA_FILE: pem }) => parseAuthorities('REDIS_CA_FILE', pem),
        refused,
      });
    }
  }

  /** When the certificate that is in use expires; `undefined` where there is none. */
  get expiresAt(): Date | undefined {
    return this.#own?.content.expiresAt;
  }

  /** For jwt-guard's option `tls`; `undefined` where there is no certificate. */
  get client(): (() => ClientTls) | undefined {
    const own = this.#own;
    return own && (() => own.content.client);
  }

  /** The certificate as it is now, and for whoever makes connections by `node:tls`; `undefined` where there is none. */
  get connection(): TlsConnection | undefined {
    const own = this.#own;
    if (!own) return undefined;
    return {
      get secureContext() {
        return own.content.secureContext;
      },
    };
  }

  /** The same for connections to a Redis, which may be of another authority. */
  get redis(): TlsConnection | undefined {
    const [own, redisCa] = [this.#own, this.#redisCa];
    if (!redisCa) return this.connection;
    return {
      get secureContext() {
        return createSecureContext({ ...own?.content.client, ca: redisCa.content, minVersion: MIN_VERSION } as object);
      },
    };
  }

  /** @param listener is called when the certificate, or whom it trusts, has changed */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Looks at the files now. */
  async look(): Promise<void> {
    await Promise.all([this.#own?.look(), this.#redisCa?.look()]);
  }

  /** Looks at the files no more. */
  close(): void {
    this.#own?.close();
    this.#redisCa?.close();
  }
}
