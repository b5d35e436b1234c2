import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector } from 'undici';

type Pem = string | Buffer;

/** What connections to servers are secured with, in PEM, as `node:tls` takes it. */
export interface ClientTls {
  /**
   * Certificates of the authorities by which a server's certificate may be signed, in the place of those that Node comes
   * with. Default: those.
   */
  readonly ca?: Pem | readonly Pem[];
  /**
   * The certificate of this service, with those between it and its authority, for servers that ask for one (mutual TLS);
   * with `key`. Default: none.
   */
  readonly cert?: Pem | readonly Pem[];
  /** The private key of `cert`. */
  readonly key?: Pem;
}

/**
 * What connections are secured with; or what returns that. A function is asked at each new connection, and must answer at
 * once: so a certificate that was renewed counts without a restart, while open connections go on. The same object again
 * is the same certificate again: after a change it has to be another one. While it throws, no connection can be made.
 *
 * The name in the server's certificate is always checked, and TLS sessions aren't resumed: each connection is judged by
 * what counts when it is made. At least TLS 1.2.
 */
export type ClientTlsOption = ClientTls | (() => ClientTls);

/** What the next connection is secured with. */
export type CurrentContext = () => SecureContext;

/** @throws TypeError for what is none, or can't be used */
export function resolveClientTls(tls: ClientTlsOption | undefined): CurrentContext | undefined {
  if (tls === undefined) return undefined;
  if (typeof tls === 'function') return () => contextOf(tls());
  const context = contextOf(tls);
  return () => context;
}

/**
 * The option `connect` of undici's `Pool`, `Client` and `Agent`, for connections that are secured so.
 *
 * @param timeoutMs how long a connection may take, TLS and all, in milliseconds
 * @throws TypeError for a `tls` that is none, or can't be used
 */
export function tlsConnector(
  tls: ClientTlsOption | undefined,
  timeoutMs: number,
): buildConnector.connector | { readonly timeout: number } {
  return connectorWith(resolveClientTls(tls), timeoutMs);
}

/** The same with options that are resolved already. */
export function connectorWith(
  current: CurrentContext | undefined,
  timeoutMs: number,
): buildConnector.connector | { readonly timeout: number } {
  if (!current) return { timeout: timeoutMs };
  let built: { readonly context: SecureContext; readonly connect: buildConnector.connector } | undefined;
  return (options, callback) => {
    try {
      const context = current();
      if (built?.context !== context) {
        // A session that is resumed has been judged when it began: by certificates that may not count any more.
        const connect = buildConnector({ secureContext: context, timeout: timeoutMs, maxCachedSessions: 0 });
        built = { context, connect };
      }
      built.connect(options, callback);
    } catch (error) {
      callback(error as Error, null);
    }
  };
}

const contexts = new WeakMap<ClientTls, SecureContext>();

/** @throws TypeError naming what makes no sense, and nothing of what it holds */
function contextOf(tls: ClientTls): SecureContext {
  if (typeof tls !== 'object' || tls === null) {
    throw new TypeError('tls: must be an object { ca, cert, key }, or a function that returns one');
  }
  let context = contexts.get(tls);
  if (context) return context;
  const { ca, cert, key, ...others } = tls;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new TypeError(`tls.${other}: is not known; there are ca, cert and key`);
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('tls.cert, tls.key: both or neither');
  try {
    const options = {
      ...(ca !== undefined && { ca: listOf(ca) }),
      ...(cert !== undefined && { cert: listOf(cert), key }),
    };
    context = createSecureContext({ ...options, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new TypeError(`tls: can not be used: ${(error as Error).message}`, { cause: error });
  }
  contexts.set(tls, context);
  return context;
}

function listOf(pem: Pem | readonly Pem[]): Pem[] {
  return typeof pem === 'string' || Buffer.isBuffer(pem) ? [pem] : [...pem];
}
