import { Body, Controller, Get, Inject, type INestApplication, Module, Post, Query } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  MessagePattern,
  RpcException,
  type MicroserviceOptions,
  type TcpContext,
  Transport,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { generateTestKey, TestIssuer, type TestKey } from '@token-relay/testing';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, type Server as TcpServer } from 'node:net';
import { decodeProtectedHeader } from 'jose';
import { EMPTY, firstValueFrom, type Observable } from 'rxjs';
import { JwtGuardModule, RelayClientProxy, RelayHttpClient, RelayModule, type RelayOptions, TokenRelay } from '../src';

/** A server on 127.0.0.1 whose every answer the test makes. */
class Peer {
  readonly requests: { url: string; authorization: string; body: string }[] = [];
  rawHeaders: string[] = [];
  answer: (response: ServerResponse, body: string, request: IncomingMessage) => void = (response) => response.end('{}');
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      this.rawHeaders = request.rawHeaders;
      this.requests.push({
        url: request.url ?? '',
        authorization: request.headers.authorization ?? '',
        body,
      });
      this.answer(response, body, request);
    });
  });

  async start(): Promise<this> {
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

/** What the RPC peer does with a message, by its pattern. */
const refusals: Record<string, object> = {
  forbidden: { status: 403, code: 'actor_not_allowed', error: 'insufficient_scope', error_description: 'No.' },
  unavailable: { status: 503, code: 'keys_unavailable', error: 'temporarily_unavailable', error_description: 'No.' },
  broken: { status: 'error', message: 'Internal server error' },
};

/** What the RPC peer refuses whatever is signed with. */
const revokedKeys = new Set<string>();

const held: Observable<{ authorization: string }>[] = [];

@Controller()
class CallingController {
  constructor(
    @Inject(RelayHttpClient) private readonly http: RelayHttpClient,
    @Inject(RelayClientProxy) private readonly rpc: RelayClientProxy,
  ) {}

  @Get('http')
  async callHttp(@Query('destination') destination: string, @Query('path') path: string) {
    const headers = {
      Authorization: 'Bearer of-the-caller',
      HOST: 'evil.test',
      'X-Transaction-Id': 'spoofed',
      'X-Color': 'red',
    };
    const { statusCode, body } = await this.http.request(destination, { method: 'GET', path, headers });
    return { statusCode, text: await body.text() };
  }

  @Post('http')
  async postHttp(@Body() body: object) {
    const sent = { method: 'POST', path: '/', body: JSON.stringify(body) } as const;
    const answer = await this.http.request('peer', sent);
    return { statusCode: answer.statusCode, text: await answer.body.text() };
  }

  @Get('rpc')
  async callRpc(@Query('pattern') pattern: string): Promise<unknown> {
    return firstValueFrom(this.rpc.send(pattern, {}));
  }

  @Get('hold')
  hold() {
    held.push(this.rpc.send('echo', {}));
    return {};
  }

  @Get('release')
  async release() {
    const [answers] = held.splice(0);
    return answers ? firstValueFrom(answers) : {};
  }
}

@Controller()
class RpcPeer {
  @MessagePattern('echo')
  echo(@Ctx() context: TcpContext) {
    return context.getMetadata();
  }

  @MessagePattern(Object.keys(refusals))
  refuse(@Ctx() context: TcpContext) {
    throw new RpcException(refusals[context.getPattern()] ?? {});
  }

  /** Refuses the first token that comes, and every one that it has refused. */
  @MessagePattern('picky')
  picky(@Ctx() context: TcpContext) {
    const { authorization } = context.getMetadata() as { authorization: string };
    if (authorization.includes('exchanged-1-'))
      throw new RpcException({ status: 401, code: 'key_unknown', error: 'invalid_token' });
    return { authorization };
  }

  @MessagePattern('guarded')
  guarded(@Ctx() context: TcpContext) {
    const { authorization } = context.getMetadata() as { authorization: string };
    if (isOfRevokedKey(authorization))
      throw new RpcException({ status: 401, code: 'key_revoked', error: 'invalid_token' });
    return { authorization };
  }

  @MessagePattern('never-satisfied')
  neverSatisfied() {
    throw new RpcException({ status: 401, code: 'key_unknown', error: 'invalid_token' });
  }

  @MessagePattern('empty')
  empty() {
    return EMPTY;
  }

  @MessagePattern('silent')
  silent() {
    return new Promise(() => undefined);
  }
}

function isOfRevokedKey(authorization: string): boolean {
  return revokedKeys.has(String(decodeProtectedHeader(authorization.replace('Bearer ', '')).kid));
}

describe('the relay', () => {
  let issuer: TestIssuer;
  let auth: Peer;
  let peer: Peer;
  let foreign: Peer;
  let app: INestApplication;
  let url: string;
  let exchanges: number;
  let revoked: Set<string>;
  /** As the verifier of the app that relays has heard of them. */
  let knownRevoked: Set<string>;

  beforeEach(async () => {
    issuer = await TestIssuer.create();
    [auth, peer, foreign] = await Promise.all([new Peer().start(), new Peer().start(), new Peer().start()]);
    exchanges = 0;
    revoked = new Set();
    knownRevoked = new Set();
    revokedKeys.clear();
    auth.answer = (response, body) => {
      exchanges++;
      const subject = new URLSearchParams(body).get('subject_token') ?? '';
      response.setHeader('content-type', 'application/json');
      const token = `exchanged-${exchanges}-of-${subject.slice(-8)}`;
      response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 300 }));
    };

    @Module({ controllers: [RpcPeer] })
    class RpcPeerModule {}
    const rpcServer = await NestFactory.createMicroservice<MicroserviceOptions>(RpcPeerModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      logger: false,
    });
    await rpcServer.listen();
    const { port } = rpcServer.unwrap<TcpServer>().address() as AddressInfo;

    @Module({
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'], jwks: issuer.jwks }],
          now: issuer.clock.now,
          revocation: {
            isRevoked: ({ tokenId }) => revoked.has(tokenId ?? ''),
            isKeyRevoked: (name, kid) => name === issuer.issuer && knownRevoked.has(kid),
          },
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${auth.origin}/oauth/token`,
          dangerouslyAllowHttp: true,
          clientId: 'resource',
          clientSecret: 'a secret: with odd/characters+',
          timeoutMs: 500,
          destinations: {
            peer: { audience: 'peer', mode: 'exchange', scopes: ['a', 'b'], baseUrl: peer.origin },
            namesake: { audience: 'peer', mode: 'exchange', scopes: ['b'], baseUrl: peer.origin },
            rpc: { audience: 'rpc', mode: 'exchange', scopes: ['a'] },
          },
        }),
      ],
      controllers: [CallingController],
      providers: [
        {
          provide: RelayClientProxy,
          inject: [TokenRelay],
          useFactory: (relay: TokenRelay) =>
            new RelayClientProxy(
              ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } }),
              'rpc',
              relay,
            ),
        },
        { provide: 'rpc-server', useValue: { onApplicationShutdown: () => rpcServer.close() } },
      ],
    })
    class TestModule {}
    app = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });

  afterEach(async () => {
    await app.close();
    await Promise.all([auth, peer, foreign].map((server) => server.stop()));
  });

  async function call(path: string, token: string) {
    const answer = await fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  }
  const codeOf = async (path: string) => {
    const { status, body } = await call(path, await issuer.token());
    return { status, code: body.code };
  };

  it("calls with a token for the destination, and never with the caller's", async () => {
    const token = await issuer.token();
    expect((await call('http?destination=peer&path=/x%3Fy=1', token)).status).toBe(200);
    expect(peer.requests).toEqual([
      { url: '/x?y=1', authorization: `Bearer exchanged-1-of-${token.slice(-8)}`, body: '' },
    ]);
    const form = Object.fromEntries(new URLSearchParams(auth.requests[0]?.body));
    expect(form).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'peer',
      scope: 'a b',
    });
    const credentials = Buffer.from(auth.requests[0]?.authorization.slice(6) ?? '', 'base64').toString();
    expect(credentials).toBe('resource:a+secret%3A+with+odd%2Fcharacters%2B');
  });

  it('lets no header of a caller stand beside its own, however it is spelt', async () => {
    await call('http?destination=peer&path=/', await issuer.token());
    const names = peer.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    expect(
      names.filter((name) => name === 'authorization' || name === 'host' || name === 'x-transaction-id').sort(),
    ).toEqual(['authorization', 'host', 'x-transaction-id']);
    expect(peer.rawHeaders.join()).not.toMatch(/of-the-caller|evil\.test|spoofed/);
    expect(names).toContain('x-color');
  });

  it('exchanges for each audience, and for each set of scopes', async () => {
    const token = await issuer.token();
    await call('http?destination=peer&path=/', token);
    await call('http?destination=namesake&path=/', token);
    await call('rpc?pattern=echo', token);
    const asked = auth.requests.map(({ body }) => {
      const form = new URLSearchParams(body);
      return `${form.get('audience')}: ${form.get('scope')}`;
    });
    expect(asked).toEqual(['peer: a b', 'peer: b', 'rpc: a']);
    expect(new Set(peer.requests.map(({ authorization }) => authorization)).size).toBe(2);
  });

  it('exchanges once for all who call at the same time with the same token, and once more for another', async () => {
    const [first, second] = await Promise.all([issuer.token({ jti: '1' }), issuer.token({ jti: '2' })]);
    await Promise.all(Array.from({ length: 20 }, () => call('http?destination=peer&path=/', first)));
    await call('http?destination=peer&path=/', first);
    expect(exchanges).toBe(1);
    await call('http?destination=peer&path=/', second);
    expect(exchanges).toBe(2);
  });

  it('does not use an exchanged token past its end', async () => {
    auth.answer = (response) => {
      exchanges++;
      response.end(JSON.stringify({ access_token: `t${exchanges}`, token_type: 'Bearer', expires_in: 0.05 }));
    };
    const token = await issuer.token();
    await call('http?destination=peer&path=/', token);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await call('http?destination=peer&path=/', token);
    expect(exchanges).toBe(2);
  });

  it('follows no redirect', async () => {
    peer.answer = (response) => response.writeHead(302, { location: `${foreign.origin}/` }).end();
    const { body } = await call('http?destination=peer&path=/', await issuer.token());
    expect(body.statusCode).toBe(302);
    expect(foreign.requests).toEqual([]);
  });

  it.each([['//evil.test/'], ['evil.test'], ['http://evil.test/'], ['']])(
    'calls nothing for the path %p',
    async (path) => {
      const { status } = await call(`http?destination=peer&path=${encodeURIComponent(path)}`, await issuer.token());
      expect(status).toBe(500);
      expect(peer.requests).toEqual([]);
    },
  );

  it.each([['nowhere'], ['toString'], ['rpc']])('has no contract over HTTP for %p', async (destination) => {
    expect((await call(`http?destination=${destination}&path=/`, await issuer.token())).status).toBe(500);
    expect(auth.requests).toEqual([]);
  });

  it('exchanges anew, once, when the destination refuses the token; then it is nobody’s 401', async () => {
    peer.answer = (response) => {
      response.statusCode = peer.requests.length === 1 ? 401 : 200;
      response.end('{}');
    };
    const { body } = await call('http?destination=peer&path=/', await issuer.token());
    expect(body.statusCode).toBe(200);
    expect(exchanges).toBe(2);

    peer.answer = (response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    expect(await codeOf('http?destination=peer&path=/')).toEqual({
      status: 503,
      code: 'relay_token_refused',
    });
  });

  it.each([
    ['refuses the subject token', 400, { error: 'invalid_request' }, 401, 'exchange_refused'],
    ['has no scope left', 400, { error: 'invalid_scope' }, 403, 'insufficient_scope'],
    ['does not know us', 401, { error: 'invalid_client' }, 503, 'exchange_unavailable'],
    ['does not allow the target', 400, { error: 'invalid_target' }, 503, 'exchange_unavailable'],
    ['fails', 500, {}, 503, 'exchange_unavailable'],
    ['answers without a token', 200, {}, 503, 'exchange_unavailable'],
    ['answers no JSON', 200, 'oops', 503, 'exchange_unavailable'],
    ['answers null', 200, 'null', 503, 'exchange_unavailable'],
    ['fails with null', 500, 'null', 503, 'exchange_unavailable'],
    [
      'answers with an empty token',
      200,
      { access_token: '', token_type: 'Bearer', expires_in: 1 },
      503,
      'exchange_unavailable',
    ],
    [
      'answers with no bearer token',
      200,
      { access_token: 'x', token_type: 'N_A', expires_in: 1 },
      503,
      'exchange_unavailable',
    ],
    [
      'answers with a token that is none',
      200,
      { access_token: 'x\r\ny: z', token_type: 'Bearer', expires_in: 1 },
      503,
      'exchange_unavailable',
    ],
    ['answers endlessly', 200, ' '.repeat(65 * 1024), 503, 'exchange_unavailable'],
  ])('when the issuer %s (%i), says so', async (_what, answered, body, status, code) => {
    auth.answer = (response) => {
      response.statusCode = answered;
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    expect(await codeOf('http?destination=peer&path=/')).toEqual({ status, code });
    expect(await codeOf('rpc?pattern=echo')).toEqual({ status, code });
    expect(peer.requests).toEqual([]);
  });

  it('tells a destination that is silent from one that is away', async () => {
    peer.answer = () => undefined;
    expect(await codeOf('http?destination=peer&path=/')).toEqual({ status: 504, code: 'upstream_timeout' });
    expect(await codeOf('rpc?pattern=silent')).toEqual({ status: 504, code: 'upstream_timeout' });
    await peer.stop();
    expect(await codeOf('http?destination=peer&path=/')).toEqual({
      status: 502,
      code: 'upstream_unreachable',
    });
    await peer.start();
  });

  it('asks a destination over TCP once more with a new token when it refuses one; then it is nobody’s 401', async () => {
    const { status, body } = await call('rpc?pattern=picky', await issuer.token());
    expect({ status, ...body }).toMatchObject({
      status: 200,
      authorization: expect.stringContaining('exchanged-2-') as string,
    });
    expect(await codeOf('rpc?pattern=never-satisfied')).toEqual({ status: 503, code: 'relay_token_refused' });
  });

  it.each([
    ['forbidden', 403, 'actor_not_allowed'],
    ['unavailable', 503, 'upstream_unavailable'],
    ['broken', 502, 'upstream_failed'],
    ['empty', 502, 'upstream_failed'],
    ['nobody-listens', 502, 'upstream_failed'],
  ])('tells what %s over TCP means here: %i %s', async (pattern, status, code) => {
    expect(await codeOf(`rpc?pattern=${pattern}`)).toEqual({ status, code });
  });

  it('carries the token over TCP in the metadata of the packet', async () => {
    const token = await issuer.token();
    expect((await call('rpc?pattern=echo', token)).body).toEqual({
      authorization: `Bearer exchanged-1-of-${token.slice(-8)}`,
      'x-transaction-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/) as string,
      'x-request-timeout-ms': '450',
    });
  });

  it('speaks for whoever called send(), whoever subscribes', async () => {
    const [first, second] = await Promise.all([issuer.token({ jti: '1' }), issuer.token({ jti: '2' })]);
    await call('hold', first);
    const { body } = await call('release', second);
    expect(body.authorization).toContain(first.slice(-8));
  });

  it('does not speak for whoever called send() and was revoked before somebody subscribes', async () => {
    const [first, second] = await Promise.all([issuer.token({ jti: '1' }), issuer.token({ jti: '2' })]);
    await call('hold', first);
    while (exchanges === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    revoked.add('1');
    expect(await call('release', second)).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
  });

  it.each(['http?destination=peer&path=/', 'rpc?pattern=echo'])(
    'calls nobody for a caller who is revoked while the token is exchanged: /%s',
    async (path) => {
      const exchange = auth.answer;
      auth.answer = (...parameters) => {
        revoked.add('revoked-meanwhile');
        exchange(...parameters);
      };
      const token = await issuer.token({ jti: 'revoked-meanwhile' });
      const answer = await fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(await answer.json()).toMatchObject({ code: 'token_revoked' });
      expect([exchanges, peer.requests]).toEqual([1, []]);
    },
  );

  describe('when the key of what was exchanged is revoked', () => {
    let keys: TestKey[];

    beforeEach(async () => {
      keys = await Promise.all([generateTestKey(), generateTestKey()]);
      auth.answer = (response) => {
        const key = keys[exchanges++];
        if (!key) return void response.writeHead(500).end();
        const token = issuer.signRaw(
          JSON.stringify(issuer.header({}, key)),
          JSON.stringify(issuer.claims({ aud: 'peer', jti: `exchanged-${exchanges}` })),
          key,
        );
        response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 300 }));
      };
      peer.answer = (response, body, { headers }) => {
        response.statusCode = isOfRevokedKey(headers.authorization ?? '') ? 401 : 200;
        response.end(body);
      };
    });

    const post = async (token: string) => {
      const answer = await fetch(`${url}/http`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ title: 'a document' }),
      });
      return (await answer.json()) as { statusCode: number; text: string };
    };
    const overHttp = async (token: string): Promise<boolean> => {
      const { statusCode, text } = await post(token);
      return statusCode === 200 && text === '{"title":"a document"}';
    };
    const overRpc = async (token: string): Promise<boolean> =>
      (await call('rpc?pattern=guarded', token)).status === 200;

    it.each([
      ['HTTP, with a body,', overHttp],
      ['RPC', overRpc],
    ])('nobody notices over %s whether it is known here yet or not', async (_transport, works) => {
      const token = await issuer.token();
      expect(await works(token)).toBe(true);
      expect(await works(token)).toBe(true);
      expect(exchanges).toBe(1);
      revokedKeys.add(keys[0]?.kid ?? '');
      expect(await works(token)).toBe(true);
      expect(await works(token)).toBe(true);
      expect(exchanges).toBe(2);
    });

    it('calls nobody with it once that is known here', async () => {
      const token = await issuer.token();
      expect(await overHttp(token)).toBe(true);
      for (const known of [revokedKeys, knownRevoked]) known.add(keys[0]?.kid ?? '');
      expect(await overHttp(token)).toBe(true);
      expect([exchanges, peer.requests.length]).toEqual([2, 2]);
    });

    it('says that it can not be had where no other is signed', async () => {
      const token = await issuer.token();
      await overHttp(token);
      knownRevoked.add(keys[0]?.kid ?? '');
      keys.pop();
      expect(await post(token)).toMatchObject({ status: 503, code: 'exchange_unavailable' });
    });

    it('has nothing to do with another issuer’s key of that name', async () => {
      const claims = { aud: 'peer', iss: 'https://other.test' };
      const [key] = keys;
      const token = await issuer.token();
      auth.answer = (response) => {
        exchanges++;
        const exchanged = issuer.signRaw(JSON.stringify(issuer.header({}, key)), JSON.stringify(claims), key);
        response.end(JSON.stringify({ access_token: exchanged, token_type: 'Bearer', expires_in: 300 }));
      };
      await overHttp(token);
      knownRevoked.add(key?.kid ?? '');
      await overHttp(token);
      expect(exchanges).toBe(1);
    });
  });

  it('keeps 100 interleaved calls over one connection apart', async () => {
    const tokens = await Promise.all(Array.from({ length: 100 }, (_, i) => issuer.token({ jti: `${i}` })));
    const answers = await Promise.all(tokens.map((token) => call('rpc?pattern=echo', token)));
    answers.forEach(({ body }, i) => expect(body.authorization).toContain(tokens[i]?.slice(-8)));
  });

  it.each([
    ['a token endpoint without TLS', { tokenEndpoint: 'http://auth.test/oauth/token' }],
    [
      'a destination without TLS',
      { destinations: { a: { audience: 'a', mode: 'exchange', scopes: ['a'], baseUrl: 'http://a.test' } } },
    ],
    [
      'a destination with a path',
      { destinations: { a: { audience: 'a', mode: 'exchange', scopes: ['a'], baseUrl: 'https://a.test/x' } } },
    ],
    ['a destination without scopes', { destinations: { a: { audience: 'a', mode: 'exchange', scopes: [] } } }],
    ['another mode', { destinations: { a: { audience: 'a', mode: 'forward', scopes: ['a'] } } }],
    ['no secret', { clientSecret: '' }],
  ])('is not made with %s', (_what, changed) => {
    const good = { tokenEndpoint: 'https://auth.test/oauth/token', clientId: 'a', clientSecret: 'b', destinations: {} };
    expect(() => new TokenRelay(good)).not.toThrow();
    expect(() => new TokenRelay({ ...good, ...changed } as RelayOptions)).toThrow(TypeError);
  });

  it('has nothing to relay outside of a call', async () => {
    await expect(app.get(TokenRelay).prepare('peer')).rejects.toMatchObject({ code: 'token_missing' });
  });
});
