import { Controller, Get, type INestApplication, Logger, Module, Post, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CensusOptions,
  JwtGuardModule,
  policyCensus,
  PolicyCensusError,
  Public,
  RequireScopes,
  RequireToken,
  requireToken,
  type RevocationSource,
  TokenVerifier,
  WhenStale,
  type WhenStaleRule,
} from '../src';
import { AgingSource, guardOptions } from './staleness-source';

const Replaced = (): MethodDecorator => (_target, _key, descriptor) => {
  descriptor.value = (() => ({})) as never;
};

@WhenStale('deny')
@Controller('ruled')
class RuledController {
  @RequireScopes('documents:read')
  @Get('inherited')
  inherited() {
    return {};
  }

  @WhenStale({ allowForSeconds: 30 })
  @Post('own')
  own() {
    return {};
  }

  @Public('it is for everybody')
  @Get('open')
  open() {
    return {};
  }
}

@Controller('in-vain')
class VainController {
  @WhenStale('deny')
  @Public('it is for everybody')
  @Get()
  open() {
    return {};
  }
}

@WhenStale('deny')
@Public('it is for everybody')
@Controller('in-vain-too')
class VainClassController {
  @Get('open')
  open() {
    return {};
  }

  @RequireToken()
  @Get('closed')
  closed() {
    return {};
  }
}

@WhenStale('deny')
class RuledBase {
  @Get()
  list() {
    return {};
  }
}

/** The rule is its base's, for others that extend it. */
@Public('it is for everybody')
@Controller('opened')
class OpenedController extends RuledBase {}

@Controller('lost')
class LostController {
  @Get()
  @Replaced()
  @WhenStale('deny')
  list() {
    return {};
  }
}

let issuer: TestIssuer;
let app: NestFastifyApplication | undefined;
beforeAll(async () => (issuer = await TestIssuer.create()));
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function create(
  controllers: Type[],
  revocation: RevocationSource = new AgingSource(),
  census: CensusOptions = {},
): Promise<NestFastifyApplication> {
  @Module({ imports: [JwtGuardModule.forRoot({ ...guardOptions(issuer, revocation), census })], controllers })
  class TestModule {}
  return (app = await NestFactory.create<NestFastifyApplication>(TestModule, new FastifyAdapter(), { logger: false }));
}

async function refusedOf(starting: Promise<INestApplication>): Promise<unknown> {
  const error: unknown = await (await starting).init().catch((thrown: unknown) => thrown);
  return error instanceof PolicyCensusError ? error.handlers.map(({ entry, problem }) => [entry, problem]) : error;
}

describe('@WhenStale', () => {
  it('does not stand twice in one place', () => {
    const twice = () => {
      class Twice {
        @WhenStale('deny')
        @WhenStale({ allowForSeconds: 5 })
        method() {}
      }
      return Twice;
    };
    expect(twice).toThrow(/^@WhenStale stands here twice/);
    expect(() => WhenStale('deny')(WhenStale('deny')(class {}) ?? RuledController)).toThrow(TypeError);
  });

  it.each([['allow'], [{ allowForSeconds: -1 }], [{ allowForSeconds: 901 }], [undefined]])(
    'is not made of %p, nor is a requireToken',
    (rule) => {
      expect(() => WhenStale(rule as WhenStaleRule)).toThrow(/^@WhenStale: must be/);
      if (rule !== undefined) expect(() => requireToken({ whenStale: rule as WhenStaleRule })).toThrow(TypeError);
    },
  );

  it('stands in the census as it counts, and in what is logged', async () => {
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation();
    await create([RuledController]);
    app
      ?.getHttpAdapter()
      .getInstance()
      .post('/raw', { onRequest: requireToken({ whenStale: { allowForSeconds: 0 } }) }, () => Promise.resolve({}));
    await app?.listen(0, '127.0.0.1');
    const rows = policyCensus(app as NestFastifyApplication).handlers;
    expect(rows.map(({ entry, policy, whenStale }) => [entry, policy, whenStale])).toEqual([
      ['GET /ruled/inherited', 'token', 'deny'],
      ['POST /ruled/own', 'token', { allowForSeconds: 30 }],
      ['GET /ruled/open', 'public', undefined],
      ['POST /raw', 'token', { allowForSeconds: 0 }],
    ]);
    const printed = log.mock.calls.map(([text]) => String(text)).find((text) => text.includes('Who may call what'));
    log.mockRestore();
    expect(printed).toMatch(/RuledController\.inherited +token: documents:read, revocations at most 10 s behind$/m);
    expect(printed).toMatch(/RuledController\.own +token: revocations at most 40 s behind$/m);
    expect(printed).toMatch(/\(past Nest\) +token: revocations at most 10 s behind$/m);
  });

  it('says nothing of who may call', async () => {
    @WhenStale('deny')
    @Controller('unsaid')
    class UnsaidController {
      @Get()
      list() {
        return {};
      }
    }
    expect(await refusedOf(create([UnsaidController], undefined, { undecorated: 'refuse' }))).toEqual([
      ['GET /unsaid', expect.stringContaining('nobody has said who may call it')],
    ]);
  });

  it('stops the start where it counts for nobody', async () => {
    expect(await refusedOf(create([VainController, VainClassController, RuledController]))).toEqual([
      ['GET /in-vain', expect.stringContaining('@WhenStale')],
      ['GET /in-vain-too/open', expect.stringContaining('@WhenStale')],
    ]);
  });

  it('may stand on the class above one that is open', async () => {
    await create([OpenedController, RuledController]);
    await app?.init();
    const { handlers } = policyCensus(app as NestFastifyApplication);
    expect(handlers.map(({ entry, policy }) => [entry, policy])).toContainEqual(['GET /opened', 'public']);
  });

  it('stops the start where another decorator has taken it away', async () => {
    expect(await refusedOf(create([LostController]))).toEqual([
      ['GET /lost', expect.stringContaining('another decorator has taken its policy away')],
    ]);
  });
});

describe('the log of an app', () => {
  it('says once that its revocation source could not be started, and ends with it', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    const close = jest.fn();
    const start = jest.fn(() => Promise.reject(new Error('no route to host')));
    await create([RuledController], { isRevoked: () => false, ready: false, start, close });
    await app?.init();
    expect(app?.get(TokenVerifier).ready).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    const lines = warn.mock.calls.map(([text]) => String(text)).filter((text) => text.includes('revocation source'));
    warn.mockRestore();
    expect(lines).toEqual([expect.stringContaining('no route to host')]);
    expect([start.mock.calls.length, close.mock.calls.length]).toEqual([1, 0]);
    await app?.close();
    app = undefined;
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('says once that revocations are behind, and once that they are not any more', async () => {
    const source = new AgingSource();
    const lines: string[] = [];
    const written = (...[text]: unknown[]) =>
      void (String(text).startsWith('Revocations are') && lines.push(String(text)));
    const spies = (['warn', 'log'] as const).map((level) =>
      jest.spyOn(Logger.prototype, level).mockImplementation(written),
    );
    source.ageSeconds = 10.5;
    await create([RuledController], source);
    await app?.init();
    await sleep(2_100);
    expect(lines).toEqual([expect.stringMatching(/^Revocations are 10 s behind/)]);
    source.ageSeconds = 0;
    while (lines.length < 2) await sleep(20);
    expect(lines[1]).toBe('Revocations are up to date again');
    for (const spy of spies) spy.mockRestore();
  });

  it('has no line for a request that is refused because revocations are behind', async () => {
    const source = new AgingSource();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    await create([RuledController], source);
    await app?.listen(0, '127.0.0.1');
    const headers = { authorization: `Bearer ${await issuer.token()}` };
    source.ageSeconds = 100;
    for (let i = 0; i < 5; i++) {
      expect((await fetch(`${await app?.getUrl()}/ruled/inherited`, { headers })).status).toBe(503);
    }
    // The look that there is each second has its own say, once.
    const lines = warn.mock.calls.map(([text]) => String(text)).filter((text) => !text.startsWith('Revocations are'));
    warn.mockRestore();
    expect(lines).toEqual([]);
  });
});
