import { Controller, Get, type INestApplication, Logger, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { generateTestKey, JwksServer, TestIssuer } from '@token-relay/testing';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type AddressInfo, type Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import {
  AcceptLate,
  currentPrincipal,
  isRefusal,
  type IssuerOptions,
  JwtGuardModule,
  type JwtGuardOptions,
  policyCensus,
  type Principal,
  Public,
  RevocationList,
  TokenVerifier,
  type TokenVerifierOptions,
} from '../src';

let issuer: TestIssuer;
let revocation: RevocationList;
beforeEach(async () => {
  issuer = await TestIssuer.create();
  revocation = new RevocationList({ issuer: issuer.issuer, now: issuer.clock.now });
});

const issuerOptions = (jwks: object): IssuerOptions =>
  ({ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], ...jwks }) as unknown as IssuerOptions;
const announcing = (seconds?: unknown) => ({ jwks: { ...issuer.jwks, late_handling_seconds: seconds } });

const verifierWith = (jwks: object, more: Partial<TokenVerifierOptions> = {}): TokenVerifier =>
  TokenVerifier.create({ issuers: [issuerOptions(jwks)], revocation, now: issuer.clock.now, ...more });

async function verdict(run: () => unknown): Promise<string> {
  try {
    await run();
    return 'accepted';
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return error.code;
  }
}

describe('a token that is handled late', () => {
  it('counts by its exp as long as that lasts, and then by its iat', async () => {
    const verifier = verifierWith(announcing(86_400));
    const [token, iat] = [await issuer.token(), issuer.clock.now()];
    const inTime = await verifier.verifyLate(token, 600);
    expect(inTime).toBe(await verifier.verify(token));
    expect(inTime).not.toHaveProperty('acceptedLate');
    issuer.clock.advance(304.999);
    expect(await verifier.verifyLate(token, 600)).toBe(inTime);
    issuer.clock.advance(0.001);
    const late = await verifier.verifyLate(token, 600);
    expect(late).toEqual({ ...inTime, acceptedLate: true });
    expect(Object.isFrozen(late)).toBe(true);
    expect(late.expiresAt).toBe(iat + 300);
    issuer.clock.advance(299.999);
    expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('accepted');
    issuer.clock.advance(0.001);
    expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('token_expired');
  });

  it('counts for its handler alone: for every other call it has expired', async () => {
    const verifier = verifierWith(announcing(86_400));
    const token = await issuer.token();
    issuer.clock.advance(400);
    for (let time = 0; time < 2; time++) {
      expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('accepted');
      expect(await verdict(() => verifier.verify(token))).toBe('token_expired');
      expect(await verdict(() => verifier.recall(token))).toBe('token_expired');
      expect(await verdict(() => verifier.verifyLate(token, 390))).toBe('token_expired');
      expect(await verifier.explain(token)).toMatchObject({ outcome: 'rejected', code: 'token_expired' });
    }
  });

  it('never asks for less than exp gives', async () => {
    const verifier = verifierWith(announcing(86_400));
    const token = await issuer.token({ exp: issuer.clock.now() + 300 });
    issuer.clock.advance(200);
    expect(await verdict(() => verifier.verifyLate(token, 1))).toBe('accepted');
    issuer.clock.advance(105);
    expect(await verdict(() => verifier.verifyLate(token, 1))).toBe('token_expired');
  });

  it('counts no longer than the issuer announces', async () => {
    const verifier = verifierWith(announcing(600));
    expect(verifier.lateHandlingSeconds).toEqual(new Map([[issuer.issuer, 600]]));
    const token = await issuer.token();
    issuer.clock.advance(604.999);
    expect(await verdict(() => verifier.verifyLate(token, 86_400))).toBe('accepted');
    issuer.clock.advance(0.001);
    expect(await verdict(() => verifier.verifyLate(token, 86_400))).toBe('token_expired');
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', '600'],
    ['a list', [600]],
    ['less than nothing', -1],
    ['no number', NaN],
    ['for ever', Infinity],
  ])('counts no longer than exp where the issuer announces %s', async (_what, seconds) => {
    const verifier = verifierWith(announcing(seconds));
    expect(verifier.lateHandlingSeconds.get(issuer.issuer)).toBeUndefined();
    const token = await issuer.token();
    issuer.clock.advance(304.999);
    expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('accepted');
    issuer.clock.advance(0.001);
    expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('token_expired');
  });

  it('counts no longer than exp where nobody keeps what was revoked', async () => {
    const verifier = TokenVerifier.create({ issuers: [issuerOptions(announcing(86_400))], now: issuer.clock.now });
    const token = await issuer.token();
    issuer.clock.advance(304.999);
    expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('accepted');
    issuer.clock.advance(0.001);
    expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('token_expired');
  });

  it('is refused for all else that a token is refused for', async () => {
    const verifier = verifierWith(announcing(86_400));
    const iat = issuer.clock.now();
    const stranger = await generateTestKey();
    const tokens: [code: string, token: string][] = [
      ['audience_mismatch', await issuer.token({ aud: 'another' })],
      ['lifetime_too_long', await issuer.token({ exp: iat + 901 })],
      ['token_not_yet_valid', await issuer.token({ nbf: iat + 406, exp: iat + 410 })],
      ['claim_malformed', await issuer.token({ nbf: iat + 300 })],
      ['signature_invalid', await issuer.token({}, { kid: issuer.key.kid }, stranger)],
      ['key_unknown', await issuer.token({}, {}, stranger)],
      ['typ_not_allowed', await issuer.transactionToken()],
      ['token_issued_in_future', await issuer.token({ iat: iat + 406, exp: iat + 410 })],
    ];
    issuer.clock.advance(400);
    for (const [code, token] of tokens) expect(await verdict(() => verifier.verifyLate(token, 600))).toBe(code);
  });

  it('is refused when it was revoked, before or after it expired', async () => {
    const verifier = verifierWith(announcing(86_400));
    const [before, after] = [await issuer.token({ jti: 'before' }), await issuer.token({ jti: 'after' })];
    const until = issuer.clock.now() + 300 + 86_400 + 60;
    revocation.add({ kind: 'jti', value: 'before', until });
    issuer.clock.advance(400);
    expect(await verdict(() => verifier.verifyLate(before, 600))).toBe('token_revoked');
    const late = await verifier.verifyLate(after, 600);
    revocation.add({ kind: 'jti', value: 'after', until });
    expect(await verdict(() => verifier.verifyLate(after, 600))).toBe('token_revoked');
    expect(await verdict(() => verifier.recheck(late))).toBe('token_revoked');
  });

  it('is found revoked for as long as the entry says, however many others have been forgotten by then', async () => {
    const verifier = verifierWith(announcing(86_400));
    const token = await issuer.token({ jti: 'kept' });
    const now = issuer.clock.now();
    revocation.add({ kind: 'jti', value: 'kept', until: now + 86_460 });
    revocation.add({ kind: 'jti', value: 'kept', until: now + 360 });
    issuer.clock.advance(86_399);
    for (let i = 0; i < 5_000; i++) revocation.add({ kind: 'jti', value: `${i}`, until: now + 360 });
    revocation.sweep();
    expect(revocation.size).toBe(1);
    expect(await verdict(() => verifier.verifyLate(token, 86_400))).toBe('token_revoked');
  });

  it('is rechecked by the same rule, and by its key', async () => {
    let jwks: { keys: object[]; late_handling_seconds: number } = { ...issuer.jwks, late_handling_seconds: 86_400 };
    const verifier = verifierWith({ jwks: () => jwks });
    const token = await issuer.token();
    issuer.clock.advance(400);
    const late = await verifier.verifyLate(token, 600);
    issuer.clock.advance(204.999);
    expect(await verdict(() => verifier.recheck(late))).toBe('accepted');
    issuer.clock.advance(0.001);
    expect(await verdict(() => verifier.recheck(late))).toBe('token_expired');
    const next = await issuer.token({ iat: issuer.clock.now() - 400, exp: issuer.clock.now() - 100 });
    const again = await verifier.verifyLate(next, 600);
    expect(await verdict(() => verifier.recheck(again))).toBe('accepted');
    const other = await generateTestKey();
    jwks = { keys: [other.publicJwk], late_handling_seconds: 86_400 };
    expect(await verdict(() => verifier.recheck(again))).toBe('key_unknown');
    expect(await verdict(() => verifier.verifyLate(next, 600))).toBe('key_unknown');
  });

  it('counts as long as a set that is fetched says, from when it says so', async () => {
    const server = await JwksServer.start({ ...issuer.jwks, late_handling_seconds: 600 });
    const verifier = verifierWith({ jwksUri: server.url, dangerouslyAllowHttp: true });
    try {
      expect(verifier.lateHandlingSeconds.get(issuer.issuer)).toBeUndefined();
      await verifier.loadKeys();
      expect(verifier.lateHandlingSeconds.get(issuer.issuer)).toBe(600);
      const token = await issuer.token();
      issuer.clock.advance(400);
      expect(await verdict(() => verifier.verifyLate(token, 86_400))).toBe('accepted');
    } finally {
      verifier.close();
      await server.stop();
    }
  });

  it.each([0, -1, 1.5, 86_401, NaN, Infinity, '60', undefined])('takes no age of %p', async (seconds) => {
    const verifier = verifierWith(announcing(86_400));
    const token = await issuer.token();
    await expect(verifier.verifyLate(token, seconds as number)).rejects.toThrow(TypeError);
    expect(() => AcceptLate({ maxAgeSeconds: seconds as number })).toThrow(
      '@AcceptLate: maxAgeSeconds: must be a whole number from 1 to 86400',
    );
  });
});

/** What the handlers of events have seen. */
const handled: { readonly event: string; readonly principal: Principal | undefined }[] = [];
const note = (event: string): void => void handled.push({ event, principal: currentPrincipal() });

@Controller()
class EventsController {
  @EventPattern('late')
  @AcceptLate({ maxAgeSeconds: 600 })
  late(data: unknown) {
    note(`late ${String(data)}`);
  }

  @EventPattern('punctual')
  punctual(data: unknown) {
    note(`punctual ${String(data)}`);
  }

  @MessagePattern('wait')
  wait() {
    return 'all that came before was handled';
  }
}

const guardOptions = (jwks: object, more: Partial<JwtGuardOptions> = {}): JwtGuardOptions => ({
  issuers: [issuerOptions(jwks)],
  revocation,
  now: issuer.clock.now,
  ...more,
});

function moduleWith(options: JwtGuardOptions, controllers: Type[] = [EventsController]): Type {
  @Module({ imports: [JwtGuardModule.forRoot(options)], controllers })
  class TestModule {}
  return TestModule;
}

describe('the handler of an event', () => {
  it('takes what is late where it says so, and no other does', async () => {
    const server = await NestFactory.createMicroservice<MicroserviceOptions>(
      moduleWith(guardOptions(announcing(600))),
      {
        transport: Transport.TCP,
        options: { host: '127.0.0.1', port: 0 },
        logger: false,
      },
    );
    await server.listen();
    const { port } = server.unwrap<Server>().address() as AddressInfo;
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    const sending = new AsyncLocalStorage<string>();
    client.setOnDispatchHook((packet) => {
      packet.metadata = { authorization: `Bearer ${sending.getStore()}`, ...more };
    });
    let more: Readonly<Record<string, string>> = {};
    const emit = (event: string, data: string, token: string) =>
      sending.run(token, () => firstValueFrom(client.emit(event, data), { defaultValue: null }));
    try {
      handled.length = 0;
      const token = await issuer.token();
      for (const [data, seconds] of [
        ['in time', 0],
        ['at last', 304.999],
        ['late', 0.001],
        ['late at last', 299.999],
        ['too late', 0.001],
      ] as const) {
        issuer.clock.advance(seconds);
        for (const event of ['late', 'punctual']) {
          await emit(event, data, token);
          // What comes by the same connection later is answered later.
          await sending.run(await issuer.token(), () => firstValueFrom(client.send('wait', {})));
        }
      }
      const seen = handled.map(({ event, principal }) => [event, principal?.tokenId, principal?.acceptedLate ?? false]);
      expect(seen).toEqual([
        ['late in time', 'token-1', false],
        ['punctual in time', 'token-1', false],
        ['late at last', 'token-1', false],
        ['punctual at last', 'token-1', false],
        ['late late', 'token-1', true],
        ['late late at last', 'token-1', true],
      ]);
    } finally {
      more = {};
      client.close();
      await server.close();
    }
  });

  it('takes nothing late that comes with a transaction token, which is for the moment', async () => {
    const issuers = [{ ...issuerOptions(announcing(600)), transactions: { trustDomain: issuer.trustDomain } }];
    const server = await NestFactory.createMicroservice<MicroserviceOptions>(
      moduleWith(guardOptions({}, { issuers })),
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 }, logger: false },
    );
    await server.listen();
    const { port } = server.unwrap<Server>().address() as AddressInfo;
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    let metadata: Readonly<Record<string, string>> = {};
    client.setOnDispatchHook((packet) => {
      packet.metadata = metadata;
    });
    const within = async (tokens: { service: string; transaction?: string }, run: () => Promise<unknown>) => {
      const { service, transaction } = tokens;
      metadata = { authorization: `Bearer ${service}`, ...(transaction !== undefined && { 'txn-token': transaction }) };
      await run();
    };
    const emit = () => firstValueFrom(client.emit('late', 'event'), { defaultValue: null });
    const settled = async () => {
      const service = await issuer.token();
      await within({ service }, () => firstValueFrom(client.send('wait', {})));
      return handled.splice(0).map(({ principal }) => [principal?.subject, principal?.acceptedLate ?? false]);
    };
    try {
      handled.length = 0;
      const service = await issuer.serviceToken();
      const transaction = await issuer.transactionToken({ sub: 'user-1' });
      await within({ service, transaction }, emit);
      expect(await settled()).toEqual([['user-1', false]]);
      issuer.clock.advance(65);
      await within({ service, transaction }, emit);
      expect(await settled()).toEqual([]);
      issuer.clock.advance(300);
      await within({ service, transaction: await issuer.transactionToken() }, emit);
      expect(await settled()).toEqual([]);
      await within({ service }, emit);
      expect(await settled()).toEqual([['gateway', true]]);
    } finally {
      client.close();
      await server.close();
    }
  });
});

describe('an app with handlers of late events', () => {
  const failing = { logger: false, abortOnError: false } as const;
  const started = async (options: JwtGuardOptions, controllers?: Type[]): Promise<INestApplication> => {
    const app = await NestFactory.create(moduleWith(options, controllers), new FastifyAdapter(), failing);
    await app.init();
    return app;
  };

  it('starts where the issuer announces as much as they ask for, and not where it announces less', async () => {
    const app = await started(guardOptions(announcing(600)));
    await app.close();
    await expect(started(guardOptions(announcing(599)))).rejects.toThrow(
      /@AcceptLate asks for more .*\n {2}EventsController\.late: 600 s, of which https:\/\/issuer\.test allows 599$/,
    );
  });

  it('waits for the first keys, in which the issuer says so', async () => {
    const server = await JwksServer.start({ ...issuer.jwks, late_handling_seconds: 599 });
    server.delayMs = 100;
    const jwks = { jwksUri: server.url, dangerouslyAllowHttp: true };
    try {
      await expect(started(guardOptions(jwks))).rejects.toThrow(/@AcceptLate asks for more/);
      server.body = { ...issuer.jwks, late_handling_seconds: 600 };
      const app = await started(guardOptions(jwks));
      expect(app.get(TokenVerifier).lateHandlingSeconds.get(issuer.issuer)).toBe(600);
      await app.close();
    } finally {
      await server.stop();
    }
  });

  it('starts where that is not known yet, and says so; what is late is refused until it is', async () => {
    const warned = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const server = await JwksServer.start({ ...issuer.jwks, late_handling_seconds: 600 });
    server.status = 503;
    const token = await issuer.token();
    try {
      const app = await started(guardOptions({ jwksUri: server.url, dangerouslyAllowHttp: true }));
      expect(warned.mock.calls.flat()).toContain(
        'What is handled late is refused, as https://issuer.test has not announced yet (late_handling_seconds) how late it may be',
      );
      issuer.clock.advance(400);
      const verifier = app.get(TokenVerifier);
      expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('keys_unavailable');
      server.status = 200;
      while (verifier.lateHandlingSeconds.get(issuer.issuer) === undefined) await verifier.loadKeys();
      expect(await verdict(() => verifier.verifyLate(token, 600))).toBe('accepted');
      await app.close();
    } finally {
      warned.mockRestore();
      await server.stop();
    }
  });

  it('does not wait where nothing is late', async () => {
    @Controller()
    class Punctual {
      @EventPattern('punctual')
      punctual(data: unknown) {
        note(String(data));
      }
    }
    const server = await JwksServer.start(issuer.jwks);
    server.hangs = true;
    try {
      const app = await started(guardOptions({ jwksUri: server.url, dangerouslyAllowHttp: true }), [Punctual]);
      await app.close();
    } finally {
      await server.stop();
    }
  });

  it('lists them in its census', async () => {
    const app = await started(guardOptions(announcing(600)));
    const { handlers } = policyCensus(app);
    expect(handlers.find(({ entry }) => entry === 'event late')).toMatchObject({
      policy: 'token',
      acceptLateSeconds: 600,
    });
    expect(handlers.find(({ entry }) => entry === 'event punctual')).not.toHaveProperty('acceptLateSeconds');
    await app.close();
  });

  const EVENTS_ONLY = /@AcceptLate is for the handlers of events \(@EventPattern\): take it away/;

  it('does not start without a source of revocations', async () => {
    const options = { issuers: [issuerOptions(announcing(600))], now: issuer.clock.now };
    await expect(started(options)).rejects.toThrow(/@AcceptLate takes a revocation source/);
  });

  it('does not start where something else says that it may be late', async () => {
    @Controller()
    class LateMessage {
      @MessagePattern('message')
      @AcceptLate({ maxAgeSeconds: 60 })
      message() {
        return 'late';
      }
    }
    @Controller()
    class LateRoute {
      @AcceptLate({ maxAgeSeconds: 60 })
      @Get('route')
      route() {
        return 'late';
      }
    }
    @Controller()
    class LateClass {
      @EventPattern('event')
      event(data: unknown) {
        note(String(data));
      }
    }
    (AcceptLate({ maxAgeSeconds: 60 }) as unknown as ClassDecorator)(LateClass);
    for (const controller of [LateMessage, LateRoute, LateClass]) {
      await expect(started(guardOptions(announcing(600)), [controller])).rejects.toThrow(EVENTS_ONLY);
    }
  });

  it('does not start where a handler says so that is open to everybody', async () => {
    @Controller()
    class OpenEvent {
      @Public('it is for everybody')
      @EventPattern('event')
      @AcceptLate({ maxAgeSeconds: 60 })
      event(data: unknown) {
        note(String(data));
      }
    }
    await expect(started(guardOptions(announcing(600)), [OpenEvent])).rejects.toThrow(
      /counts only where a token is asked for, as does @AcceptLate/,
    );
  });
});

describe('@AcceptLate', () => {
  it('stands once in a place', () => {
    expect(() => {
      class Twice {
        @AcceptLate({ maxAgeSeconds: 60 })
        @AcceptLate({ maxAgeSeconds: 600 })
        event() {
          return undefined;
        }
      }
      return Twice;
    }).toThrow(TypeError);
  });
});
