import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

const TIMEOUT_MS = 5_000;
const MAX_HEADER_BYTES = 8 * 1024;
/** Probes and scrapers are few; whoever opens more has to wait, and takes nothing from the service. */
const MAX_CONNECTIONS = 64;

export interface ManagementAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What can be asked for, by its path. */
export type ManagementPages = Readonly<Record<string, () => ManagementAnswer | Promise<ManagementAnswer>>>;

/**
 * The port of whoever runs a service: plain HTTP, for those who have no certificate, and apart from that of its callers.
 * It answers `GET` and `HEAD` of a few paths, reads no body, and talks to nobody itself.
 */
export class ManagementServer {
  readonly #server: Server;

  constructor(
    private readonly pages: ManagementPages,
    private readonly failed: (error: unknown) => void,
  ) {
    const options = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      keepAliveTimeout: TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    };
    this.#server = createServer(options, (request, response) => void this.#answer(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
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

/** Whatever may follow on the connection is not read. */
function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
}
