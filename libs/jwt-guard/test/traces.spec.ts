import { Controller, Get, HttpException, type INestApplication, Inject, Module, Query, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { TestIssuer } from '@token-relay/testing';
import { request } from 'node:http';
import { type AddressInfo, type Server } from 'node:net';
import { firstValueFrom, lastValueFrom, of, throwError } from 'rxjs';
import {
  bindContext,
  currentRelayContext,
  JwtGuardModule,
  type JwtGuardOptions,
  Public,
  RelayClientProxy,
  RelayHttpClient,
  RelayModule,
  RequireToken,
  runAs,
  startClientSpan,
  TokenRelay,
} from '../src';
import { Pool } from 'undici';
import { RelayIssuerPeer, RelayPeer } from './relay-peer';
import { freePorts } from './transports/free-ports';

const CLIENTS = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const WITHOUT = { traceparent: undefined };

/** Spans of the whole process, which stands for several services. */
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

@Controller()
@RequireToken()
class Handlers {
  constructor(
    @Inject(RelayHttpClient) private readonly http: RelayHttpClient,
    @Inject(RelayClientProxy) private readonly rpc: RelayClientProxy,
    @Inject(TokenRelay) private readonly relay: TokenRelay,
  ) {}

  @Public('a test')
  @Get('things/:id')
  thing() {
    return { active: trace.getActiveSpan()?.spanContext(), told: currentRelayContext()?.traceparent };
  }

  @Public('a test')
  @Get('own')
  own() {
    const span = trace.getTracer('the team').startSpan('own');
    span.end();
    handled?.();
    return {};
  }

  @Public('a test')
  @Get('broken')
  broken(@Query('status') status: string) {
    throw new HttpException('no', Number(status));
  }

  @Public('a test')
  @Get('never')
  never(@Res() reply: object) {
    // Whoever has asked goes away; with the answer at hand it is for nobody else to give one.
    handled?.();
    return reply;
  }

  @Get('guarded')
  guarded() {
    return {};
  }

  @Get('peer')
  async peer(@Query('path') path: string) {
    const { statusCode, body } = await this.http.request('peer', { method: 'GET', path });
    await body.dump();
    return { statusCode };
  }

  @Get('nested')
  nested() {
    const tracer = trace.getTracer('the team');
    return tracer.startActiveSpan('of the team', async (span) => {
      await this.peer('/');
      span.end();
      return this.relay.relayHeaders('peer');
    });
  }

  @Get('rpc')
  async call(@Query('pattern') pattern: string) {
    return firstValueFrom(this.rpc.send(pattern, {}));
  }

  @Get('event')
  async event() {
    await lastValueFrom(this.rpc.emit('happened', {}), { defaultValue: undefined });
    return {};
  }

  @MessagePattern('good')
  good() {
    return of({ active: trace.getActiveSpan()?.spanContext().spanId });
  }

  @MessagePattern('refusing')
  refusing() {
    return throwError(() => new RpcException({ status: 409, code: 'is_taken', error: 'invalid_request' }));
  }

  @MessagePattern('broken')
  brokenMessage() {
    throw new Error('a secret');
  }

  @EventPattern('happened')
  happened(@Payload() data: object) {
    handled?.();
    return data;
  }
}

let handled: (() => void) | undefined;

describe('traces', () => {
  let issuer: TestIssuer;
  let auth: RelayIssuerPeer;
  let peer: RelayPeer;
  let apps: INestApplication[];
  let rpcPort: number;
  let token: string;

  beforeAll(async () => {
    provider.register();
    issuer = await TestIssuer.create();
    token = await issuer.token();
    [auth, peer] = await Promise.all([new RelayIssuerPeer().start(), new RelayPeer().start()]);
    auth.answer = (response, { body }) => {
      const { audience } = Object.fromEntries(new URLSearchParams(body));
      response.setHeader('content-type', 'application/json');
      // The destination is this issuer's too.
      const given = audience === 'rpc' ? token : 'exchanged';
      response.end(JSON.stringify({ access_token: given, token_type: 'Bearer', expires_in: 300 }));
    };
  });
  afterAll(async () => {
    await Promise.all([auth.stop(), peer.stop()]);
    await provider.shutdown();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  beforeEach(async () => {
    apps = [];
    [rpcPort = 0] = await freePorts(1);
    peer.requests.length = 0;
    auth.requests.length = 0;
    peer.answer = (response) => void response.end('{}');
    handled = undefined;
    exporter.reset();
  });
  afterEach(() => Promise.all(apps.map((app) => app.close())));

  async function start(
    adapter: 'fastify' | 'express' = 'fastify',
    options: Partial<JwtGuardOptions> = { contextHints: 'accept' },
  ): Promise<string> {
    const rpc = { transport: Transport.TCP, options: { host: '127.0.0.1', port: rpcPort } } as const;
    @Module({
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
          now: issuer.clock.now,
          ...options,
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${auth.origin}/oauth/token`,
          clientId: 'service',
          clientSecret: 'secret',
          dangerouslyAllowHttp: true,
          destinations: {
            peer: { audience: 'peer', mode: 'exchange', scopes: ['a'], baseUrl: peer.origin, timeoutMs: 5_000 },
            rpc: { audience: 'rpc', mode: 'exchange', scopes: ['a'], transport: 'tcp', timeoutMs: 5_000 },
          },
        }),
      ],
      controllers: [Handlers],
      providers: [
        {
          provide: RelayClientProxy,
          inject: [TokenRelay],
          useFactory: (relay: TokenRelay) => new RelayClientProxy(ClientProxyFactory.create(rpc), 'rpc', relay),
        },
      ],
    })
    class AppModule {}
    const made = adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
    const app = await NestFactory.create(AppModule, made, { logger: false });
    apps.push(app);
    app.connectMicroservice(rpc, { inheritAppConfig: true });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async function get(url: string, headers: Record<string, string | undefined> = WITHOUT) {
    const sent = { authorization: `Bearer ${token}`, ...headers };
    const answer = await fetch(url, { headers: JSON.parse(JSON.stringify(sent)) as Record<string, string> });
    const body = (await answer.json()) as Record<string, unknown>;
    // Spans end when the connection has taken the answer.
    await until(() => spans(SpanKind.SERVER).some(({ attributes }) => 'url.path' in attributes));
    return { status: answer.status, body };
  }

  const spans = (kind: SpanKind): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.kind === kind);
  const only = (kind: SpanKind, name?: string): ReadableSpan => {
    const found = spans(kind).filter((span) => name === undefined || span.name === name);
    expect(found).toHaveLength(1);
    return found[0] as ReadableSpan;
  };
  const idOf = (span: ReadableSpan): string => span.spanContext().spanId;

  describe.each(['fastify', 'express'] as const)('of requests, on %s', (adapter) => {
    it('have a span with the route, the path and the status, and nothing of the query or of headers', async () => {
      const base = await start(adapter);
      await get(`${base}/things/7?q=a-query`, { 'x-header': 'a-header', 'x-transaction-id': 'transaction-1' });
      const span = only(SpanKind.SERVER);
      expect(span.name).toBe('GET /things/:id');
      expect(span.attributes).toEqual({
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'http.route': '/things/:id',
        'token_relay.transaction_id': 'transaction-1',
        'url.path': '/things/7',
        'url.scheme': 'http',
      });
      expect(span.status.code).toBe(SpanStatusCode.UNSET);
    });

    it("go on with a service's trace, where hints are accepted", async () => {
      const { body } = await get(`${await start(adapter)}/things/7`, { traceparent: CLIENTS });
      const span = only(SpanKind.SERVER);
      expect(span.spanContext().traceId).toBe(CLIENTS.slice(3, 35));
      expect(span.parentSpanContext).toMatchObject({ spanId: CLIENTS.slice(36, 52), isRemote: true });
      expect(body.active).toMatchObject({ spanId: idOf(span) });
      expect(body.told).toBe(`00-${CLIENTS.slice(3, 35)}-${idOf(span)}-01`);
    });

    it('are not recorded where the caller has said that the trace is not', async () => {
      const base = await start(adapter);
      await fetch(`${base}/things/7`, { headers: { traceparent: CLIENTS.replace(/01$/, '00') } });
      await get(`${base}/things/8`);
      expect(spans(SpanKind.SERVER).map(({ attributes }) => attributes['url.path'])).toEqual(['/things/8']);
    });

    it("begin a trace where clients connect, which names the client's and is no part of it", async () => {
      await get(`${await start(adapter, {})}/things/7`, { traceparent: CLIENTS });
      const span = only(SpanKind.SERVER);
      expect(span.parentSpanContext).toBeUndefined();
      expect(span.spanContext().traceId).not.toBe(CLIENTS.slice(3, 35));
      expect(span.links.map((link) => link.context.traceId)).toEqual([CLIENTS.slice(3, 35)]);
    });

    it("link nothing where a service's trace is gone on with", async () => {
      await get(`${await start(adapter)}/things/7`, { traceparent: CLIENTS });
      expect(only(SpanKind.SERVER).links).toEqual([]);
    });

    it('link nothing that is no traceparent', async () => {
      await get(`${await start(adapter, {})}/things/7`, { traceparent: CLIENTS.toUpperCase() });
      expect(only(SpanKind.SERVER).links).toEqual([]);
    });

    it.each([
      [499, SpanStatusCode.UNSET, undefined],
      [500, SpanStatusCode.ERROR, '500'],
    ])('are of an error from 500 on: %d', async (status, code, type) => {
      await get(`${await start(adapter)}/broken?status=${status}`);
      const span = only(SpanKind.SERVER);
      expect(span.status.code).toBe(code);
      expect(span.attributes['error.type']).toBe(type);
    });

    it('say why the guard has refused', async () => {
      await get(`${await start(adapter)}/guarded`, { authorization: undefined });
      expect(only(SpanKind.SERVER).attributes).toMatchObject({
        'http.response.status_code': 401,
        'token_relay.code': 'token_missing',
      });
    });

    it('are told of a client that has gone, and have no status then', async () => {
      const base = await start(adapter);
      const arrived = new Promise<void>((resolve) => (handled = resolve));
      const asked = request(`${base}/never`);
      asked.on('error', () => undefined).end();
      await arrived;
      asked.destroy();
      await until(() => spans(SpanKind.SERVER).length > 0);
      const { attributes } = only(SpanKind.SERVER);
      expect(attributes['error.type']).toBe('client_gone');
      expect(attributes).not.toHaveProperty(['http.response.status_code']);
    });

    it("put a team's own spans below the call's", async () => {
      await get(`${await start(adapter)}/own`);
      const [own] = exporter.getFinishedSpans().filter(({ name }) => name === 'own');
      expect(own?.parentSpanContext?.spanId).toBe(idOf(only(SpanKind.SERVER)));
    });
  });

  it("are a team's own where it has a span for each request: it gets the transaction, and there is no second one", async () => {
    const tracer = trace.getTracer('of an instrumentation');
    const base = await start();
    const server = apps[0]?.getHttpServer() as Server;
    const [listener] = server.listeners('request') as ((...parameters: unknown[]) => void)[];
    server.removeAllListeners('request');
    server.on('request', (asked: unknown, answer: { once(name: string, run: () => void): void }) =>
      tracer.startActiveSpan('theirs', { kind: SpanKind.SERVER, attributes: { 'url.path': '/' } }, (span) => {
        answer.once('close', () => span.end());
        listener?.call(server, asked, answer);
      }),
    );
    const { body } = await get(`${base}/things/7`, { 'x-transaction-id': 'transaction-1', traceparent: CLIENTS });
    const span = only(SpanKind.SERVER);
    expect(span.name).toBe('theirs');
    expect(span.attributes['token_relay.transaction_id']).toBe('transaction-1');
    expect(body.active).toMatchObject({ spanId: idOf(span) });
  });

  describe('of relayed requests', () => {
    it('have one for the token that is fetched, and one for the call, whose span the destination sees', async () => {
      const base = await start();
      await get(`${base}/peer?path=${encodeURIComponent('/x?secret=1')}`, { traceparent: CLIENTS });
      const server = only(SpanKind.SERVER);
      const exchange = only(SpanKind.CLIENT, 'POST token endpoint');
      const call = only(SpanKind.CLIENT, 'GET peer');
      for (const span of [exchange, call]) {
        expect(span.parentSpanContext?.spanId).toBe(idOf(server));
        expect(span.spanContext().traceId).toBe(CLIENTS.slice(3, 35));
      }
      expect(call.attributes).toEqual({
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(peer.origin).port),
        'token_relay.destination': 'peer',
        'token_relay.mode': 'exchange',
        'token_relay.token_cached': false,
        'url.full': `${peer.origin}/x`,
      });
      expect(exchange.attributes).toMatchObject({
        'http.response.status_code': 200,
        'token_relay.audience': 'peer',
        'token_relay.grant_type': 'urn:ietf:params:oauth:grant-type:token-exchange',
      });
      expect(sentTo(peer).traceparent).toBe(`00-${CLIENTS.slice(3, 35)}-${idOf(call)}-01`);
      expect(sentTo(auth).traceparent).toBe(`00-${CLIENTS.slice(3, 35)}-${idOf(exchange)}-01`);
      expect(sentTo(auth)['x-transaction-id']).toBe(sentTo(peer)['x-transaction-id']);
    });

    it('have none for a token that is at hand', async () => {
      const base = await start();
      await get(`${base}/peer?path=/`);
      exporter.reset();
      await get(`${base}/peer?path=/`);
      expect(spans(SpanKind.CLIENT).map(({ name }) => name)).toEqual(['GET peer']);
      expect(only(SpanKind.CLIENT).attributes['token_relay.token_cached']).toBe(true);
    });

    it.each([
      [399, SpanStatusCode.UNSET],
      [400, SpanStatusCode.ERROR],
    ])('are of an error from 400 on: %d', async (status, code) => {
      peer.answer = (response) => void response.writeHead(status).end();
      await get(`${await start()}/peer?path=/`);
      expect(only(SpanKind.CLIENT, 'GET peer').status.code).toBe(code);
    });

    it('have one each where a call is sent again with a new token', async () => {
      let refused = 0;
      peer.answer = (response) => void response.writeHead(refused++ === 0 ? 401 : 200).end();
      await get(`${await start()}/peer?path=/`);
      const calls = spans(SpanKind.CLIENT).filter(({ name }) => name === 'GET peer');
      expect(calls.map(({ attributes }) => attributes['http.response.status_code'])).toEqual([401, 200]);
      expect(peer.requests.map(({ headers }) => String(headers.traceparent).slice(36, 52))).toEqual(calls.map(idOf));
    });

    it('say by which code a call has failed, and nothing of the error', async () => {
      peer.answer = (response) => void response.destroy();
      await get(`${await start()}/peer?path=/`);
      const { attributes, status, events } = only(SpanKind.CLIENT, 'GET peer');
      expect(attributes).toMatchObject({ 'error.type': 'upstream_failed', 'token_relay.code': 'upstream_failed' });
      expect(status).toEqual({ code: SpanStatusCode.ERROR });
      expect(events).toEqual([]);
    });

    it("are below the team's own span, as are headers for a client of its own", async () => {
      const { body } = await get(`${await start()}/nested`);
      const [own] = exporter.getFinishedSpans().filter(({ name }) => name === 'of the team');
      expect(only(SpanKind.CLIENT, 'GET peer').parentSpanContext?.spanId).toBe(own && idOf(own));
      expect(String(body.traceparent).slice(36, 52)).toBe(own && idOf(own));
    });
  });

  describe('of messages', () => {
    it('have a span at the client, and below it one at the server, where the handler runs', async () => {
      const { body } = await get(`${await start()}/rpc?pattern=good`, { traceparent: CLIENTS });
      const client = only(SpanKind.CLIENT, 'rpc good');
      const server = only(SpanKind.SERVER, 'good');
      expect(server.parentSpanContext?.spanId).toBe(idOf(client));
      expect(client.parentSpanContext?.spanId).toBe(idOf(only(SpanKind.SERVER, 'GET /rpc')));
      expect(server.spanContext().traceId).toBe(CLIENTS.slice(3, 35));
      expect(body.active).toBe(idOf(server));
      expect(server.attributes).toEqual({
        'rpc.method': 'good',
        'rpc.system.name': 'nestjs',
        'token_relay.transaction_id': only(SpanKind.SERVER, 'GET /rpc').attributes['token_relay.transaction_id'],
      });
      expect(client.status.code).toBe(SpanStatusCode.UNSET);
    });

    it("say by which code a handler refuses: a caller's mistake is no failure of the server", async () => {
      await get(`${await start()}/rpc?pattern=refusing`);
      const server = only(SpanKind.SERVER, 'refusing');
      expect(server.attributes['token_relay.code']).toBe('is_taken');
      expect(server.status.code).toBe(SpanStatusCode.UNSET);
      const client = only(SpanKind.CLIENT, 'rpc refusing');
      expect(client.attributes['token_relay.code']).toBe('is_taken');
      expect(client.status.code).toBe(SpanStatusCode.ERROR);
    });

    it('are of an error where a handler fails, without a word of it', async () => {
      await get(`${await start()}/rpc?pattern=broken`);
      const server = only(SpanKind.SERVER, 'broken');
      expect(server.status).toEqual({ code: SpanStatusCode.ERROR });
      expect(JSON.stringify(server.attributes)).not.toContain('secret');
    });

    it('of an event are those of whoever sends it, and of whoever gets it', async () => {
      const got = new Promise<void>((resolve) => (handled = resolve));
      await get(`${await start()}/event`);
      await got;
      await until(() => spans(SpanKind.CONSUMER).length > 0);
      expect(only(SpanKind.CONSUMER).parentSpanContext?.spanId).toBe(idOf(only(SpanKind.PRODUCER, 'rpc happened')));
    });
  });

  describe('of what goes on after a call', () => {
    it('are below the call that it comes of, by runAs and by bindContext', async () => {
      const base = await start();
      const kept: (() => void)[] = [];
      handled = () => {
        const relayContext = currentRelayContext();
        const begin = (): void => startClientSpan('later', {})?.answered();
        kept.push(bindContext(begin), () => relayContext && runAs(relayContext, begin));
      };
      await get(`${base}/own`);
      for (const run of kept) run();
      const parents = spans(SpanKind.CLIENT).map((span) => span.parentSpanContext?.spanId);
      expect(parents).toEqual([idOf(only(SpanKind.SERVER)), idOf(only(SpanKind.SERVER))]);
    });

    it('are below nothing where it is outside of every call', () => {
      const begin = bindContext(() => startClientSpan('outside', {})?.answered());
      trace.getTracer('the team').startActiveSpan('other', (other) => {
        begin();
        other.end();
      });
      expect(only(SpanKind.CLIENT).parentSpanContext).toBeUndefined();
    });
  });

  it.each([
    ['the issuer', false],
    ['a destination', true],
  ])('leave no call in a connection to %s that is kept for others', async (_to, isTokenAtHand) => {
    const base = await start();
    if (isTokenAtHand) await get(`${base}/peer?path=/`);
    const seen: unknown[] = [];
    const sent = jest.spyOn(Pool.prototype, 'dispatch').mockImplementation(({ path }) => {
      seen.push(path, trace.getSpan(context.active()), currentRelayContext());
      throw new Error('not sent');
    });
    await get(`${base}/peer?path=/`);
    sent.mockRestore();
    expect(seen.slice(0, 3)).toEqual([isTokenAtHand ? '/' : '/oauth/token', undefined, undefined]);
  });

  it('say of an error that nobody foresaw what it is called, and nothing that it says', () => {
    startClientSpan('any', {})?.failed(new TypeError('a secret'));
    const { attributes, status, events } = only(SpanKind.CLIENT);
    expect(attributes).toEqual({ 'error.type': 'TypeError' });
    expect(status).toEqual({ code: SpanStatusCode.ERROR });
    expect(events).toEqual([]);
  });

  it.each(['fastify', 'express'] as const)(
    'are called by the method alone where there is no route, and say nothing of the path: on %s',
    async (adapter) => {
      const base = await start(adapter);
      expect((await fetch(`${base}/nothing-here;password=a-secret`)).status).toBe(404);
      await until(() => spans(SpanKind.SERVER).length > 0);
      const span = only(SpanKind.SERVER);
      // Whatever was asked for: nothing of it may be told.
      expect(span.name).toBe('GET');
      expect(Object.keys(span.attributes)).toEqual(expect.not.arrayContaining(['http.route', 'url.path']));
      expect(JSON.stringify(span.attributes)).not.toContain('secret');
    },
  );
});

function sentTo({ requests }: RelayPeer): Record<string, unknown> {
  expect(requests).toHaveLength(1);
  return { ...requests[0]?.headers };
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 5_000; !holds() && performance.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('without an SDK', () => {
  beforeAll(() => {
    trace.disable();
    context.disable();
  });

  it('there is no span', () => {
    expect(startClientSpan('anything', {})).toBeUndefined();
    expect(context.active()).toBe(ROOT_CONTEXT);
  });
});
