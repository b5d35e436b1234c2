import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request as forward, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';

/** The client as it was built, and the page that uses it. */
const CLIENT = resolve(__dirname, '../../../libs/session-client/dist');
const PAGE = join(__dirname, 'page');
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
/** The client needs no more than that. */
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'";

/** Of one connection. */
const OWN_HEADERS = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];

const REFRESH = 'POST /auth/refresh';

/** An answer that has been made, and doesn't come until it is let go. */
export interface HeldAnswer {
  /** The server has answered. */
  readonly made: Promise<void>;
  letGo(): void;
}

/** Serves a page, and leads everything else to what is behind it: one origin, as a gateway has it. */
export class Front {
  /** What refreshes were answered with. */
  readonly refreshes: number[] = [];
  /** Tokens claim to live for so many seconds, if it is set. */
  claimedLifeSeconds: number | undefined;
  #target = '';
  /** What happens to the answer of the next refresh. */
  #next: (() => Promise<'passes' | 'gets lost'>) | undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Front> {
    if (!existsSync(join(CLIENT, 'index.js'))) throw new Error('Build it first: npx nx build session-client');
    const server = createServer();
    const front = new Front(server);
    server.on('request', (request, response) => void front.#answer(request, response));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return front;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  leadTo(url: string): void {
    this.#target = url;
  }

  /** The next refresh is answered, and nobody hears of it. */
  loseNextRefresh(): void {
    this.#next = () => Promise.resolve('gets lost');
  }

  holdNextRefresh(): HeldAnswer {
    let letGo = (): void => undefined;
    const gone = new Promise<'passes'>((done) => (letGo = () => done('passes')));
    const made = new Promise<void>((done) => {
      this.#next = () => {
        done();
        return gone;
      };
    });
    return { made, letGo: () => letGo() };
  }

  async stop(): Promise<void> {
    const closed = once(this.server.close(), 'close');
    this.server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // On a connection that was used before, Chromium would repeat what gets lost.
    response.setHeader('connection', 'close');
    try {
      const path = new URL(request.url ?? '/', this.origin).pathname;
      const file = path.startsWith('/session-client/')
        ? join(CLIENT, path.slice('/session-client/'.length))
        : join(PAGE, path === '/' ? 'index.html' : path);
      const type = TYPES[extname(file)];
      if (type === undefined) await this.#forward(request, response);
      else await this.#serve(file, type, response);
    } catch (error) {
      response.destroy(error as Error);
    }
  }

  async #serve(file: string, type: string, response: ServerResponse): Promise<void> {
    const content = await readFile(file).catch(() => undefined);
    response.writeHead(content ? 200 : 404, { 'content-type': type, 'content-security-policy': POLICY });
    response.end(content);
  }

  async #forward(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers } = asked;
    const outgoing = forward(`${this.#target}${asked.url}`, { method, headers: { ...headers, connection: 'close' } });
    asked.pipe(outgoing);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const body = this.#claimed(await buffer(answer));
    if (`${method} ${asked.url}` === REFRESH) {
      this.refreshes.push(answer.statusCode ?? 0);
      const next = this.#next;
      this.#next = undefined;
      if ((await next?.()) === 'gets lost') return void response.destroy();
    }
    const kept = Object.entries(answer.headers).filter(([name]) => !OWN_HEADERS.includes(name));
    response.writeHead(answer.statusCode ?? 502, { ...Object.fromEntries(kept), 'content-length': body.length });
    response.end(body);
  }

  #claimed(body: Buffer): Buffer {
    if (this.claimedLifeSeconds === undefined || !body.includes('"expires_in"')) return body;
    const grant = JSON.parse(body.toString('utf8')) as object;
    return Buffer.from(JSON.stringify({ ...grant, expires_in: this.claimedLifeSeconds }));
  }
}
