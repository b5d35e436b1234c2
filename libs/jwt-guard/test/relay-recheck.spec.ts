import { Inject } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { JwksServer, TestIssuer } from '@token-relay/testing';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type RelayContext, relayContextFor, type RevocationSource, runAs, TokenRelay, TokenVerifier } from '../src';
import { AgingSource } from './staleness-source';
import { LIBRARIES, TestApp, Watching } from './websockets-apps';

/** An issuer's token endpoint. */
class Endpoint {
  exchanges = 0;
  beforeAnswer: () => void = () => undefined;
  readonly #server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      this.beforeAnswer();
      const token = `exchanged-${++this.exchanges}`;
      response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 300 }));
    });
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  relay(): TokenRelay {
    const { port } = this.#server.address() as AddressInfo;
    return new TokenRelay({
      tokenEndpoint: `http://127.0.0.1:${port}/oauth/token`,
      clientId: 'resource',
      clientSecret: 'secret',
      dangerouslyAllowHttp: true,
      destinations: { peer: { audience: 'peer', mode: 'exchange', scopes: ['a'] } },
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let issuer: TestIssuer;
let endpoint: Endpoint;
let source: AgingSource;
beforeEach(async () => {
  issuer = await TestIssuer.create();
  endpoint = await new Endpoint().start();
  source = new AgingSource();
});
afterEach(() => endpoint.stop());

describe('the relay, for work that outlives its call,', () => {
  let relay: TokenRelay;
  let context: RelayContext;

  const verifierWith = (revocation: RevocationSource) =>
    TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
      revocation,
    });
  const relayed = (): Promise<string> =>
    runAs(context, () => relay.prepare('peer')).then(
      ({ headers: { authorization = '' } }) => authorization,
      (error: unknown) => (error as { code: string }).code,
    );

  beforeEach(async () => {
    relay = endpoint.relay();
    context = await relayContextFor(verifierWith(source), await issuer.token({ jti: 'of-the-job' }));
  });

  it('has a token for whoever still counts, exchanged once', async () => {
    expect([await relayed(), await relayed()]).toEqual(['Bearer exchanged-1', 'Bearer exchanged-1']);
  });

  it('asks for none when the caller is revoked', async () => {
    source.revoked.add('of-the-job');
    expect(await relayed()).toBe('token_revoked');
    expect(endpoint.exchanges).toBe(0);
  });

  it('gives nobody what was exchanged before', async () => {
    await relayed();
    source.revoked.add('of-the-job');
    expect(await relayed()).toBe('token_revoked');
  });

  it('gives nobody what is exchanged when the caller is revoked meanwhile, nor later', async () => {
    endpoint.beforeAnswer = () => source.revoked.add('of-the-job');
    expect(await relayed()).toBe('token_revoked');
    expect(endpoint.exchanges).toBe(1);
    expect(await relayed()).toBe('token_revoked');
  });

  it('stops at the end of the token, and the tolerance for clocks', async () => {
    await relayed();
    issuer.clock.advance(304);
    expect(await relayed()).toBe('Bearer exchanged-1');
    issuer.clock.advance(1);
    expect(await relayed()).toBe('token_expired');
  });

  it('can not tell where the source can not, and goes on when it can', async () => {
    source.ready = false;
    expect(await relayed()).toBe('revocation_unavailable');
    expect(endpoint.exchanges).toBe(0);
    source.ready = true;
    expect(await relayed()).toBe('Bearer exchanged-1');
  });

  it('is stopped by no source that is only behind', async () => {
    source.ageSeconds = 100_000;
    expect(await relayed()).toBe('Bearer exchanged-1');
  });

  it('stops when the key of the token is its issuer’s no more', async () => {
    const jwks = await JwksServer.start(issuer.jwks);
    const { issuer: name, audience } = issuer;
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: name, audience, algorithms: ['ES256'], jwksUri: jwks.url, dangerouslyAllowHttp: true }],
      now: issuer.clock.now,
    });
    try {
      context = await relayContextFor(verifier, await issuer.token());
      expect(await relayed()).toBe('Bearer exchanged-1');
      const other = await TestIssuer.create({ issuer: name });
      jwks.body = other.jwks;
      // A token with its key makes the verifier look.
      await verifier.verify(await other.token({ iat: issuer.clock.now(), exp: issuer.clock.now() + 300 }));
      expect(await relayed()).toBe('key_unknown');
    } finally {
      verifier.close();
      await jwks.stop();
    }
  });
});

describe.each(LIBRARIES)('the relay, in a handler of a socket of %s,', (library) => {
  @WebSocketGateway()
  class RelayingGateway extends Watching {
    @Inject(TokenRelay) private readonly relay!: TokenRelay;

    @SubscribeMessage('relay')
    async relayed() {
      const data = await this.relay.prepare('peer').then(
        ({ headers: { authorization = '' } }) => authorization,
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      );
      return { event: 'seen', data };
    }
  }

  it('speaks for its user as long as the token counts that came last', async () => {
    const relay = { provide: TokenRelay, useValue: endpoint.relay() };
    const subject = await TestApp.start({ library, gateways: [RelayingGateway, relay], guard: { revocation: source } });
    const { clock } = subject.issuer;
    try {
      const client = await subject.admitted({ exp: clock.now() + 100 });
      client.send('relay');
      expect(await client.next('seen')).toBe('Bearer exchanged-1');
      client.send('authenticate', { token: await subject.issuer.token({ jti: 'second' }) });
      await client.next('authenticated');
      clock.advance(200);
      client.send('relay');
      expect(await client.next('seen')).toBe('Bearer exchanged-2');
      endpoint.beforeAnswer = () => source.revoked.add('third');
      client.send('authenticate', { token: await subject.issuer.token({ jti: 'third' }) });
      await client.next('authenticated');
      client.send('relay');
      expect(await client.next('seen')).toBe('token_revoked');
    } finally {
      await subject.stop();
    }
  });
});
