import {
  type CanActivate,
  Controller,
  Get,
  type INestApplication,
  Module,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { type CensusOptions, JwtGuardModule, PolicyCensusError, RequireScopes } from '../src';

/** As decorators for transactions and caches do: another function in the method's place. */
const Wrap = (): MethodDecorator => (_target, _key, descriptor) => {
  const method = descriptor.value as unknown as (...parameters: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...parameters: unknown[]): unknown {
    return method.apply(this, parameters);
  } as never;
};

@Controller({ path: 'bound', scope: Scope.REQUEST })
class BoundController {
  constructor() {
    this.list = this.list.bind(this);
  }

  @RequireScopes('admin')
  @Get()
  list() {
    return {};
  }
}

@RequireScopes('documents:read')
class ReadingBase {}

@RequireScopes('documents:write')
@Controller('inherited')
class InheritingController extends ReadingBase {
  @Get()
  list() {
    return {};
  }
}

@Controller('wrapped-inside')
class WrappedInsideController {
  @RequireScopes('admin')
  @Get()
  @Wrap()
  list() {
    return {};
  }
}

@Controller('wrapped-outside')
class WrappedOutsideController {
  @Get()
  @Wrap()
  @RequireScopes('admin')
  list() {
    return {};
  }
}

class KeyGuard implements CanActivate {
  canActivate() {
    return false;
  }
}
class OptionalKeyGuard extends KeyGuard {
  override canActivate() {
    return true;
  }
}

@UseGuards(OptionalKeyGuard)
@Controller('optional')
class OptionalController {
  @Get()
  list() {
    return {};
  }
}

let issuer: TestIssuer;
let app: INestApplication;
beforeAll(async () => (issuer = await TestIssuer.create()));
afterEach(() => app.close());

async function start(controllers: Type[], census: CensusOptions = {}): Promise<void> {
  const issuers = [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks }];
  @Module({ imports: [JwtGuardModule.forRoot({ issuers, census, now: issuer.clock.now })], controllers })
  class TestModule {}
  app = await NestFactory.create(TestModule, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
}

async function statusOf(path: string, scope?: string, query = ''): Promise<number> {
  const headers: Record<string, string> =
    scope === undefined ? {} : { authorization: `Bearer ${await issuer.token({ scope })}` };
  return (await fetch(`${await app.getUrl()}/${path}${query}`, { headers })).status;
}

describe('what a handler asks for', () => {
  it('stays when an instance binds its method', async () => {
    await start([BoundController]);
    expect(await statusOf('bound', 'documents:read')).toBe(403);
    expect(await statusOf('bound', 'admin')).toBe(200);
  });

  it('is added to what the classes above ask for', async () => {
    await start([InheritingController]);
    expect(await statusOf('inherited', 'documents:write')).toBe(403);
    expect(await statusOf('inherited', 'documents:read')).toBe(403);
    expect(await statusOf('inherited', 'documents:read documents:write')).toBe(200);
  });

  it('counts above a decorator that replaces the method, and stops the start below one', async () => {
    await start([WrappedInsideController]);
    expect(await statusOf('wrapped-inside', 'documents:read')).toBe(403);
    await app.close();
    await expect(start([WrappedOutsideController])).rejects.toThrow(PolicyCensusError);
  });

  it('is not left to a guard that only extends one that is accepted', async () => {
    await start([OptionalController], { acceptGuards: [KeyGuard] });
    expect(await statusOf('optional')).toBe(401);
  });

  it.each([['?access_token=x'], ['?access%5Ftoken=x'], ['?a=b&%61ccess_token=']])(
    'is not answered for a token that comes twice: %s',
    async (query) => {
      await start([InheritingController]);
      expect(await statusOf('inherited', 'documents:read documents:write', query)).toBe(400);
      expect(await statusOf('inherited', 'documents:read documents:write', '?a=%20b')).toBe(200);
    },
  );
});
