import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What a request to open a socket has come by. */
export interface Upgrade {
  readonly socket: Socket;
  /** What the client has sent after it. */
  readonly head: Buffer;
}

/** What a client may have sent before its socket is there. */
const MAX_EARLY_BYTES = 64 * 1024;

const SWITCHING_PROTOCOLS = 101;

const asked = new WeakMap<IncomingMessage, EarlyBytes>();

/**
 * Lets requests for an upgrade go the way of all others – through the router, the guard, the filters – until somebody
 * takes the connection. Nobody has to: then it is answered as any other (RFC 9110, section 7.8).
 */
export function routeUpgrades(server: Server): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => answering.set(request.socket, response));
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    // Of a server of node:http it is one.
    const socket = connection as Socket;
    whenAnswered(socket, () => {
      if (isWebSocket(request)) route(server, request, socket, head);
      else readAgain(server, request, socket, head);
    });
  });
}

/** What each connection was, or is being, answered last. */
const answering = new WeakMap<Socket, ServerResponse>();

/**
 * At once, or when the request before it on this connection is answered: a client may have sent one after the other, and
 * of what it has stopped reading Node doesn't keep the order.
 */
function whenAnswered(socket: Socket, run: () => void): void {
  const before = answering.get(socket);
  if (!before || before.writableFinished) return run();
  socket.pause();
  before.once('close', () => {
    if (socket.destroyed) return;
    run();
    socket.resume();
  });
}

function route(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const response = new ServerResponse(request);
  // Node reads no second request from it.
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  // Nobody else listens as long as there is no WebSocket.
  socket.on('error', () => undefined);
  response.once('finish', () => socket.destroySoon());
  asked.set(request, new EarlyBytes(socket, head));
  server.emit('request', request, response);
}

/**
 * A request that asks for something else – HTTP/2 in clear, which some clients always try – is answered as if it hadn't
 * (RFC 9110, section 7.8), with its body: Node has stopped reading it, and begins again without what it stopped for.
 */
function readAgain(server: Server, request: IncomingMessage, socket: Socket, rest: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value;
    if (!OF_UPGRADES.has(name.toLowerCase()) && kept !== '') lines.push(`${name}: ${kept}`);
  }
  // What has been parsed holds no line break that could begin a header of its own.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), rest]));
  // What has been decrypted is not to be decrypted again.
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
}

const OF_UPGRADES = new Set(['upgrade', 'http2-settings']);

function withoutUpgrade(connection: string): string {
  const names = connection.split(',').map((name) => name.trim());
  return names.filter((name) => !OF_UPGRADES.has(name.toLowerCase())).join(', ');
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
  response.statusCode = SWITCHING_PROTOCOLS;
  // For whoever waits for the end of the answer; it never had a beginning.
  response.emit('close');
  return early.handOver();
}

function isWebSocket({ method, headers: { upgrade } }: IncomingMessage): boolean {
  return method === 'GET' && upgrade?.toLowerCase() === 'websocket';
}
