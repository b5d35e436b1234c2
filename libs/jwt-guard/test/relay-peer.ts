import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server on 127.0.0.1 whose every answer the test makes. */
export class RelayPeer {
  readonly requests: Received[] = [];
  readonly sockets = new Set<Socket>();
  answer: (response: ServerResponse, received: Received, request: IncomingMessage) => void = (response) =>
    void response.end('{}');
  readonly #server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, url, headers, body: Buffer.concat(chunks).toString() };
      this.requests.push(received);
      this.answer(response, received, request);
    });
  });

  async start(): Promise<this> {
    this.#server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** An issuer's token endpoint: `given` counts what it gives, by what was asked for. */
export class RelayIssuerPeer extends RelayPeer {
  readonly forms: Record<string, string>[] = [];
  expiresIn = 300;

  constructor() {
    super();
    this.answer = (response, { body }) => {
      const form = Object.fromEntries(new URLSearchParams(body));
      this.forms.push(form);
      const isTransaction = form.requested_token_type?.endsWith(':txn_token');
      const kind = isTransaction ? 'txn' : form.grant_type === 'client_credentials' ? 'own' : 'exchanged';
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          access_token: `${kind}-${this.forms.length}`,
          token_type: isTransaction ? 'N_A' : 'Bearer',
          expires_in: this.expiresIn,
        }),
      );
    };
  }
}
