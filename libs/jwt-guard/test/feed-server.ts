import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type RevocationEntry } from '../src/revocation/revocation-entry';

export const FEED_ISSUER = 'https://issuer.test';

/** One request for the feed, to be answered word by word. */
export class FeedConnection {
  readonly headers: IncomingHttpHeaders;
  readonly path: string | undefined;
  readonly method: string | undefined;
  /** What came with the request. */
  readonly body: Promise<string>;
  /** Whether the client has gone. */
  gone = false;

  constructor(
    request: IncomingMessage,
    readonly response: ServerResponse,
  ) {
    this.headers = request.headers;
    this.path = request.url;
    this.method = request.method;
    // Of a client that goes before it has sent all of it nobody asks.
    this.body = text(request).catch(() => '');
    response.once('close', () => (this.gone = true));
  }

  get lastEventId(): string | string[] | undefined {
    return this.headers['last-event-id'];
  }

  open(status = 200, headers: Record<string, string> = { 'content-type': 'text/event-stream' }): this {
    this.response.writeHead(status, headers).flushHeaders();
    return this;
  }

  raw(bytes: string | Uint8Array): this {
    this.response.write(bytes);
    return this;
  }

  event(name: string, data: unknown, id?: string): this {
    return this.raw(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  hello(issuer = FEED_ISSUER, version: unknown = 1): this {
    return this.event('hello', { issuer, version });
  }

  snapshot(...entries: unknown[]): this {
    return this.event('snapshot', { entries });
  }

  snapshotEnd(id: string | undefined, ageMs: unknown = 0): this {
    return this.event('snapshot-end', { ageMs }, id);
  }

  revoked(id: string | undefined, entry: RevocationEntry): this {
    return this.event('revoked', entry, id);
  }

  heartbeat(ageMs: unknown = 0): this {
    return this.event('heartbeat', { ageMs });
  }

  /** As far as a client needs it to be complete. */
  complete(id = 'stream.1', ...entries: RevocationEntry[]): this {
    return this.open()
      .hello()
      .snapshot(...entries)
      .snapshotEnd(id)
      .heartbeat();
  }

  end(): void {
    this.response.end();
  }

  /** Ends the connection in the middle of the answer. */
  cut(): void {
    this.response.socket?.destroy();
  }
}

/** A server that leaves every answer to its test. */
export class FeedServer {
  /** How many requests have come. */
  requests = 0;
  /** How many connections were made for them. */
  connections = 0;
  readonly #waiting: FeedConnection[] = [];
  readonly #server: Server;
  #taker: ((connection: FeedConnection) => void) | undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests++;
      const connection = new FeedConnection(request, response);
      if (this.#taker) this.#taker(connection);
      else this.#waiting.push(connection);
      this.#taker = undefined;
    });
    this.#server.on('connection', () => this.connections++);
  }

  static async start(port = 0): Promise<FeedServer> {
    const server = new FeedServer();
    await new Promise<void>((resolve) => server.#server.listen(port, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/revocations/feed`;
  }

  /** The next request that nobody has taken yet. */
  next(): Promise<FeedConnection> {
    const waiting = this.#waiting.shift();
    return waiting ? Promise.resolve(waiting) : new Promise((resolve) => (this.#taker = resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
