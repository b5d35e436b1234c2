import { TestIssuer } from '@token-relay/testing';
import { selfSigned, TestCa, type TestCertificate } from '@token-relay/testing/servers';
import { createServer, type Server } from 'node:https';
import { type AddressInfo } from 'node:net';
import { type TLSSocket } from 'node:tls';
import {
  type ClientTls,
  type ClientTlsOption,
  RelayHttpClient,
  relayContextFor,
  RevocationFeed,
  runAs,
  TokenRelay,
  TokenVerifier,
} from '../src';

const UNAVAILABLE = 'not available';

describe('what connections are secured with', () => {
  let ca: TestCa;
  let otherCa: TestCa;
  let serverCertificate: TestCertificate;
  let own: TestCertificate;
  let issuer: TestIssuer;
  let server: Server;
  let origin: string;
  /** Who has asked, by the name in its certificate, and for what. */
  let asked: string[];
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    [ca, otherCa] = [await TestCa.create(), await TestCa.create()];
    serverCertificate = await ca.issue(['localhost', '127.0.0.1']);
    own = await ca.issue(['gateway']);
    issuer = await TestIssuer.create();
  });
  beforeEach(async () => {
    asked = [];
    await serve(serverCertificate);
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** All that a service asks an issuer and other services for, of whoever has a certificate of the authority. */
  async function serve({ cert, key }: TestCertificate, trusted = ca.pem): Promise<void> {
    server = createServer(
      { cert, key, ca: trusted, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        asked.push(`${String(subject.CN)} ${request.url}`);
        if (request.url === '/jwks.json') response.end(JSON.stringify(issuer.jwks));
        else if (request.url === '/token') {
          response.end(JSON.stringify({ access_token: 'exchanged', token_type: 'Bearer', expires_in: 300 }));
        } else if (request.url === '/feed') {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(`event: hello\ndata: ${JSON.stringify({ issuer: issuer.issuer, version: 1 })}\n\n`);
          response.write('event: snapshot-end\nid: s.0\ndata: {"ageMs":0}\n\n');
        } else response.end('answered');
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
    const serving = server;
    ends.push(() => {
      serving.closeAllConnections();
      return new Promise((resolve) => serving.close(resolve));
    });
  }

  const rules = () => ({ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'] as const });

  function verifierWith(tls: ClientTlsOption | undefined): TokenVerifier {
    const verifier = TokenVerifier.create({
      issuers: [{ ...rules(), jwksUri: `${origin}/jwks.json`, ...(tls && { tls }) }],
      now: issuer.clock.now,
    });
    ends.push(() => verifier.close());
    return verifier;
  }

  async function keys(tls: ClientTlsOption | undefined): Promise<string> {
    const verified = verifierWith(tls).verify(await issuer.token());
    return Promise.resolve(verified).then(
      () => 'ok',
      () => UNAVAILABLE,
    );
  }

  function feed(tls: ClientTlsOption | undefined): Promise<string> {
    return new Promise((resolve) => {
      const followed = new RevocationFeed({
        issuer: issuer.issuer,
        url: `${origin}/feed`,
        client: { id: 'gateway', secret: 'secret' },
        observer: { followed: () => resolve('ok'), lost: () => resolve(UNAVAILABLE) },
        ...(tls && { tls }),
      });
      ends.push(() => followed.close());
      void followed.start();
    });
  }

  function relayWith(tls: ClientTlsOption | undefined): RelayHttpClient {
    const relay = new TokenRelay({
      tokenEndpoint: `${origin}/token`,
      clientId: 'gateway',
      clientSecret: 'secret',
      destinations: {
        called: { audience: 'called', mode: 'none', baseUrl: origin },
        exchanging: { audience: 'exchanging', mode: 'exchange', scopes: ['a'], baseUrl: origin },
      },
      ...(tls && { tls }),
    });
    const client = new RelayHttpClient(relay);
    ends.push(() => Promise.all([client.onApplicationShutdown(), relay.onApplicationShutdown()]));
    return client;
  }

  async function call(client: RelayHttpClient, destination: 'called' | 'exchanging'): Promise<string> {
    const verifier = TokenVerifier.create({ issuers: [{ ...rules(), jwks: issuer.jwks }], now: issuer.clock.now });
    const context = await relayContextFor(verifier, await issuer.token());
    const answer = runAs(context, () => client.request(destination, { method: 'GET', path: '/' }));
    return answer.then(
      async ({ body }) => ((await body.text()) === 'answered' ? 'ok' : 'something else'),
      () => UNAVAILABLE,
    );
  }

  const WAYS: readonly [string, (tls: ClientTlsOption | undefined) => Promise<string>, readonly string[]][] = [
    ['keys', keys, ['/jwks.json']],
    ['feed', feed, ['/feed']],
    ['destinations', (tls) => call(relayWith(tls), 'called'), ['/']],
    ['token endpoint', (tls) => call(relayWith(tls), 'exchanging'), ['/token', '/']],
  ];

  describe.each(WAYS)('of the %s', (_name, way, paths) => {
    const presented = (): ClientTls => ({ ca: own.ca, cert: own.cert, key: own.key });

    it('is a certificate of its own, for a server of the authority that it trusts', async () => {
      expect(await way(presented())).toBe('ok');
      expect(asked).toEqual(paths.map((path) => `gateway ${path}`));
    });

    it('may be told by a function', async () => {
      expect(await way(presented)).toBe('ok');
    });

    it.each<[string, () => Promise<ClientTls | undefined> | ClientTls | undefined]>([
      ['nothing', () => undefined],
      ['no certificate', () => ({ ca: ca.pem })],
      ['a certificate of another authority', async () => ({ ...(await otherCa.issue(['gateway'])), ca: ca.pem })],
      ['one that nobody has signed', async () => ({ ...(await selfSigned(['gateway'])), ca: ca.pem })],
      ['one that has expired', async () => ca.issue(['gateway'], { notAfter: new Date(Date.now() - 1_000) })],
      ['trust in another authority', () => ({ ...presented(), ca: otherCa.pem })],
    ])('opens nothing with %s', async (_what, tls) => {
      expect(await way(await tls())).toBe(UNAVAILABLE);
      expect(asked).toEqual([]);
    });

    it('opens nothing to a server of another name', async () => {
      await serve(await ca.issue(['elsewhere', '127.0.0.1']));
      expect(await way(presented())).toBe(UNAVAILABLE);
      expect(asked).toEqual([]);
    });

    it('opens nothing while the function throws, or returns what is none', async () => {
      const throwing = (): never => {
        throw new Error('no file');
      };
      expect(await way(throwing)).toBe(UNAVAILABLE);
      expect(await way(() => ({ cert: 'nonsense', key: 'nonsense' }))).toBe(UNAVAILABLE);
    });
  });

  it('is asked for at each connection: another certificate and authority count for the next one', async () => {
    let tls: ClientTls = own;
    const client = relayWith(() => tls);
    expect(await call(client, 'called')).toBe('ok');
    const next = await otherCa.issue(['renewed']);
    tls = next;
    // The connection that is open goes on.
    expect(await call(client, 'called')).toBe('ok');
    server.closeAllConnections();
    // And the server has been renewed as well: it trusts the new authority, and is of it.
    const { cert, key } = await otherCa.issue(['localhost']);
    server.setSecureContext({ cert, key, ca: otherCa.pem });
    expect(await call(client, 'called')).toBe('ok');
    expect(asked).toEqual(['gateway /', 'gateway /', 'renewed /']);
    tls = own;
    server.closeAllConnections();
    expect(await call(client, 'called')).toBe(UNAVAILABLE);
  });

  it('is never an older session, whose certificates have been judged at another time', async () => {
    const reused: boolean[] = [];
    server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()));
    const client = relayWith(own);
    for (let i = 0; i < 3; i++) {
      expect(await call(client, 'called')).toBe('ok');
      server.closeAllConnections();
    }
    expect(reused).toEqual([false, false, false]);
  });

  it.each<[string, unknown]>([
    ['a certificate without its key', { cert: 'x' }],
    ['a key without its certificate', { key: 'x' }],
    ['what is no PEM', { cert: 'x', key: 'x' }],
    ['something else', 'x'],
    ['nothing', null],
    ['what is switched off', { rejectUnauthorized: false }],
  ])('is refused at the start where it is %s', (_what, tls) => {
    const options = { tls } as { tls: ClientTls };
    const made: [string, () => unknown][] = [
      ['verifier', () => TokenVerifier.create({ issuers: [{ ...rules(), jwksUri: 'https://x.test', ...options }] })],
      [
        'feed',
        () => new RevocationFeed({ issuer: 'i', url: 'https://x.test', client: { id: 'c', secret: 's' }, ...options }),
      ],
      ['relay', () => new TokenRelay({ destinations: {}, ...options })],
    ];
    for (const [, make] of made) expect(make).toThrow(/^tls/);
  });
});
