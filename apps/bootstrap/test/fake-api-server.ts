import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { issueCertificate, makeAuthority } from '../src/certificates';
import { type ServiceAccount } from '../src/place/service-account';
import { type Contents } from '../src/secrets';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/** A status, with the reason in the object that comes with it; silence; a broken connection; or what a proxy says. */
export type Fault = readonly [status: number, reason: string] | 'silence' | 'reset' | 'page' | Odd;
/** 200 with that as its body; or one that goes on for ever. */
export type Odd = { readonly body: string } | 'trickle';

const TOKEN = 'the-token-of-the-service-account';

/** Secrets of one namespace by HTTPS, as Kubernetes' API server keeps them. */
export class FakeApiServer {
  readonly secrets = new Map<string, { readonly type: string; readonly data: Readonly<Record<string, string>> }>();
  readonly requests: ReceivedRequest[] = [];
  /** What is answered to the next requests, one each, instead. */
  readonly faults: (Fault | undefined)[] = [];
  token = TOKEN;
  readonly #server: Server;

  private constructor(
    options: object,
    private readonly ca: string,
  ) {
    this.#server = createServer(options, (request, response) => {
      void this.#answer(request).then((answer) => {
        if (answer === 'silence') return;
        if (answer === 'reset') return void request.socket.destroy();
        if (answer === 'page') return void response.writeHead(502).end('<html>');
        if (answer === 'trickle') {
          const timer = setInterval(() => response.write(' '), 10);
          return void response.once('close', () => clearInterval(timer));
        }
        if ('body' in answer) return void response.end(answer.body);
        const [status, object] = answer;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(object));
      });
    });
  }

  static async start(): Promise<FakeApiServer> {
    const now = new Date();
    const authority = await makeAuthority(now);
    const names = { commonName: 'kubernetes', dns: ['kubernetes.default.svc'], ip: ['127.0.0.1'] };
    const { 'tls.crt': cert, 'tls.key': key } = await issueCertificate(authority, names, now);
    const api = new FakeApiServer({ cert, key }, authority['ca.crt']);
    await once(api.#server.listen(0, '127.0.0.1'), 'listening');
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  account(change: Partial<ServiceAccount> = {}): ServiceAccount {
    const server = `https://127.0.0.1:${this.port}`;
    return { server, ca: this.ca, namespace: 'relay', token: () => Promise.resolve(TOKEN), ...change };
  }

  /** What is kept, as it was before it was encoded. */
  get contents(): Map<string, Contents> {
    const decoded = (data: Readonly<Record<string, string>>): Contents =>
      Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
    return new Map([...this.secrets].map(([name, { data }]) => [name, decoded(data)]));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }

  async #answer(request: IncomingMessage): Promise<readonly [number, object] | 'silence' | 'reset' | 'page' | Odd> {
    const { method = '', url: path = '' } = request;
    const sent = await text(request);
    const body = sent === '' ? undefined : (JSON.parse(sent) as ReceivedRequest['body']);
    this.requests.push({ method, path, body });
    const fault = this.faults.shift();
    if (typeof fault === 'string' || (fault && 'body' in fault)) return fault;
    if (fault) return status(...fault);
    if (request.headers.authorization !== `Bearer ${this.token}`) return status(401, 'Unauthorized');
    const [, namespace, name] = /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/]+))?$/.exec(path) ?? [];
    if (namespace !== 'relay') return status(404, 'NotFound');
    if (method === 'GET' && name !== undefined) {
      const secret = this.secrets.get(name);
      return secret ? [200, { kind: 'Secret', metadata: { name }, ...secret }] : status(404, 'NotFound');
    }
    if (method !== 'POST' || name !== undefined) return status(405, 'MethodNotAllowed');
    const { metadata, type, data } = body as unknown as {
      metadata: { name: string };
      type: string;
      data: Record<string, string>;
    };
    if (this.secrets.has(metadata.name)) return status(409, 'AlreadyExists');
    this.secrets.set(metadata.name, { type, data });
    return [201, { kind: 'Secret', metadata, type, data }];
  }
}

function status(code: number, reason: string): readonly [number, object] {
  return [
    code,
    { kind: 'Status', status: 'Failure', reason, code, message: 'data[ca.key]: Invalid value: "a secret"' },
  ];
}
