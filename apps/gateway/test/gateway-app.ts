import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { type Claims, RevocationFeedServer, TestClock, TestIssuer } from '@token-relay/testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from '../src/app.module';
import { loadGatewayConfig } from '../src/gateway.config';

const ISSUER = 'https://issuer.test';
const SECRET = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT';

export interface GatewayAppOptions {
  /** What stands behind the gateway; it is auth's token endpoint as well. */
  readonly service: RequestListener;
  /** As `ROUTES_FILE` has it, with `SERVICE` for the service's origin. */
  readonly table?: object;
  readonly environment?: Readonly<Record<string, string>>;
  /** Where the console was built to. */
  readonly consoleFolder?: string;
}

/** A gateway, with one service behind it and an issuer whose tokens it takes. */
export class GatewayApp {
  /** Requests for tokens, as forms. */
  readonly exchanges: URLSearchParams[] = [];
  readonly lines: string[] = [];

  private constructor(
    readonly issuer: TestIssuer,
    readonly service: Server,
    readonly feed: RevocationFeedServer,
    /** What the issuer publishes; a test may change it. */
    readonly keySet: TestIssuer['jwks'],
    private readonly folder: string,
  ) {}

  app!: NestFastifyApplication;
  url = '';

  static async start({ service, table, environment = {}, consoleFolder }: GatewayAppOptions): Promise<GatewayApp> {
    const issuer = await TestIssuer.create({
      issuer: ISSUER,
      audience: 'gateway',
      clock: new TestClock(Math.floor(Date.now() / 1000)),
    });
    const server = createServer((request, response) => {
      if (request.url === '/.well-known/jwks.json') response.end(JSON.stringify(gateway.keySet));
      else if (request.url === '/oauth/token') {
        void textOf(request).then((text) => {
          const form = new URLSearchParams(text);
          gateway.exchanges.push(form);
          response.end(JSON.stringify(granted(form)));
        });
      } else service(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
    const file = join(folder, 'routes.json');
    if (table) writeFileSync(file, JSON.stringify(table).replaceAll('SERVICE', origin));
    const feed = await RevocationFeedServer.start(ISSUER);
    const gateway = new GatewayApp(issuer, server, feed, issuer.jwks, folder);
    const config = loadGatewayConfig({
      ISSUER,
      AUTH_URL: origin,
      RESOURCE_URL: origin,
      REVOCATIONS_URL: gateway.feed.url,
      DANGEROUSLY_ALLOW_HTTP: '1',
      GATEWAY_CLIENT_SECRET: SECRET,
      ...(table && { ROUTES_FILE: file }),
      ...environment,
    });
    const destination = { write: (text: string) => void gateway.lines.push(...text.trimEnd().split('\n')) };
    const logger = createLogger('gateway', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, destination);
    const module = AppModule.forRoot(config, logger, undefined, consoleFolder);
    gateway.app = await createHttpApp(module, { logger, bodies: 'streamed' });
    await gateway.app.listen(0, '127.0.0.1');
    gateway.url = await gateway.app.getUrl();
    while ((await fetch(`${gateway.url}/readyz`)).status !== 200) await sleep(10);
    return gateway;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.service.address() as AddressInfo).port}`;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  token(claims: Claims = {}): Promise<string> {
    return this.issuer.token({ jti: `t-${Math.random()}`, ...claims });
  }

  async call(path: string, init: RequestInit & { duplex?: 'half' } = {}, claims: Claims = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${await this.token(claims)}`, ...(init.headers as object) };
    return fetch(`${this.url}${path}`, { redirect: 'manual', ...init, headers });
  }

  /** Sends bytes as they are, and reads until the connection ends. */
  raw(text: string | Buffer): Promise<string> {
    return new Promise((resolve) => {
      let received = '';
      const socket = connect(this.port, '127.0.0.1', () => void socket.write(text));
      socket.on('data', (chunk) => (received += chunk.toString('latin1')));
      socket.on('error', () => undefined).on('close', () => resolve(received));
    });
  }

  /** The sockets of the service that are open now. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.service.getConnections((_error, count) => resolve(count)));
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.feed.stop();
    this.service.closeAllConnections();
    await new Promise((resolve) => this.service.close(resolve));
    rmSync(this.folder, { recursive: true });
  }
}

export async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** Waits until it holds. Fails after five seconds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it did not come to that');
    await sleep(10);
  }
}

/** As auth answers a client that asks for a token. */
function granted(form: URLSearchParams): object {
  return form.get('requested_token_type')?.endsWith(':txn_token')
    ? { access_token: 'minted', token_type: 'N_A', expires_in: 60 }
    : { access_token: 'exchanged', token_type: 'Bearer', expires_in: 300 };
}
