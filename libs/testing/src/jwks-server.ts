import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';

/** A JWKS endpoint on 127.0.0.1 whose answers a test can change, and count. */
export class JwksServer {
  /** What is answered; a string is sent as it stands. */
  body: unknown;
  status = 200;
  headers: Record<string, string> = {};
  /** Doesn't answer at all while true. */
  hangs = false;
  /** How long an answer takes. */
  delayMs = 0;
  requests = 0;
  /** Headers of the request that came last. */
  lastHeaders: IncomingHttpHeaders = {};
  readonly #server: Server;

  private constructor(body: unknown) {
    this.body = body;
    this.#server = createServer((request, response) => {
      this.requests++;
      this.lastHeaders = request.headers;
      if (this.hangs) return;
      const answer = () => {
        response.writeHead(this.status, { 'content-type': 'application/jwk-set+json', ...this.headers });
        response.end(body);
      };
      // What it is when it is asked, whenever the answer arrives.
      const body = typeof this.body === 'string' ? this.body : JSON.stringify(this.body);
      if (this.delayMs > 0) setTimeout(answer, this.delayMs);
      else answer();
    });
  }

  static async start(body: unknown): Promise<JwksServer> {
    const server = new JwksServer(body);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
