import { Controller, Get, Inject, type INestApplication, Module, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import {
  currentRelayContext,
  JwtGuardModule,
  type RelayContext,
  relayContextFor,
  RelayHttpClient,
  RelayModule,
  runAs,
  TokenRelay,
  TokenVerifier,
} from '../src';
import { toldMs } from '../src/relay/token-relay';
import { RelayIssuerPeer, RelayPeer } from './relay-peer';

@Controller()
class CallingController {
  constructor(
    @Inject(RelayHttpClient) private readonly http: RelayHttpClient,
    @Inject(TokenRelay) private readonly relay: TokenRelay,
  ) {}

  @Get('call')
  async call(@Query('timeoutMs') timeoutMs = '10000') {
    const headers = {
      Traceparent: 'spoofed',
      'X-Locale': 'spoofed',
      'X-Request-Timeout-Ms': '1',
      'Txn-Token': 'spoofed',
    };
    const { body } = await this.http.request('peer', {
      method: 'GET',
      path: '/',
      headers,
      timeoutMs: Number(timeoutMs),
    });
    await body.dump();
    const { locale, traceparent, transactionId, remainingMs } = currentRelayContext() ?? {};
    return { locale, traceparent, transactionId, remainingMs };
  }

  @Get('headers')
  headers() {
    return this.relay.relayHeaders('peer');
  }

  /** Goes on with the context of its own call when the caller of that waits no more. */
  @Get('outlived')
  async outlived() {
    const context = currentRelayContext();
    await new Promise((resolve) => setTimeout(resolve, (context?.remainingMs ?? 0) + 5));
    return context && runAs(context, () => this.relay.relayHeaders('peer'));
  }

  /** Does a job of somebody else, whose token is no good any more. */
  @Get('job')
  async job() {
    return runAs(await jobs.context(), () => {
      jobs.expire();
      return this.relay.relayHeaders('peer');
    });
  }

  @Get('own')
  async own() {
    return this.relay.runAsService(() => this.relay.relayHeaders('peer'));
  }

  @Get('late')
  async late() {
    await new Promise((resolve) => setTimeout(resolve, (currentRelayContext()?.remainingMs ?? 0) + 5));
    return this.relay.relayHeaders('peer');
  }
}

const jobs = {
  context: (): Promise<RelayContext> => Promise.reject(new Error('to be set')),
  expire: (): void => undefined,
};

const HINTS = {
  'x-transaction-id': 'transaction-0001',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'x-locale': 'de-CH',
  'x-request-timeout-ms': '5000',
};

describe.each(['accept', 'replace'] as const)('a service that is to %s hints', (contextHints) => {
  let issuer: TestIssuer;
  let auth: RelayIssuerPeer;
  let peer: RelayPeer;
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    [auth, peer] = await Promise.all([new RelayIssuerPeer().start(), new RelayPeer().start()]);
    const { issuer: name, audience, jwks, clock } = issuer;
    @Module({
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: name, audience, algorithms: ['ES256'], jwks }],
          now: clock.now,
          contextHints,
        }),
        RelayModule.forRoot({
          tokenEndpoint: auth.origin,
          clientId: 'resource',
          clientSecret: 'secret',
          dangerouslyAllowHttp: true,
          destinations: { peer: { audience: 'peer', mode: 'exchange', scopes: ['a'], baseUrl: peer.origin } },
        }),
      ],
      controllers: [CallingController],
    })
    class TestModule {}
    app = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    await app.close();
    await Promise.all([auth.stop(), peer.stop()]);
  });
  beforeEach(() => {
    peer.requests.length = 0;
    peer.answer = (response) => void response.end('{}');
  });

  async function call(path: string, headers: Record<string, string> = {}) {
    const answer = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${await issuer.token()}`, ...headers },
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }
  const passedOn = () => peer.requests[0]?.headers ?? {};

  if (contextHints === 'accept') {
    it('passes them on as they came, and less time', async () => {
      const { body } = await call('/call', HINTS);
      const { 'x-request-timeout-ms': waits, ...others } = HINTS;
      expect(passedOn()).toMatchObject(others);
      expect(Number(passedOn()['x-request-timeout-ms'])).toBeGreaterThan(0);
      expect(Number(passedOn()['x-request-timeout-ms'])).toBeLessThanOrEqual(Number(waits));
      expect(body).toMatchObject({
        locale: HINTS['x-locale'],
        traceparent: HINTS.traceparent,
        transactionId: HINTS['x-transaction-id'],
      });
    });

    it('waits no longer than its caller does', async () => {
      peer.answer = () => undefined;
      // Long enough for a busy machine to come to the peer before it is over.
      const { status, body } = await call('/call', { 'x-request-timeout-ms': '1500' });
      expect([status, body.code, body.hop]).toEqual([504, 'deadline_exceeded', 'peer']);
    });

    it('waits no longer than the call itself may take, if its caller does', async () => {
      peer.answer = () => undefined;
      const { status, body } = await call('/call?timeoutMs=1000', HINTS);
      expect([status, body.code]).toEqual([504, 'upstream_timeout']);
      expect(Number(passedOn()['x-request-timeout-ms'])).toBeLessThanOrEqual(1000);
    });

    it('goes on with a call that nobody waits for any more, if that is what is said', async () => {
      const { status, body } = await call('/outlived', { 'x-request-timeout-ms': '20' });
      expect(status).toBe(200);
      expect(body.authorization).toMatch(/^Bearer exchanged-/);
    });

    it('calls nobody for a caller who waits no more', async () => {
      const { status, body } = await call('/late', { 'x-request-timeout-ms': '20' });
      expect([status, body.code]).toEqual([504, 'deadline_exceeded']);
      expect(peer.requests).toEqual([]);
    });
  } else {
    it('begins with its own, whatever its client says', async () => {
      const { body } = await call('/call', HINTS);
      const sent = passedOn();
      for (const [name, value] of Object.entries(HINTS)) expect(sent[name]).not.toBe(value);
      expect(sent['x-transaction-id']).toMatch(/^[\da-f-]{36}$/);
      // The one leads to the other.
      expect(sent.traceparent).toMatch(
        new RegExp(`^00-${String(sent['x-transaction-id']).replaceAll('-', '')}-[0-9a-f]{16}-00$`),
      );
      expect(body).toMatchObject({ traceparent: sent.traceparent, transactionId: sent['x-transaction-id'] });
      expect(body.locale).toBeUndefined();
    });

    it.each([
      ['de-CH,de;q=0.9,en;q=0.8', 'de-CH'],
      ['en;q=0.8', 'en'],
      ['*', undefined],
      ['<script>', undefined],
      [`a${'-b'.repeat(20)}`, undefined],
    ])('takes the locale from what its client would like to read: %s', async (language, locale) => {
      await call('/call', { 'accept-language': language });
      expect(passedOn()['x-locale']).toBe(locale);
    });

    it.each([
      ['10000', '9500'],
      ['777', '727'],
      ['100', '75'],
      ['1', '1'],
    ])('tells its destination a little less than it waits: of %s ms %s', (timeoutMs, told) => {
      expect(toldMs(Number(timeoutMs))).toBe(Number(told));
    });

    it('tells it with the call', async () => {
      await call('/call?timeoutMs=7777');
      expect(passedOn()['x-request-timeout-ms']).toBe('7389');
    });
  }

  it('does a job in a call: what can not be relayed for it is refused as the call is answered', async () => {
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
      now: () => (expired ? issuer.clock.now() + 3_600 : issuer.clock.now()),
    });
    let expired = false;
    jobs.context = async () => relayContextFor(verifier, await issuer.token({ sub: 'of-the-job' }));
    jobs.expire = () => (expired = true);
    const { status, body } = await call('/job');
    expect([status, body.code]).toEqual([401, 'token_expired']);
  });

  it('calls for itself in a call: what the issuer does not give is refused as the call is answered', async () => {
    const { answer } = auth;
    auth.answer = (response) => void response.writeHead(503).end('{}');
    const { status, body } = await call('/own');
    auth.answer = answer;
    expect([status, body.code]).toEqual([503, 'exchange_unavailable']);
  });

  it('has just the headers for a client of another make', async () => {
    const { body } = await call('/headers', { 'accept-language': 'de' });
    const locale = contextHints === 'replace' ? ['x-locale'] : [];
    expect(new Set(Object.keys(body))).toEqual(
      new Set(['authorization', 'traceparent', 'x-request-timeout-ms', 'x-transaction-id', ...locale]),
    );
  });
});
