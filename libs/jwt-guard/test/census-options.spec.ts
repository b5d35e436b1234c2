import {
  type CanActivate,
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  Logger,
  Module,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TestIssuer } from '@token-relay/testing';
import { type AddressInfo } from 'node:net';
import {
  type CensusOptions,
  CurrentPrincipal,
  JwtGuard,
  JwtGuardModule,
  type JwtGuardOptions,
  policyCensus,
  PolicyCensusError,
  type Principal,
  Public,
  RequireActor,
  RequireScopes,
  RequireToken,
} from '../src';

/** A guard of a team's own, which authenticates callers by a key. */
class KeyGuard implements CanActivate {
  canActivate(context: Parameters<CanActivate['canActivate']>[0]): boolean {
    return context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>().headers['x-key'] === 'right';
  }
}
class OtherGuard implements CanActivate {
  canActivate() {
    return true;
  }
}
class NarrowJwtGuard extends JwtGuard {}

@Controller('vendor')
class VendorController {
  @Get('one')
  one() {
    return {};
  }

  @Get('two')
  two() {
    return {};
  }

  @RequireScopes('documents:admin')
  @Get('closed')
  closed() {
    return {};
  }
}

@RequireToken()
@Controller('closed-vendor')
class ClosedVendorController {
  @Get()
  read() {
    return {};
  }
}

@Controller('extended')
class ExtendedController extends VendorController {}

@Controller('keyed')
class KeyedController {
  @UseGuards(KeyGuard)
  @Get('accepted')
  accepted(@CurrentPrincipal() principal: Principal | undefined) {
    return { principal: principal ?? null };
  }

  @UseGuards(new KeyGuard())
  @Get('instance')
  instance() {
    return {};
  }

  @UseGuards(OtherGuard)
  @Get('other')
  other() {
    return {};
  }

  @UseGuards(KeyGuard)
  @RequireScopes('documents:read')
  @Get('closed')
  closed() {
    return {};
  }
}

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await TestIssuer.create();
});

const guarded = (options: Partial<JwtGuardOptions> = {}): DynamicModule =>
  JwtGuardModule.forRoot({
    issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
    now: issuer.clock.now,
    ...options,
  });

function create(controllers: Type[], census: CensusOptions): Promise<INestApplication> {
  @Module({ imports: [guarded({ census })], controllers })
  class TestModule {}
  return NestFactory.create(TestModule, new FastifyAdapter(), { logger: false, abortOnError: false });
}

async function withApp(app: INestApplication, use: (url: string) => Promise<void>): Promise<void> {
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  try {
    await use(`http://127.0.0.1:${port}`);
  } finally {
    await app.close();
  }
}

const statusOf = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
  (await fetch(url, { headers })).status;

async function refusal(start: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await start.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolicyCensusError);
  return (error as PolicyCensusError).handlers.map(({ entry }) => entry);
}

describe('census.public', () => {
  it('opens all handlers of a controller, but for what is closed', async () => {
    const opened = { controller: VendorController, reason: 'it is the vendor’s' };
    const app = await create([VendorController, ExtendedController], { public: [opened] });
    await withApp(app, async (url) => {
      expect(await statusOf(`${url}/vendor/one`)).toBe(200);
      expect(await statusOf(`${url}/vendor/two`)).toBe(200);
      expect(await statusOf(`${url}/vendor/closed`)).toBe(401);
      expect(await statusOf(`${url}/extended/one`)).toBe(401);
      const open = policyCensus(app).handlers.filter(({ policy }) => policy === 'public');
      expect(open.map(({ entry, reason }) => [entry, reason])).toEqual([
        ['GET /vendor/one', opened.reason],
        ['GET /vendor/two', opened.reason],
      ]);
    });
  });

  it('opens one handler, and not the one beside it', async () => {
    const app = await create([VendorController, ClosedVendorController], {
      public: [
        { controller: VendorController, handler: 'one', reason: 'it is the vendor’s' },
        { controller: ClosedVendorController, reason: 'the decorator says otherwise' },
      ],
    });
    await withApp(app, async (url) => {
      expect(await statusOf(`${url}/vendor/one`)).toBe(200);
      expect(await statusOf(`${url}/vendor/two`)).toBe(401);
      expect(await statusOf(`${url}/closed-vendor`)).toBe(401);
    });
  });

  it.each([
    ['GET /raw/one', ['GET /raw/two']],
    ['GET /raw/*', []],
    ['GET /raw', ['GET /raw/one', 'GET /raw/two']],
    ['POST /raw/*', ['GET /raw/one', 'GET /raw/two']],
    ['GET /vendor/*', ['GET /raw/one', 'GET /raw/two']],
  ])('opens with the entry %s what it names, and no handler of Nest', async (entry, forgotten) => {
    const app = await create([VendorController], { public: [{ entry, reason: 'it is for everybody' }] });
    for (const path of ['/raw/one', '/raw/two']) {
      (app.getHttpAdapter() as FastifyAdapter).getInstance().get(path, (_request, answer) => answer.send({}));
    }
    if (forgotten.length > 0) {
      expect(await refusal(app.listen(0, '127.0.0.1'))).toEqual(forgotten);
      await app.close();
      return;
    }
    await withApp(app, async (url) => {
      expect(await statusOf(`${url}/raw/one`)).toBe(200);
      expect(await statusOf(`${url}/vendor/one`)).toBe(401);
    });
  });
});

describe('census.acceptGuards', () => {
  it('asks for no token where the guard stands, unless it is asked for', async () => {
    const app = await create([KeyedController], { acceptGuards: [KeyGuard] });
    const authorization = `Bearer ${await issuer.token()}`;
    await withApp(app, async (url) => {
      const accepted = await fetch(`${url}/keyed/accepted`, { headers: { 'x-key': 'right', authorization } });
      expect(await accepted.json()).toEqual({ principal: null });
      expect(await statusOf(`${url}/keyed/accepted`, { 'x-key': 'wrong', authorization })).toBe(403);
      expect(await statusOf(`${url}/keyed/instance`, { 'x-key': 'right' })).toBe(200);
      expect(await statusOf(`${url}/keyed/instance`)).toBe(403);
      expect(await statusOf(`${url}/keyed/other`)).toBe(401);
      expect(await statusOf(`${url}/keyed/closed`, { 'x-key': 'right' })).toBe(401);
      expect(await statusOf(`${url}/keyed/closed`, { authorization })).toBe(403);
      expect(await statusOf(`${url}/keyed/closed`, { 'x-key': 'right', authorization })).toBe(200);
      expect(policyCensus(app).handlers.map(({ entry, policy, guards }) => [entry, policy, guards])).toEqual([
        ['GET /keyed/accepted', 'guard', ['KeyGuard']],
        ['GET /keyed/instance', 'guard', ['KeyGuard']],
        ['GET /keyed/other', 'token', undefined],
        ['GET /keyed/closed', 'token', undefined],
      ]);
    });
  });

  it.each([
    ['JwtGuard', JwtGuard],
    ['a guard that is made of it', NarrowJwtGuard],
    ["passport's guard, of which it is made", Object.getPrototypeOf(JwtGuard) as Type<CanActivate>],
  ])('never accepts %s', async (_name, guard) => {
    await expect(create([], { acceptGuards: [guard] })).rejects.toThrow('census.acceptGuards');
  });

  it("never accepts AuthGuard('jwt'), which nobody has to be asked twice for", async () => {
    await expect(create([], { acceptGuards: [AuthGuard('jwt')] })).rejects.toThrow('census.acceptGuards');
  });
});

describe('options of the census that make no sense', () => {
  const bad: readonly [string, unknown][] = [
    ['census.acceptGuards', { acceptGuards: ['KeyGuard'] }],
    ['census.acceptGuards', { acceptGuards: [new KeyGuard()] }],
    ['census.undecorated', { undecorated: 'allow' }],
    ['census.public', { public: [{ controller: VendorController, reason: '' }] }],
    ['census.public', { public: [{ controller: VendorController, reason: ' ' }] }],
    ['census.public', { public: [{ controller: VendorController }] }],
    ['census.public', { public: [{ controller: 'VendorController', reason: 'x' }] }],
    ['census.public', { public: [{ controller: VendorController, handler: 'three', reason: 'x' }] }],
    ['census.public', { public: [{ entry: ' ', reason: 'x' }] }],
    ['census.public', { public: [{ reason: 'x' }] }],
  ];
  it.each(bad)('are refused, and %s is named: %j', async (option, census) => {
    await expect(create([], census as CensusOptions)).rejects.toThrow(option);
  });
});

describe("census.undecorated: 'refuse'", () => {
  @Controller('said')
  class SaidController {
    @RequireToken()
    @Get('token')
    token() {}

    @RequireScopes('documents:read')
    @Get('scopes')
    scopes() {}

    @RequireActor('gateway')
    @Get('actor')
    actor() {}

    @Public('it is for everybody')
    @Get('open')
    open() {}
  }

  it('names every handler of which nobody has said who may call it', async () => {
    const app = await create([VendorController, SaidController, ClosedVendorController], { undecorated: 'refuse' });
    expect(await refusal(app.listen(0, '127.0.0.1'))).toEqual(['GET /vendor/one', 'GET /vendor/two']);
    await app.close();
  });

  it('starts when it is said of all', async () => {
    const app = await create([SaidController, ClosedVendorController], { undecorated: 'refuse' });
    await withApp(app, async (url) => {
      expect(await statusOf(`${url}/closed-vendor`)).toBe(401);
      expect(await statusOf(`${url}/closed-vendor`, { authorization: `Bearer ${await issuer.token()}` })).toBe(200);
    });
  });
});

describe('what the census says in the log', () => {
  afterEach(() => jest.restoreAllMocks());

  it('is a table of all handlers, once', async () => {
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation();
    const app = await create([VendorController], {});
    await withApp(app, () => Promise.resolve());
    const tables = log.mock.calls.map(([text]) => String(text)).filter((text) => text.includes('Who may call what'));
    expect(tables).toHaveLength(1);
    expect(tables[0]).toMatch(/3 handlers, nothing knows about revoked tokens/);
    expect(tables[0]).toMatch(
      /^ {2}http {2}GET \/vendor\/closed {2}VendorController\.closed {2}token: documents:admin$/m,
    );
  });

  it('is a warning, and the app starts, with dangerouslyWarnOnly', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    const app = await create([VendorController], { dangerouslyWarnOnly: true });
    (app.getHttpAdapter() as FastifyAdapter).getInstance().get('/raw', (_request, answer) => answer.send({}));
    await withApp(app, async (url) => {
      expect(await statusOf(`${url}/raw`)).toBe(200);
      expect(await statusOf(`${url}/vendor/one`)).toBe(401);
      expect(policyCensus(app).handlers.filter(({ policy }) => policy === 'none')).toHaveLength(1);
    });
    const warnings = warn.mock.calls.map(([text]) => String(text)).filter((text) => text.includes('no policy'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('GET /raw');
  });

  it('can be written as JSON', async () => {
    const app = await create([ClosedVendorController], {});
    await app.init();
    expect(JSON.parse(JSON.stringify(policyCensus(app)))).toEqual({
      revocation: 'none',
      handlers: [
        {
          transport: 'http',
          entry: 'GET /closed-vendor',
          handler: 'ClosedVendorController.read',
          policy: 'token',
          scopes: [],
          actors: [],
        },
      ],
    });
    await app.close();
  });
});

describe('a test of an app', () => {
  it.each(['express', 'fastify'])('starts it from a test module on %s, and it is guarded', async (platform) => {
    const module = await Test.createTestingModule({ imports: [guarded()], controllers: [VendorController] }).compile();
    const app = module.createNestApplication(platform === 'express' ? new ExpressAdapter() : new FastifyAdapter());
    await withApp(app, async (url) => expect(await statusOf(`${url}/vendor/one`)).toBe(401));
  });

  it('is refused as the app would be', async () => {
    const module = await Test.createTestingModule({ imports: [guarded()] }).compile();
    const app = module.createNestApplication(new FastifyAdapter());
    app.getHttpAdapter().get('/raw', () => undefined);
    expect(await refusal(app.init())).toEqual(['GET /raw']);
    await app.close();
  });

  const stand = { canActivate: () => true };
  const builder = () => Test.createTestingModule({ imports: [guarded()], controllers: [VendorController] });

  it('starts with something else in the place of the guard', async () => {
    const module = await builder().overrideProvider(JwtGuard).useValue(stand).compile();
    await withApp(module.createNestApplication(new FastifyAdapter()), async (url) =>
      expect(await statusOf(`${url}/vendor/one`)).toBe(200),
    );
  });

  it('starts with overrideGuard, which Nest does not ask for global guards', async () => {
    const module = await builder().overrideGuard(JwtGuard).useValue(stand).compile();
    await withApp(module.createNestApplication(new FastifyAdapter()), async (url) =>
      expect(await statusOf(`${url}/vendor/one`)).toBe(401),
    );
  });
});
