import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { type Duplex } from 'node:stream';

/** What a request to open a socket has come by. */
export interface Upgrade {
  readonly socket: Socket;
  /** What the client has sent after it. */
  readonly head: Buffer;
}

/** What a client may have sent before its socket is there. */
const MAX_EARLY_BYTES = 64 * 1024;

const asked = new WeakMap<IncomingMessage, EarlyBytes>();

/**
 * Lets requests for an upgrade go the way of all others – through the router, the guard, the filters – until somebody
 * takes the connection. Nobody has to: then it is answered as any other (RFC 9110, section 7.8).
 */
export function routeUpgrades(server: Server): void {
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    // Of a server of node:http it is one.
    const socket = connection as Socket;
    const response = new ServerResponse(request);
    // Node reads no second request from it.
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // Nobody else listens as long as there is no WebSocket.
    socket.on('error', () => undefined);
    response.once('finish', () => socket.destroySoon());
    if (isWebSocket(request)) asked.set(request, new EarlyBytes(socket, head));
    else socket.resume();
    server.emit('request', request, response);
  });
}

/** Reads a connection that nobody reads yet: that its client has gone would not be seen else. */
class EarlyBytes {
  readonly #chunks: Buffer[];
  #length: number;

  constructor(
    readonly socket: Socket,
    head: Buffer,
  ) {
    this.#chunks = [head];
    this.#length = head.length;
    socket.on('data', this.#onData).on('end', this.#onEnd);
  }

  /** Reads no more of it. */
  handOver(): Upgrade {
    this.socket.off('data', this.#onData).off('end', this.#onEnd);
    // On the next turn, when whoever takes it listens.
    this.socket.resume();
    return { socket: this.socket, head: Buffer.concat(this.#chunks) };
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= MAX_EARLY_BYTES) this.socket.pause();
  };

  readonly #onEnd = (): void => {
    // Half a connection is none for a socket.
    this.socket.destroy();
  };
}

/** Whether a request asks for a WebSocket, and nobody has taken its connection. */
export function asksForWebSocket(request: object): boolean {
  return asked.has(request as IncomingMessage);
}

/** Takes the connection of a request: nothing is answered by HTTP any more. */
export function takeConnection(request: IncomingMessage, response: ServerResponse): Upgrade {
  const early = asked.get(request);
  if (!early || response.headersSent) throw new Error('there is no connection to take');
  asked.delete(request);
  response.detachSocket(early.socket);
  // For whoever waits for the end of the answer; it never had a beginning.
  response.emit('close');
  return early.handOver();
}

function isWebSocket({ method, headers: { upgrade } }: IncomingMessage): boolean {
  return method === 'GET' && upgrade?.toLowerCase() === 'websocket';
}
