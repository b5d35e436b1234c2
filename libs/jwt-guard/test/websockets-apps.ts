import {
  type INestApplication,
  Inject,
  Injectable,
  Module,
  type Provider,
  type WebSocketAdapter,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { TestIssuer } from '@token-relay/testing';
import { type OutgoingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { currentPrincipal, JwtGuardModule, type JwtGuardOptions, Public, StandingWatch, TokenVerifier } from '../src';
import {
  type Answer,
  answerOf,
  type Client,
  type ClientOptions,
  connectIo,
  connectWs,
  deferred,
} from './websockets-clients';

export type Library = 'ws' | 'socket.io';
export type Framework = 'express' | 'fastify';

export const PLATFORMS: readonly (readonly [Library, Framework])[] = [
  ['ws', 'express'],
  ['ws', 'fastify'],
  ['socket.io', 'express'],
  ['socket.io', 'fastify'],
];
export const LIBRARIES: readonly Library[] = ['ws', 'socket.io'];

/** What the gateways of an app have seen, in order. */
@Injectable()
export class Journal {
  readonly entries: string[] = [];

  note(what: string): void {
    this.entries.push(`${what} ${currentPrincipal()?.tokenId ?? '-'}`);
  }
}

/** What every gateway of these tests can do. */
export class Handlers {
  @Inject(Journal)
  protected readonly journal!: Journal;

  @SubscribeMessage('closed')
  closed(@MessageBody() data: unknown) {
    this.journal.note('closed');
    return { event: 'seen', data: { tokenId: currentPrincipal()?.tokenId ?? null, data } };
  }

  @Public('it is for everybody')
  @SubscribeMessage('open')
  open() {
    this.journal.note('open');
    return { event: 'seen', data: { tokenId: currentPrincipal()?.tokenId ?? null } };
  }
}

/** The same, and looks at its sockets. */
export class Watching extends Handlers {
  handleConnection(): void {
    this.journal.note('connected');
  }

  handleDisconnect(): void {
    this.journal.note('disconnected');
  }
}

export interface AppOptions {
  readonly library: Library;
  readonly framework?: Framework;
  readonly gateways: Provider[];
  readonly guard?: Partial<JwtGuardOptions>;
  /** Sockets are looked through when `changed` is called, and not only once a second. */
  readonly subscribes?: boolean;
  readonly adapter?: (app: INestApplication) => WebSocketAdapter;
}

/** An app with guarded gateways, its issuer, and all that a test does to them. */
export class TestApp {
  readonly revoked = new Set<string>();
  outage = false;
  port = 0;
  #listeners = new Set<() => void>();
  readonly #clients: { close(): void }[] = [];

  private constructor(
    readonly app: INestApplication,
    readonly issuer: TestIssuer,
    readonly library: Library,
  ) {}

  static async start({ library, framework = 'fastify', gateways, guard, subscribes, adapter }: AppOptions) {
    const issuer = await TestIssuer.create();
    const later: { subject?: TestApp } = {};
    const options: JwtGuardOptions = {
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
      revocation: {
        isRevoked: ({ tokenId }) => {
          if (later.subject?.outage) throw new Error('connection lost');
          return later.subject?.revoked.has(tokenId ?? '') ?? false;
        },
        ...(subscribes && {
          subscribe: (listener) => {
            subscribed.add(listener);
            return () => subscribed.delete(listener);
          },
        }),
      },
      ...guard,
    };
    const subscribed = new Set<() => void>();
    @Module({ imports: [JwtGuardModule.forRoot(options)], providers: [...gateways, Journal] })
    class TestModule {}
    const app: INestApplication = await NestFactory.create(
      TestModule,
      framework === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
      { logger: false },
    );
    if (adapter) app.useWebSocketAdapter(adapter(app));
    else app.useWebSocketAdapter(library === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
    await app.listen(0, '127.0.0.1');
    const subject = new TestApp(app, issuer, library);
    later.subject = subject;
    subject.port = (app.getHttpServer() as { address(): AddressInfo }).address().port;
    subject.#listeners = subscribed;
    return subject;
  }

  get journal(): readonly string[] {
    return this.app.get(Journal).entries;
  }

  get subscriptions(): number {
    return this.#listeners.size;
  }

  /** The revocation source says that something is different. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** How many sockets the app looks through: those that it has let somebody in on. */
  openSessions(): number {
    return this.app.get(StandingWatch).size;
  }

  /** How many there are as soon as there are no more than expected, or in the end. */
  async sessionsLeft(expected = 0): Promise<number> {
    // A client knows of its end before its server does.
    let left = Infinity;
    for (let i = 0; i < 50 && left > expected; i++) {
      // Changes that come close together are looked at together.
      await sleep(20);
      left = this.openSessions();
    }
    return left;
  }

  /** No verdict comes until it is released. */
  holdVerdicts(): { readonly begun: Promise<void>; readonly count: () => number; release(): void } {
    const verifier = this.app.get(TokenVerifier);
    const verify = verifier.verify.bind(verifier);
    const gate = deferred<void>();
    const begun = deferred<void>();
    let count = 0;
    jest.spyOn(verifier, 'verify').mockImplementation(async (token) => {
      count++;
      begun.resolve();
      await gate.promise;
      return verify(token);
    });
    return { begun: begun.promise, count: () => count, release: gate.resolve };
  }

  /** A request to open a socket, down to its status line; what was opened is closed at once. */
  upgrade(headers: OutgoingHttpHeaders = {}, path = this.path(), port = this.port): Promise<Answer> {
    return answerOf({
      port,
      path,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
  }

  /** Socket.IO's first request without WebSockets. */
  poll(headers: OutgoingHttpHeaders = {}, query = '', path = '/socket.io/'): Promise<Answer> {
    return answerOf({ port: this.port, path: `${path}?EIO=4&transport=polling${query}`, headers });
  }

  path(query = '', path = this.library === 'ws' ? '/' : '/socket.io/'): string {
    if (this.library === 'ws') return `${path}${query === '' ? '' : `?${query.slice(1)}`}`;
    return `${path}?EIO=4&transport=websocket${query}`;
  }

  /** What stands on the wire, byte for byte, for requests that no client would make. */
  raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(text, 'latin1'));
      let received = '';
      this.#clients.push({ close: () => socket.destroy() });
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        if (received.includes('\r\n\r\n')) {
          resolve(received);
          socket.destroy();
        }
      });
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
  }

  /** @throws Error with `status` and `body` when there is no socket, or with `data` when Socket.IO let nobody in */
  async connect(options: ClientOptions = {}): Promise<Client> {
    const client = this.library === 'ws' ? await connectWs(this.port, options) : await connectIo(this.port, options);
    this.#clients.push(client);
    return client;
  }

  /** Opened with a token. */
  async admitted(claims: Record<string, unknown> = {}, options: ClientOptions = {}): Promise<Client> {
    return this.connect({ protocols: ['bearer', await this.issuer.token(claims)], ...options });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.app.close();
  }
}

/** A port that was free a moment ago: Nest takes 0 for the app's own. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export const refusal = (status: number, code: string): object =>
  expect.objectContaining({ status, code, transactionId: expect.stringMatching(/^[\da-f-]{36}$/) as string }) as object;
