import { type AbortSignalLike, VerifierUnavailable } from '@token-relay/jwt-guard';
import { type TlsConnection } from '@token-relay/service-kit';
import { type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

export interface ServiceSocketOptions {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly maxMessageBytes: number;
  readonly timeoutMs: number;
  readonly hop: string;
  /** What a connection by `wss:` is secured with. Default: what Node trusts, and no certificate. */
  readonly tls?: TlsConnection | undefined;
  /** Aborted when the client doesn't wait any more. */
  readonly signal: AbortSignalLike;
}

/**
 * What became of a request to open a socket: the socket, of which nothing has been read, and the subprotocol that the
 * service has chosen, if any; or an answer in its place.
 */
export type Opened = { readonly socket: WebSocket; readonly protocol: string } | { readonly answer: IncomingMessage };

/** How long the other side may take to answer a close, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Opens a socket to a service.
 *
 * @throws VerifierUnavailable `upstream_unreachable`, `upstream_timeout`, `upstream_failed`
 */
export function openServiceSocket(options: ServiceSocketOptions): Promise<Opened> {
  const { url, protocols, headers, maxMessageBytes, timeoutMs, hop, tls, signal } = options;
  const settings = {
    // Node takes lists as well. The subprotocols are not given to ws, which wants one of them to be chosen: a service need
    // not (RFC 6455, section 4.2.2), and what a client makes of that is the client's to decide.
    headers: { ...headers, ...(protocols.length > 0 && { [PROTOCOL]: protocols.join(',') }) } as Record<string, string>,
    maxPayload: maxMessageBytes,
    handshakeTimeout: timeoutMs,
    perMessageDeflate: false,
    followRedirects: false,
    autoPong: false,
    // Not in its types yet.
    closeTimeout: CLOSE_TIMEOUT_MS,
    ...tls,
  };
  const socket = new WebSocket(url, [], settings);
  let protocol = '';
  socket.once('upgrade', ({ headers: answered }: IncomingMessage) => {
    protocol = answered[PROTOCOL] ?? '';
    // Of one that nobody has offered ws says that it fails the connection (section 4.1).
    if (protocols.includes(protocol)) delete answered[PROTOCOL];
  });
  const abort = (): void => socket.terminate();
  signal.addEventListener('abort', abort);
  return new Promise<Opened>((resolve, reject) => {
    socket.once('open', () => {
      // Until there is somebody to give it to.
      socket.pause();
      resolve({ socket, protocol });
    });
    socket.once('unexpected-response', (_request, answer: IncomingMessage) => resolve({ answer }));
    socket.on('error', (cause) => reject(new VerifierUnavailable(codeOf(cause), { cause, hop })));
  }).finally(() => signal.removeEventListener('abort', abort));
}

const PROTOCOL = 'sec-websocket-protocol';
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

function codeOf(
  cause: Error & { readonly code?: string },
): 'upstream_unreachable' | 'upstream_timeout' | 'upstream_failed' {
  if (cause.message === 'Opening handshake has timed out') return 'upstream_timeout';
  return UNREACHABLE.has(cause.code ?? '') ? 'upstream_unreachable' : 'upstream_failed';
}
