import { constants, type X509Certificate } from 'node:crypto';
import { type Socket } from 'node:net';
import { type SecureContextOptions, type Server, type TlsOptions, type TLSSocket } from 'node:tls';
import { MIN_VERSION } from './certificate-files';
import { type Logger } from './logger';
import { RefusedClients } from './refused-clients';
import { type ServiceTls } from './tls';

/** How long a handshake may take, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** By TLS 1.2 a client may ask for a new handshake as often as it likes, which costs the server far more than the client. */
const { SSL_OP_NO_RENEGOTIATION: NO_RENEGOTIATION, SSL_OP_NO_TICKET: NO_TICKETS } = constants;

/**
 * Who may connect. `certified`: whoever has a certificate of the authority that the service trusts, and of those the ones
 * on its list, if it has one. `anybody`: nobody is asked for a certificate.
 */
export type Clients = 'certified' | 'anybody';

/**
 * How a server of `node:tls` or `node:https` is made; `undefined` where there is no certificate. It has to be given to
 * `secureServer` then.
 */
export function serverTls(tls: ServiceTls | undefined, clients: Clients): TlsOptions | undefined {
  const connection = tls?.connection;
  if (!tls?.client || !connection) return undefined;
  const options = { ...contextOf(tls, clients), handshakeTimeout: HANDSHAKE_TIMEOUT_MS } as const;
  if (clients === 'anybody') return { ...options, requestCert: false };
  return { ...options, requestCert: true, rejectUnauthorized: true };
}

/**
 * Keeps a server that was made with `serverTls` as it is to be: it presents what the files hold now, and cuts off who may
 * not connect, which is logged.
 *
 * @returns ends the handshakes that are under way, and those that begin later: nobody waits for them at the end
 */
export function secureServer(server: Server, tls: ServiceTls, clients: Clients, logger: Logger): () => void {
  tls.onChange(() => server.setSecureContext(contextOf(tls, clients)));
  const refused = new RefusedClients(logger);
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const { authorizationError } = socket as TLSSocket & { authorizationError?: unknown };
    const reason = String(authorizationError ?? error.code ?? 'unknown');
    // Who goes away again at once, as a probe does, was not refused; and to a port for anybody all sorts of things come.
    if (clients === 'anybody' || reason === 'ECONNRESET') logger.debug({ reason }, 'a TLS handshake failed');
    else refused.tell({ reason });
  });
  const { allowedClients } = tls;
  if (clients === 'certified' && allowedClients) {
    // Before the listeners of the server itself, which find nothing to read.
    server.prependListener('secureConnection', (socket) => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate && allowedClients.some((name) => isNamed(certificate, name))) return;
      refused.tell({ reason: 'not in TLS_CLIENTS', certificate: nameIn(certificate) });
      socket.destroy();
    });
  }
  return trackHandshakes(server);
}

/** What is said again with each renewed certificate: it is taken for unset else. */
function contextOf(tls: ServiceTls, clients: Clients): SecureContextOptions {
  // A session that is resumed has been judged when it began, by an authority and a list that may not count any more.
  const secureOptions = clients === 'certified' ? NO_RENEGOTIATION | NO_TICKETS : NO_RENEGOTIATION;
  return { ...(tls.client?.() as SecureContextOptions), minVersion: MIN_VERSION, secureOptions };
}

/** Among its alternative names, as it stands there: a `*` in a certificate stands for nobody, and its subject neither. */
function isNamed(certificate: X509Certificate, name: string): boolean {
  return certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined;
}

function nameIn(certificate: X509Certificate | undefined): string {
  return (certificate?.subjectAltName ?? certificate?.subject ?? 'none').replace(/[^\x20-\x7e]/g, ' ').slice(0, 200);
}

function trackHandshakes(server: Server): () => void {
  const underWay = new Map<string, Socket>();
  let ending = false;
  // The connection below, which the one that is secured has the address of.
  server.on('connection', (socket: Socket) => {
    if (ending) {
      socket.destroy();
      return;
    }
    const address = addressOf(socket);
    underWay.set(address, socket);
    socket.once('close', () => underWay.delete(address));
  });
  server.on('secureConnection', (socket) => underWay.delete(addressOf(socket)));
  return () => {
    ending = true;
    for (const socket of underWay.values()) socket.destroy();
  };
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
