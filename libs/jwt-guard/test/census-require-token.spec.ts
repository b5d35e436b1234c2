import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import express from 'express';
import { type AddressInfo } from 'node:net';
import { currentPrincipal, JwtGuardModule, policyCensus, requireToken } from '../src';

const needs = { scopes: ['documents:read', 'documents:write'], actors: ['gateway'] };
const seen = () => ({ subject: currentPrincipal()?.subject ?? null });

const PLACES = {
  'onRequest of Fastify': async (module: object) => {
    const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
    app
      .getHttpAdapter()
      .getInstance()
      .post('/raw', { onRequest: requireToken(needs) }, () => Promise.resolve(seen()));
    return app;
  },
  'preHandler of Fastify, in a list': async (module: object) => {
    const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
    const preHandler = [requireToken(needs)];
    app
      .getHttpAdapter()
      .getInstance()
      .post('/raw', { preHandler }, () => Promise.resolve(seen()));
    return app;
  },
  'a route of Express': async (module: object) => {
    const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), { logger: false });
    const instance = app.getHttpAdapter().getInstance();
    instance.post('/raw', requireToken(needs), (_request, answer) => void answer.json(seen()));
    return app;
  },
  'a route of Express that was there before the app': (module: object) => {
    const instance = express();
    instance.post('/raw', requireToken(needs), (_request, answer) => void answer.json(seen()));
    return NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(instance), { logger: false });
  },
  'a path of Express, before a router': async (module: object) => {
    const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), { logger: false });
    const router = express.Router().post('/', (_request, answer) => void answer.json(seen()));
    app.use('/raw', requireToken(needs), router);
    return app;
  },
  'a router of Express, before its routes': async (module: object) => {
    const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), { logger: false });
    const router = express.Router().use(requireToken(needs));
    app.use(router.post('/raw', (_request, answer) => void answer.json(seen())));
    return app;
  },
};

describe.each(Object.entries(PLACES))('requireToken in %s', (_name, create) => {
  let issuer: TestIssuer;
  let app: INestApplication;
  let url: string;
  let outage = false;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    @Module({
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
          now: issuer.clock.now,
          revocation: {
            isRevoked: () => {
              if (outage) throw new Error('connection lost');
              return false;
            },
          },
        }),
      ],
    })
    class TestModule {}
    app = await create(TestModule);
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer() as { address(): AddressInfo }).address().port}/raw`;
  });
  afterAll(() => app.close());

  async function call(token?: string) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{}',
    });
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      challenge: answer.headers.get('www-authenticate'),
      retryAfter: answer.headers.get('retry-after'),
      body: (await answer.json()) as Record<string, unknown>,
    };
  }
  const acted = (claims = {}) => issuer.token({ act: { sub: 'gateway' }, ...claims });
  const problem = { type: expect.stringMatching(/^application\/problem\+json/) as string, retryAfter: null };

  it('lets a token through that is enough, and the handler knows whose it is', async () => {
    expect(await call(await acted())).toMatchObject({
      status: 200,
      challenge: null,
      body: { subject: issuer.claims().sub },
    });
  });

  it('asks for a token', async () => {
    expect(await call()).toMatchObject({
      ...problem,
      status: 401,
      challenge: 'Bearer realm="api"',
      body: { code: 'token_missing' },
    });
  });

  it('refuses a bad one', async () => {
    expect(await call(await acted({ aud: 'another' }))).toMatchObject({
      ...problem,
      status: 401,
      challenge: expect.stringContaining('error="invalid_token"') as string,
      body: { code: 'audience_mismatch' },
    });
  });

  it('says what scopes it takes', async () => {
    expect(await call(await acted({ scope: 'documents:read' }))).toMatchObject({
      ...problem,
      status: 403,
      challenge: expect.stringContaining('scope="documents:read documents:write"') as string,
      body: { code: 'insufficient_scope' },
    });
  });

  it('refuses a call of somebody else', async () => {
    expect(await call(await issuer.token())).toMatchObject({
      ...problem,
      status: 403,
      body: { code: 'actor_not_allowed' },
    });
  });

  it('says when it can not tell', async () => {
    outage = true;
    try {
      expect(await call(await acted())).toMatchObject({
        ...problem,
        status: 503,
        challenge: null,
        retryAfter: '2',
        body: { code: 'revocation_unavailable' },
      });
    } finally {
      outage = false;
    }
  });

  it('stands in the census with what it asks for', () => {
    expect(policyCensus(app)).toEqual({
      revocation: 'checked',
      handlers: [
        {
          transport: 'http',
          entry: expect.stringMatching(/^POST \/raw\/?$/) as string,
          policy: 'token',
          ...needs,
        },
      ],
    });
  });
});

describe('requireToken on Express', () => {
  it('is before what comes after it, at its own path and below, and before nothing else', async () => {
    const issuer = await TestIssuer.create();
    const issuers = [
      { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
    ];
    @Module({ imports: [JwtGuardModule.forRoot({ issuers })] })
    class TestModule {}
    const app = await NestFactory.create<NestExpressApplication>(TestModule, new ExpressAdapter(), { logger: false });
    const router = () => express.Router().get('/open', (_request, answer) => void answer.send('open'));
    app.use('/early', router());
    app.use('/path', requireToken());
    app.use('/path', router());
    app.use('/path/below', router());
    app.use('/pathological', router());
    app.use('/late', router(), requireToken());
    app.use('/one', requireToken());
    app
      .getHttpAdapter()
      .getInstance()
      .get(['/one/x', '/two/x'], (_request, answer) => void answer.send('open'));
    const { handlers } = policyCensus(app);
    await app.close();
    expect(handlers.map(({ entry, policy }) => [entry, policy])).toEqual([
      ['GET /early/open', 'none'],
      ['GET /path/open', 'token'],
      ['GET /path/below/open', 'token'],
      ['GET /pathological/open', 'none'],
      ['GET /late/open', 'none'],
      ['GET /one/x', 'token'],
      ['GET /two/x', 'none'],
    ]);
  });

  it('says nothing where somebody has answered in the meantime, and goes on', async () => {
    const issuer = await TestIssuer.create();
    const issuers = [
      { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
    ];
    @Module({ imports: [JwtGuardModule.forRoot({ issuers, now: issuer.clock.now })] })
    class TestModule {}
    const app = await NestFactory.create<NestExpressApplication>(TestModule, new ExpressAdapter(), { logger: false });
    app.use((request: express.Request, answer: express.Response, next: () => void) => {
      if (request.query.late !== undefined) answer.status(503).end();
      next();
    });
    const instance = app.getHttpAdapter().getInstance();
    instance.get('/raw', requireToken(), (_request, answer) => void answer.json(seen()));
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    try {
      const bad = { headers: { authorization: `Bearer ${await issuer.token({ aud: 'another' })}` } };
      expect((await fetch(`${url}/raw?late=1`, bad)).status).toBe(503);
      expect((await fetch(`${url}/raw`, bad)).status).toBe(401);
    } finally {
      await app.close();
    }
  });
});
