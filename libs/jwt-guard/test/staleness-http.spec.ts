import {
  All,
  Controller,
  Get,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Post,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { type IncomingMessage } from 'node:http';
import { JwtGuardModule, Public, RequireScopes, requireToken, WhenStale } from '../src';
import { AgingSource, expectLimit, guardOptions } from './staleness-source';

@Controller()
class PlainController {
  @All('plain')
  plain() {
    return {};
  }

  @All('lenient')
  @WhenStale({ allowForSeconds: 30 })
  lenient() {
    return {};
  }

  @All('denying')
  @WhenStale('deny')
  denying() {
    return {};
  }

  @Post('scoped')
  @RequireScopes('nobody:has')
  scoped() {
    return {};
  }

  @Public('passport guards it, as in code from before')
  @UseGuards(AuthGuard('jwt'))
  @All('passport')
  passport() {
    return {};
  }

  @UseGuards(AuthGuard('jwt'))
  @WhenStale({ allowForSeconds: 900 })
  @Post('both')
  both() {
    return {};
  }

  @UseGuards(AuthGuard('jwt'))
  @WhenStale('deny')
  @Get('both-denying')
  bothDenying() {
    return {};
  }

  @Public('it is for everybody')
  @All('open')
  open() {
    return {};
  }
}

@Controller('only')
class OneMethodController {
  @Get('got')
  got() {
    return {};
  }

  @Post('posted')
  posted() {
    return {};
  }

  @Public('passport guards it, as in code from before')
  @UseGuards(AuthGuard('jwt'))
  @Post('passport')
  passport() {
    return {};
  }
}

@WhenStale('deny')
@Controller('strict')
class StrictController {
  @All('inherited')
  inherited() {
    return {};
  }

  @WhenStale({ allowForSeconds: 100 })
  @All('own')
  own() {
    return {};
  }
}

@Controller('below')
class BelowController extends StrictController {}

@WhenStale({ allowForSeconds: 0 })
@Controller('replaced')
class ReplacingController extends StrictController {}

const raw = { plain: requireToken(), denying: requireToken({ whenStale: 'deny' }) };
const lenient = requireToken({ whenStale: { allowForSeconds: 30 } });

/** As method-override does: whoever sends the request chooses. */
function overrideMethod(request: IncomingMessage, _response: unknown, next: () => void): void {
  const { 'x-method': method } = request.headers;
  if (typeof method === 'string') request.method = method;
  next();
}

const PLATFORMS = {
  fastify: async (module: object) => {
    const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { logger: false });
    const instance = app.getHttpAdapter().getInstance();
    for (const [name, step] of Object.entries(raw)) {
      instance.all(`/raw/${name}`, { onRequest: step }, () => Promise.resolve({}));
    }
    instance.all('/raw/lenient', { preHandler: [lenient] }, () => Promise.resolve({}));
    return app;
  },
  express: async (module: object) => {
    const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), { logger: false });
    const instance = app.getHttpAdapter().getInstance();
    for (const [name, step] of Object.entries({ ...raw, lenient })) {
      instance.all(`/raw/${name}`, step, (_request, answer) => void answer.json({}));
    }
    return app;
  },
};

describe.each(Object.keys(PLATFORMS) as (keyof typeof PLATFORMS)[])(
  'while revocations are behind, on %s,',
  (platform) => {
    let issuer: TestIssuer;
    let source: AgingSource;
    let app: INestApplication;
    let url: string;

    beforeAll(async () => {
      issuer = await TestIssuer.create();
      source = new AgingSource();
      @Module({
        imports: [JwtGuardModule.forRoot(guardOptions(issuer, source))],
        controllers: [PlainController, OneMethodController, StrictController, BelowController, ReplacingController],
      })
      class TestModule implements NestModule {
        configure(consumer: MiddlewareConsumer) {
          consumer.apply(overrideMethod).forRoutes('*path');
        }
      }
      app = await PLATFORMS[platform](TestModule);
      await app.listen(0, '127.0.0.1');
      url = await app.getUrl();
    });
    afterAll(() => app.close());
    beforeEach(() => {
      source.ageSeconds = 0;
      source.revoked.clear();
    });

    const send = (method: string, path: string, token: string, headers: Record<string, string> = {}) =>
      fetch(`${url}/${path}`, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    const calling = (method: string, path: string, headers?: Record<string, string>) => async (token: string) => {
      const answer = await send(method, path, token, headers);
      if (answer.ok) return 'ok';
      // The answer to a HEAD has no body.
      if (method === 'HEAD') return answer.status === 503 ? 'revocation_stale' : String(answer.status);
      return ((await answer.json()) as { code: string }).code;
    };

    it.each<[method: string, path: string, limit: number]>([
      ['GET', 'plain', Infinity],
      ['HEAD', 'plain', Infinity],
      ['OPTIONS', 'plain', Infinity],
      ['POST', 'plain', 70],
      ['PUT', 'plain', 70],
      ['PATCH', 'plain', 70],
      ['DELETE', 'plain', 70],
      ['GET', 'lenient', 40],
      ['POST', 'lenient', 40],
      ['GET', 'denying', 10],
      ['HEAD', 'denying', 10],
      ['POST', 'denying', 10],
      ['GET', 'strict/inherited', 10],
      ['POST', 'strict/inherited', 10],
      ['POST', 'strict/own', 110],
      ['GET', 'below/inherited', 10],
      ['POST', 'below/own', 110],
      ['GET', 'replaced/inherited', 10],
      ['POST', 'replaced/own', 110],
      ['GET', 'raw/plain', Infinity],
      ['HEAD', 'raw/plain', Infinity],
      ['POST', 'raw/plain', 70],
      ['GET', 'raw/lenient', 40],
      ['POST', 'raw/lenient', 40],
      ['GET', 'raw/denying', 10],
      ['DELETE', 'raw/denying', 10],
      ['GET', 'passport', Infinity],
      ['HEAD', 'passport', Infinity],
      ['POST', 'passport', 70],
      ['POST', 'both', 910],
      ['GET', 'both-denying', 10],
      ['GET', 'open', Infinity],
      ['POST', 'open', Infinity],
    ])('%s /%s goes on until they are %d s old', async (method, path, limit) => {
      await expectLimit(issuer, source, limit, calling(method, path));
    });

    it('the answer says when to ask again, and is no challenge', async () => {
      source.ageSeconds = 71;
      for (const path of ['plain', 'raw/plain', 'passport']) {
        const answer = await send('POST', path, await issuer.token());
        expect({
          status: answer.status,
          retryAfter: answer.headers.get('retry-after'),
          challenge: answer.headers.get('www-authenticate'),
          body: await answer.json(),
        }).toEqual({
          status: 503,
          retryAfter: '2',
          challenge: null,
          body: expect.objectContaining({
            code: 'revocation_stale',
            detail: 'What was revoked lately is not known at the moment.',
            transactionId: expect.any(String) as string,
          }) as object,
        });
      }
    });

    it.each(['plain', 'raw/plain', 'passport', 'denying'])(
      'what is known to be revoked is refused as that, at /%s, however old the knowledge is',
      async (path) => {
        source.revoked.add('revoked');
        source.ageSeconds = 100_000;
        const token = await issuer.token({ jti: 'revoked' });
        for (const method of ['GET', 'POST']) expect(await calling(method, path)(token)).toBe('token_revoked');
      },
    );

    it('a token that may not call is refused for that', async () => {
      source.ageSeconds = 100_000;
      expect(await calling('POST', 'scoped')(await issuer.token())).toBe('insufficient_scope');
    });

    it('a token counts until it has expired, even where nothing else would end it', async () => {
      const token = await issuer.token({ exp: issuer.clock.now() + 200 });
      source.ageSeconds = 100_000;
      expect(await calling('GET', 'plain')(token)).toBe('ok');
      issuer.clock.advance(205);
      expect(await calling('GET', 'plain')(token)).toBe('token_expired');
    });

    it('the method counts that the request was routed by, whatever a middleware makes of it', async () => {
      if (platform === 'express') {
        await expectLimit(issuer, source, Infinity, calling('POST', 'only/got', { 'x-method': 'GET' }));
        await expectLimit(issuer, source, 70, calling('GET', 'only/posted', { 'x-method': 'POST' }));
      } else {
        await expectLimit(issuer, source, 70, calling('POST', 'only/posted', { 'x-method': 'GET' }));
        await expectLimit(issuer, source, 70, calling('POST', 'only/passport', { 'x-method': 'GET' }));
        await expectLimit(issuer, source, Infinity, calling('GET', 'only/got', { 'x-method': 'POST' }));
      }
    });
  },
);
