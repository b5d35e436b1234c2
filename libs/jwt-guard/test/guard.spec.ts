import {
  Body,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  HttpException,
  type INestApplication,
  Logger,
  type LoggerService,
  Module,
  Post,
  Req,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { type RpcException } from '@nestjs/microservices';
import { type Claims, hostileTokens, JwksServer, TestIssuer } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import {
  CurrentPrincipal,
  currentPrincipal,
  currentRelayContext,
  JwtGuard,
  JwtGuardModule,
  JwtStrategy,
  type JwtGuardOptions,
  type Principal,
  Public,
  RequireActor,
  RequireScopes,
  TokenVerifier,
} from '../src';

/** A filter as teams write it: it makes its own answer, and sets no headers. */
@Catch(HttpException)
class OwnFilter implements ExceptionFilter {
  catch(exception: HttpException, host: ArgumentsHost) {
    const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
    response.status(exception.getStatus()).send({ mine: true });
  }
}

@Controller()
class TestController {
  @Get('undecorated')
  undecorated(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }

  @Public('it is for everybody')
  @Get('open')
  open(@CurrentPrincipal() principal: Principal | undefined) {
    return { principal: principal ?? null };
  }

  @RequireScopes('documents:read', 'documents:write')
  @Get('scoped')
  scoped() {
    return {};
  }

  @RequireActor('gateway')
  @Get('acted')
  acted() {
    return {};
  }

  @UseFilters(OwnFilter)
  @Get('own-filter')
  ownFilter() {
    return {};
  }

  @RequireScopes('documents:read')
  @RequireScopes('documents:write')
  @Get('stacked')
  stacked() {
    return {};
  }

  @Get('user')
  user(@Req() request: { user: Principal }) {
    return { user: request.user.subject };
  }

  @Public('passport guards it, as in code from before')
  @UseGuards(AuthGuard('jwt'))
  @Get('passport')
  passport() {
    return {};
  }

  @Post('context')
  async context(@Body() { ms }: { ms: number }) {
    await sleep(ms);
    return { tokenId: currentPrincipal()?.tokenId, transactionId: currentRelayContext()?.transactionId };
  }
}

@RequireScopes('documents:read')
@Controller('narrow')
class NarrowController {
  @Get()
  inherited() {
    return {};
  }

  @RequireScopes('documents:write')
  @Get('narrower')
  narrower() {
    return {};
  }

  @Public('one opening in a closed controller')
  @Get('open')
  open() {
    return {};
  }
}

@Public('all of it is open, but for what says otherwise')
@Controller('wide')
class WideController {
  @Get()
  inherited() {
    return {};
  }

  @RequireScopes('documents:write')
  @Get('closed')
  closed() {
    return {};
  }
}

@Public('the base is open, which says nothing of what extends it')
class OpenBase {}

@Controller('derived')
class DerivedController extends OpenBase {
  @Get()
  secret() {
    return {};
  }
}

type Platform = 'express' | 'fastify';

async function startApp(
  platform: Platform,
  options: JwtGuardOptions,
  logger: LoggerService | false = false,
): Promise<{ app: INestApplication; url: string }> {
  @Module({
    imports: [JwtGuardModule.forRoot(options)],
    controllers: [TestController, NarrowController, WideController, DerivedController],
  })
  class TestModule {}
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(TestModule, adapter, { logger });
  await app.listen(0, '127.0.0.1');
  return { app, url: (await app.getUrl()).replace('[::1]', '127.0.0.1') };
}

describe.each<Platform>(['express', 'fastify'])('JwtGuard on %s', (platform) => {
  let issuer: TestIssuer;
  let app: INestApplication;
  let url: string;

  const optionsFor = (from: TestIssuer): JwtGuardOptions => ({
    issuers: [{ issuer: from.issuer, audience: from.audience, algorithms: ['ES256'], jwks: from.jwks }],
    now: from.clock.now,
  });

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    ({ app, url } = await startApp(platform, optionsFor(issuer)));
  });
  afterAll(() => app.close());

  async function call(path: string, token?: string, base = url) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await fetch(`${base}/${path}`, { headers });
    const body = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, body, challenge: answer.headers.get('www-authenticate') };
  }

  it('requires a token where nothing is said', async () => {
    expect(await call('undecorated')).toMatchObject({
      status: 401,
      challenge: 'Bearer realm="api"',
      body: { status: 401, code: 'token_missing', title: 'Unauthorized', type: 'about:blank' },
    });
    expect(await call('undecorated', await issuer.token({ sub: 'me' }))).toMatchObject({
      status: 200,
      body: { subject: 'me' },
    });
  });

  it('opens what is public, and reads no token there', async () => {
    expect(await call('open')).toMatchObject({ status: 200, body: { principal: null } });
    expect(await call('open', 'garbage')).toMatchObject({ status: 200, body: { principal: null } });
  });

  it('asks for all scopes, and names them when one is missing', async () => {
    expect((await call('scoped', await issuer.token())).status).toBe(200);
    expect(await call('scoped', await issuer.token({ scope: 'documents:read' }))).toMatchObject({
      status: 403,
      challenge: expect.stringMatching(/error="insufficient_scope".*scope="documents:read documents:write"/) as string,
      body: { code: 'insufficient_scope' },
    });
    expect((await call('scoped', await issuer.token({ scope: undefined }))).status).toBe(403);
    expect((await call('scoped', await issuer.token({ scope: 'documents:read documents:writer' }))).status).toBe(403);
  });

  it('asks for the scopes of every decorator in a place', async () => {
    expect((await call('stacked', await issuer.token())).status).toBe(200);
    expect((await call('stacked', await issuer.token({ scope: 'documents:read' }))).status).toBe(403);
    expect((await call('stacked', await issuer.token({ scope: 'documents:write' }))).status).toBe(403);
  });

  it('does not inherit an opening', async () => {
    expect((await call('derived')).status).toBe(401);
    expect((await call('derived', await issuer.token())).status).toBe(200);
  });

  it("stays closed when another 'jwt' strategy has taken the place of its own", async () => {
    class Anybody extends Strategy {
      override name = 'jwt';
      override authenticate() {
        this.success({ id: 'anybody' });
      }
    }
    const own = app.get(JwtStrategy);
    passport.use(new Anybody({ jwtFromRequest: () => null, secretOrKey: 'x' }, () => undefined));
    try {
      expect((await call('undecorated', await issuer.token({ jti: 'never-seen' }))).status).toBe(403);
      expect((await call('undecorated')).status).toBe(401);
    } finally {
      passport.use(own);
    }
  });

  it('asks the outermost actor, and no other', async () => {
    const statusFor = async (act: unknown) => (await call('acted', await issuer.token({ act }))).status;
    expect(await statusFor({ sub: 'gateway' })).toBe(200);
    expect(await statusFor({ sub: 'gateway', act: { sub: 'other' } })).toBe(200);
    expect(await statusFor({ sub: 'other', act: { sub: 'gateway' } })).toBe(403);
    expect(await statusFor(undefined)).toBe(403);
  });

  it('adds the scopes of a handler to those of its controller; what stands closer opens or closes', async () => {
    const read = await issuer.token({ scope: 'documents:read' });
    const write = await issuer.token({ scope: 'documents:write' });
    expect((await call('narrow', read)).status).toBe(200);
    expect((await call('narrow/narrower', read)).status).toBe(403);
    expect((await call('narrow/narrower', write)).status).toBe(403);
    expect((await call('narrow/narrower', await issuer.token())).status).toBe(200);
    expect((await call('narrow/open')).status).toBe(200);
    expect((await call('wide')).status).toBe(200);
    expect((await call('wide/closed')).status).toBe(401);
    expect((await call('wide/closed', write)).status).toBe(200);
  });

  it("puts the challenge on the answer even where a team's own filter makes it", async () => {
    expect(await call('own-filter', await issuer.token({ aud: 'other' }))).toEqual({
      status: 401,
      body: { mine: true },
      challenge: expect.stringContaining('error="invalid_token"') as string,
    });
  });

  it("gives the verdict of AuthGuard('jwt') in code from before, for every hostile token", async () => {
    expect((await call('passport', await issuer.token())).status).toBe(200);
    const sendable = (await hostileTokens(issuer)).filter((hostile) => hostile.sendable);
    expect(sendable.length).toBeGreaterThan(250);
    for (const { name, token } of sendable) {
      const [own, passports] = await Promise.all([call('undecorated', token), call('passport', token)]);
      expect({
        name,
        status: passports.status,
        code: passports.body.code,
        challenge: passports.challenge,
      }).toEqual({
        name,
        status: own.status,
        code: own.body.code,
        challenge: own.challenge,
      });
      expect(own.status).toBeGreaterThanOrEqual(400);
    }
  });

  it('judges by its own rules when another app in the process has others', async () => {
    const other = await TestIssuer.create({ audience: 'other' });
    const second = await startApp(platform, optionsFor(other));
    try {
      for (const path of ['undecorated', 'passport']) {
        expect((await call(path, await issuer.token())).status).toBe(200);
        expect((await call(path, await other.token())).status).toBe(401);
        expect((await call(path, await other.token(), second.url)).status).toBe(200);
        expect((await call(path, await issuer.token(), second.url)).status).toBe(401);
      }
    } finally {
      await second.app.close();
    }
  });

  it("gives AuthGuard('jwt') and JwtGuard of two apps each its own verdict for the whole catalogue", async () => {
    const other = await TestIssuer.create({ audience: 'other', issuer: issuer.issuer, keys: issuer.keys });
    const second = await startApp(platform, optionsFor(other));
    try {
      const tokens = (await hostileTokens(other)).filter((hostile) => hostile.sendable);
      for (const { name, token, code } of tokens) {
        const answers = await Promise.all(['undecorated', 'passport'].map((path) => call(path, token, second.url)));
        expect([name, ...answers.map(({ body }) => body.code)]).toEqual([name, code, code]);
      }
      for (const [token, own, others] of [
        [await issuer.token(), 200, 401],
        [await other.token(), 401, 200],
      ] as const) {
        for (const path of ['undecorated', 'passport', 'undecorated']) {
          expect((await call(path, token)).status).toBe(own);
          expect((await call(path, token, second.url)).status).toBe(others);
        }
      }
    } finally {
      await second.app.close();
    }
  });

  it('leaves the request as passport does, whether the token was verified before or not', async () => {
    const token = await issuer.token({ jti: 'seen-twice' });
    const asked = jest.spyOn(passport, 'authenticate');
    const [first, again] = [await call('user', token), await call('user', token)];
    expect(asked).toHaveBeenCalledTimes(1);
    expect(first.body).toEqual({ user: issuer.claims().sub });
    expect(again).toEqual(first);
  });

  it("takes the token where one of passport-jwt's extractors finds it", async () => {
    const second = await startApp(platform, {
      ...optionsFor(issuer),
      jwtFromRequest: ExtractJwt.fromHeader('x-access-token'),
    });
    try {
      const token = await issuer.token();
      const answer = await fetch(`${second.url}/undecorated`, { headers: { 'x-access-token': token } });
      expect(answer.status).toBe(200);
      expect((await call('undecorated', token, second.url)).status).toBe(401);
      // … and the first app's is still where it was.
      expect((await call('undecorated', token)).status).toBe(200);
    } finally {
      await second.app.close();
    }
  });

  it('answers 503 if the revocation source fails, however it does', async () => {
    const revocation = {
      isRevoked: () => {
        throw new Error('connection lost');
      },
    };
    const second = await startApp(platform, { ...optionsFor(issuer), revocation });
    try {
      expect(await call('undecorated', await issuer.token(), second.url)).toMatchObject({
        status: 503,
        challenge: null,
        body: { code: 'revocation_unavailable' },
      });
    } finally {
      await second.app.close();
    }
  });

  it('takes its options from a factory too, under a global prefix', async () => {
    @Module({
      imports: [JwtGuardModule.forRootAsync({ useFactory: () => Promise.resolve(optionsFor(issuer)) })],
      controllers: [TestController],
    })
    class AsyncModule {}
    const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const second = await NestFactory.create(AsyncModule, adapter, { logger: false });
    second.setGlobalPrefix('v1', { exclude: ['open'] });
    await second.listen(0, '127.0.0.1');
    try {
      const base = (await second.getUrl()).replace('[::1]', '127.0.0.1');
      expect((await call('v1/undecorated', await issuer.token(), base)).status).toBe(200);
      expect((await call('v1/undecorated', undefined, base)).status).toBe(401);
      expect((await call('open', undefined, base)).status).toBe(200);
    } finally {
      await second.close();
    }
  });

  it('does not start when it is imported twice', async () => {
    @Module({
      imports: [
        JwtGuardModule.forRoot(optionsFor(issuer)),
        JwtGuardModule.forRoot({ ...optionsFor(issuer), realm: 'b' }),
      ],
    })
    class TwiceModule {}
    const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const second = await NestFactory.create(TwiceModule, adapter, { logger: false, abortOnError: false });
    await expect(second.init()).rejects.toThrow('imported twice');
    await second.close();
  });

  it('answers 503 and when to come back if the keys can not be had', async () => {
    const jwks = await JwksServer.start({ keys: [] });
    jwks.status = 500;
    const second = await startApp(platform, {
      issuers: [
        {
          issuer: issuer.issuer,
          audience: issuer.audience,
          algorithms: ['ES256'],
          jwksUri: jwks.url,
          dangerouslyAllowHttp: true,
        },
      ],
    });
    try {
      for (const path of ['undecorated', 'passport']) {
        const answer = await fetch(`${second.url}/${path}`, {
          headers: { authorization: `Bearer ${await issuer.token()}` },
        });
        expect(answer.status).toBe(503);
        expect(answer.headers.get('retry-after')).toBe('2');
        expect(answer.headers.get('www-authenticate')).toBeNull();
        expect(await answer.json()).toMatchObject({ code: 'keys_unavailable' });
      }
    } finally {
      await second.app.close();
      await jwks.stop();
    }
  });

  it('keeps 300 interleaved requests with bodies apart', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => `token-${i}`);
    const seen = await Promise.all(
      ids.map(async (jti, i) => {
        const answer = await fetch(`${url}/context`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${await issuer.token({ jti })}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify({ ms: (i * 7) % 20, padding: 'x'.repeat(i * 300) }),
        });
        return (await answer.json()) as { tokenId: string; transactionId: string };
      }),
    );
    expect(seen.map(({ tokenId }) => tokenId)).toEqual(ids);
    expect(new Set(seen.map(({ transactionId }) => transactionId)).size).toBe(ids.length);
    expect(currentRelayContext()).toBeUndefined();
  });
});

describe('JwtGuard', () => {
  it('says at the start that nothing can be revoked, and later when keys can not be had, once', async () => {
    const lines: string[] = [];
    const line = (message: unknown) => void lines.push(String(message));
    const logger = { log: line, warn: line, error: line, fatal: line };
    const issuer = await TestIssuer.create();
    const server = await JwksServer.start(issuer.jwks);
    server.status = 500;
    const jwksFetched = jest.fn();
    const { app } = await startApp(
      'fastify',
      {
        issuers: [
          {
            issuer: issuer.issuer,
            audience: 'resource',
            algorithms: ['ES256'],
            jwksUri: server.url,
            dangerouslyAllowHttp: true,
          },
        ],
        observer: { jwksFetched },
      },
      logger,
    );
    Logger.overrideLogger(logger);
    try {
      await app
        .get(TokenVerifier)
        .verify(await issuer.token())
        .catch(() => undefined);
      while (jwksFetched.mock.calls.length < 3) await sleep(10);
      server.status = 200;
      while (jwksFetched.mock.calls.length < 5 && !app.get(TokenVerifier).ready) await sleep(10);
      expect(lines.filter((text) => text.includes('no revocation source'))).toHaveLength(1);
      const told = lines.filter((text) => text.includes('The keys of'));
      expect(told).toEqual([
        expect.stringContaining('can not be fetched (0 known): the JWKS was answered with status 500') as string,
        expect.stringContaining('can be fetched again (1)') as string,
      ]);
    } finally {
      await app.close();
      await server.stop();
      Logger.overrideLogger(false);
    }
  });

  it('refuses a kind of call that it does not know', async () => {
    const issuer = await TestIssuer.create();
    const { app } = await startApp('fastify', {
      issuers: [{ issuer: issuer.issuer, audience: 'x', algorithms: ['ES256'], jwks: issuer.jwks }],
    });
    const context = {
      getType: () => 'carrier-pigeon',
      getClass: () => TestController,
      getHandler: () => () => ({}),
    } as unknown as ExecutionContext;
    await expect(app.get(JwtGuard).canActivate(context)).rejects.toMatchObject({
      code: 'context_not_supported',
    });
    await app.close();
  });

  it.each([
    ['realm', { realm: 'documents – api' }],
    ['realm', { realm: 'a "quoted" one' }],
    ['contextHints', { contextHints: 'keep' }],
    ['jwtFromRequest', { jwtFromRequest: 'header' }],
  ])('does not start with a %s like %p', async (name, options) => {
    const issuer = await TestIssuer.create();
    const issuers = [{ issuer: issuer.issuer, audience: 'x', algorithms: ['ES256'] as const, jwks: issuer.jwks }];
    @Module({ imports: [JwtGuardModule.forRoot({ issuers, ...options } as JwtGuardOptions)] })
    class BadModule {}
    const starting = NestFactory.create(BadModule, new FastifyAdapter(), { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow(new RegExp(`^${name}: must`));
  });

  describe('over RPC', () => {
    let issuer: TestIssuer;
    let app: INestApplication;

    beforeAll(async () => {
      issuer = await TestIssuer.create();
      const issuers = [
        { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
      ];
      ({ app } = await startApp('fastify', { issuers, now: issuer.clock.now }));
    });
    afterAll(() => app.close());

    /** What the guard says of a message to that handler, and what the handler would see. */
    async function send(handler: keyof TestController, metadata: object | undefined) {
      const rpc = metadata && { getMetadata: () => metadata };
      const context = {
        getType: () => 'rpc',
        getClass: () => TestController,
        getHandler: () => (TestController.prototype as unknown as Record<string, unknown>)[handler],
        switchToRpc: () => ({ getContext: () => rpc ?? {} }),
      } as unknown as ExecutionContext;
      try {
        return await app.get(JwtGuard).canActivate(context);
      } catch (error) {
        return (error as RpcException).getError();
      }
    }
    const bearer = async (claims: Claims = {}) => ({ authorization: `Bearer ${await issuer.token(claims)}` });

    it('lets in who has a good token, all scopes and the right actor', async () => {
      expect(await send('undecorated', await bearer())).toBe(true);
      expect(await send('scoped', await bearer())).toBe(true);
      expect(await send('acted', await bearer({ act: { sub: 'gateway' } }))).toBe(true);
      expect(await send('open', undefined)).toBe(true);
    });

    it.each<[string, keyof TestController, Claims | undefined, number, string]>([
      ['no token', 'undecorated', undefined, 401, 'token_missing'],
      ['a token for another service', 'undecorated', { aud: 'audit' }, 401, 'audience_mismatch'],
      ['a scope too few', 'scoped', { scope: 'documents:read' }, 403, 'insufficient_scope'],
      ['no actor', 'acted', {}, 403, 'actor_not_allowed'],
      [
        'the right actor in the wrong place',
        'acted',
        { act: { sub: 'x', act: { sub: 'gateway' } } },
        403,
        'actor_not_allowed',
      ],
    ])('refuses %s, as an object with a status and a code', async (_name, handler, claims, status, code) => {
      const refusal = await send(handler, claims && (await bearer(claims)));
      expect(refusal).toMatchObject({ status, code, error_description: expect.any(String) as string });
    });

    it("takes the caller's transaction id only if it can be one", async () => {
      const idOf = async (id: unknown) => {
        const refusal = await send('undecorated', { 'x-transaction-id': id });
        return (refusal as unknown as { transactionId: string }).transactionId;
      };
      expect(await idOf('a-transaction-of-another')).toBe('a-transaction-of-another');
      const two = ['a-transaction-of-another', 'a-transaction-of-another'];
      for (const id of ['short', 'with a space in it', 'x'.repeat(65), two, undefined]) {
        expect(await idOf(id)).toMatch(/^[\da-f-]{36}$/);
      }
    });
  });

  it.each([
    ['@Public without a reason', () => Public('')],
    ['@Public with a blank one', () => Public(' ')],
    ['@RequireScopes without a scope', () => RequireScopes()],
    ['@RequireScopes with two scopes in one text', () => RequireScopes('documents:read documents:write')],
    ['@RequireActor without an actor', () => RequireActor()],
    [
      '@RequireActor twice in a place',
      () => {
        class Twice {
          @RequireActor('a')
          @RequireActor('b')
          handler() {}
        }
        return Twice;
      },
    ],
  ])('does not take %s', (_what, decorate) => {
    expect(decorate).toThrow(TypeError);
  });
});
