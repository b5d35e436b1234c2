import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';

const HEARTBEAT_MS = 500;

/**
 * An issuer's feed of revocations on 127.0.0.1, for `RevocationFeed`: at first nothing is revoked. It takes any client.
 */
export class RevocationFeedServer {
  readonly #server: Server;
  readonly #subscribers = new Set<ServerResponse>();
  readonly #entries: object[] = [];
  readonly #beating: NodeJS.Timeout;
  #isSilent = false;

  private constructor(private readonly issuer: string) {
    this.#server = createServer((_request, response) => this.#serve(response));
    this.#beating = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  /** @param issuer `iss` of those whose tokens are revoked */
  static async start(issuer: string): Promise<RevocationFeedServer> {
    const server = new RevocationFeedServer(issuer);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/revocations/feed`;
  }

  /** Tells everybody, and whoever comes later. @param entry as `RevocationEntry` of jwt-guard has it */
  revoke(entry: object): void {
    this.#entries.push(entry);
    for (const subscriber of this.#subscribers) {
      write(subscriber, 'revoked', entry, this.#position);
    }
  }

  /** Sends nothing more, and keeps the connections: whoever listens falls behind. */
  fallSilent(): void {
    this.#isSilent = true;
  }

  async stop(): Promise<void> {
    clearInterval(this.#beating);
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get #position(): string {
    return `test.${this.#entries.length}`;
  }

  #serve(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    write(response, 'hello', { issuer: this.issuer, version: 1 });
    write(response, 'snapshot', { entries: this.#entries });
    if (this.#isSilent) return;
    write(response, 'snapshot-end', { ageMs: 0 }, this.#position);
    this.#subscribers.add(response);
    response.once('close', () => this.#subscribers.delete(response));
  }

  #beat(): void {
    if (this.#isSilent) return;
    for (const subscriber of this.#subscribers) write(subscriber, 'heartbeat', { ageMs: 0 });
  }
}

function write(response: ServerResponse, event: string, data: object, id?: string): void {
  response.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
}
