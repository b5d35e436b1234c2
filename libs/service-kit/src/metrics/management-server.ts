import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

const MAX_HEADER_BYTES = 8 * 1024;
/** Probes and scrapers are few; what is opened beyond these is closed at once, until one of them ends. */
const MAX_CONNECTIONS = 64;
/** So each of them ends soon, whether its client sends, or reads, or not. */
const CONNECTION_MS = 10_000;

export interface ManagementAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What can be asked for, by its path. */
export type ManagementPages = Readonly<Record<string, () => ManagementAnswer | Promise<ManagementAnswer>>>;

/**
 * The port of whoever runs a service: plain HTTP, for those who have no certificate, and apart from that of its callers.
 * It answers `GET` and `HEAD` of a few paths, reads no body, and talks to nobody itself. A connection is for one request.
 */
export class ManagementServer {
  readonly #server: Server;

  /** @param connectionMs how long a connection lasts at most, in milliseconds */
  constructor(
    private readonly pages: ManagementPages,
    private readonly failed: (error: unknown) => void,
    connectionMs = CONNECTION_MS,
  ) {
    const options = { maxHeaderSize: MAX_HEADER_BYTES };
    this.#server = createServer(options, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('connection', (socket) => {
      const limit = setTimeout(() => socket.destroy(), connectionMs).unref();
      socket.once('close', () => clearTimeout(limit));
    });
  }

  /** @returns where it listens, as `http://127.0.0.1:9464` */
  async listen(port: number, host: string): Promise<string> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    const { address, port: opened, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${opened}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whatever may follow on the connection is not read.
    response.setHeader('connection', 'close');
    const path = url.split('?', 1)[0] ?? '';
    const page = Object.hasOwn(this.pages, path) ? this.pages[path] : undefined;
    if (!page) return refuse(response, 404);
    if (method !== 'GET' && method !== 'HEAD') return refuse(response.setHeader('allow', 'GET, HEAD'), 405);
    try {
      const { status, type, body } = await page();
      const length = Buffer.byteLength(body);
      response.writeHead(status, { 'content-type': type, 'content-length': length, 'cache-control': 'no-store' });
      response.end(method === 'HEAD' ? undefined : body);
    } catch (error) {
      this.failed(error);
      refuse(response, 500);
    }
  }
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}
