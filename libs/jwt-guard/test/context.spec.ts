import {
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  type OnApplicationShutdown,
  Query,
  Sse,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Server } from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExpressAdapter } from '@nestjs/platform-express';
import { TestIssuer } from '@token-relay/testing';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { interval, map, type Observable, take } from 'rxjs';
import {
  bindContext,
  currentPrincipal,
  currentRelayContext,
  JwtGuardModule,
  Public,
  type RelayContext,
  relayContextFor,
  runAs,
  TokenRejected,
  TokenVerifier,
} from '../src';

/** Runs what it is given, from a timer that was there before every call: as a queue or a pool does. */
@Injectable()
class Worker implements OnApplicationShutdown {
  readonly #jobs: (() => void)[] = [];
  readonly #timer = setInterval(() => this.#jobs.splice(0).forEach((job) => job()), 1);

  push(job: () => void): void {
    this.#jobs.push(job);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }
}

/** An emitter whose events come from outside of every call. */
const wire = new EventEmitter();
const kept: RelayContext[] = [];

@Controller()
class ContextController {
  constructor(private readonly worker: Worker) {}

  @Get('bound')
  async bound(@Query('id') id: string) {
    const unbound = once(wire, id).then(() => undefined);
    const seen = new Promise((resolve) => {
      wire.once(
        id,
        bindContext(() => resolve(currentPrincipal()?.tokenId)),
      );
    });
    await unbound;
    return { tokenId: await seen };
  }

  @Get('kept')
  keep() {
    const context = currentRelayContext();
    if (context) kept.push(context);
    return {};
  }

  @Get('job')
  job() {
    const context = currentRelayContext();
    return new Promise((resolve) =>
      this.worker.push(() => {
        const before = currentPrincipal() ?? null;
        const job = async () => (await sleep(1), { before, tokenId: currentPrincipal()?.tokenId });
        if (context) resolve(runAs(context, job));
      }),
    );
  }

  @Public('nobody in particular')
  @Get('open')
  open() {
    return { principal: currentPrincipal() ?? null, transactionId: currentRelayContext()?.transactionId };
  }

  @Sse('events')
  events(): Observable<{ data: object }> {
    return interval(1).pipe(
      take(3),
      map((i) => ({ data: { i, tokenId: currentPrincipal()?.tokenId } })),
    );
  }
}

describe.each([
  ['Fastify', () => new FastifyAdapter()],
  ['Express', () => new ExpressAdapter()],
])('the context of a call, on %s', (_name, adapter) => {
  let issuer: TestIssuer;
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    const issuers = [
      { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
    ];
    @Module({
      imports: [JwtGuardModule.forRoot({ issuers, now: issuer.clock.now })],
      controllers: [ContextController],
      providers: [Worker],
    })
    class TestModule {}
    app = await NestFactory.create(TestModule, adapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(() => app.close());
  beforeEach(() => kept.splice(0));

  async function get(path: string, jti = 'token-1'): Promise<Response> {
    return fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${await issuer.token({ jti })}` } });
  }

  it('goes with a listener that is bound, whoever emits', async () => {
    const ids = ['a', 'b', 'c'];
    const answers = ids.map(async (id) => await (await get(`bound?id=${id}`, `token-${id}`)).json());
    while (!ids.every((id) => wire.listenerCount(id) === 2)) await sleep(1);
    for (const id of ids.toReversed()) wire.emit(id);
    expect(await Promise.all(answers)).toEqual(ids.map((id) => ({ tokenId: `token-${id}` })));
  });

  it('goes with a job that is run as it', async () => {
    expect(await (await get('job', 'token-of-the-job')).json()).toEqual({ before: null, tokenId: 'token-of-the-job' });
  });

  it('goes with every event of a stream', async () => {
    const text = await (await get('events', 'token-of-the-stream')).text();
    expect(text.match(/token-of-the-stream/g)).toHaveLength(3);
  });

  it('can be gone on with after the call, and by nobody who made it up', async () => {
    await get('kept', 'token-kept');
    const [context] = kept;
    if (!context) throw new Error('nothing was kept');
    expect(currentPrincipal()).toBeUndefined();
    expect(runAs(context, () => currentPrincipal()?.tokenId)).toBe('token-kept');
    expect(currentPrincipal()).toBeUndefined();
    const copies: RelayContext[] = [
      { ...context },
      Object.assign({}, context),
      JSON.parse(JSON.stringify(context)) as RelayContext,
      Object.create(context) as RelayContext,
    ];
    for (const copy of copies) expect(() => runAs(copy, () => 'ran')).toThrow(TypeError);
    expect(() => runAs(undefined as unknown as RelayContext, () => 'ran')).toThrow(TypeError);
  });

  it('holds nobody where nobody was asked for', async () => {
    expect(await (await get('open')).json()).toEqual({
      principal: null,
      transactionId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
    });
  });
});

describe('bindContext', () => {
  it('keeps what is passed, what comes back, and this', () => {
    const counter = {
      count: 2,
      add: bindContext(function (this: { count: number }, more: number) {
        return this.count + more;
      }),
    };
    expect(counter.add(3)).toBe(5);
  });

  it('made outside of a call runs outside of every call', async () => {
    const issuer = await TestIssuer.create();
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'], jwks: issuer.jwks }],
    });
    const outside = bindContext(() => currentPrincipal());
    const context = await relayContextFor(verifier, await issuer.token());
    expect(runAs(context, () => [currentPrincipal()?.tokenId, outside()])).toEqual(['token-1', undefined]);
  });
});

describe('relayContextFor', () => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;
  beforeEach(async () => {
    issuer = await TestIssuer.create();
    verifier = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
    });
  });

  it('is for whom the token speaks, in the transaction that is given', async () => {
    const context = await relayContextFor(verifier, await issuer.token(), 'transaction-of-the-job');
    expect(context.principal?.subject).toBe(issuer.claims().sub);
    expect(context.transactionId).toBe('transaction-of-the-job');
    const { transactionId } = await relayContextFor(verifier, await issuer.token(), 'no id: it has spaces');
    expect(transactionId).toMatch(/^[\da-f-]{36}$/);
  });

  it('is none for a token that is bad by then', async () => {
    const token = await issuer.token();
    issuer.clock.advance(304);
    await expect(relayContextFor(verifier, token)).resolves.toBeDefined();
    issuer.clock.advance(1);
    await expect(relayContextFor(verifier, token)).rejects.toThrow(TokenRejected);
  });
});

describe('TokenVerifier.recheck', () => {
  it('tells at once whether a principal still counts, and for no principal of another', async () => {
    const issuer = await TestIssuer.create();
    const revoked = new Set<string>();
    const options = {
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks }],
      now: issuer.clock.now,
      revocation: { isRevoked: ({ tokenId }: { tokenId: string | undefined }) => revoked.has(tokenId ?? '') },
    };
    const verifier = TokenVerifier.create(options);
    const principal = await verifier.verify(await issuer.token());
    expect(() => verifier.recheck(principal)).not.toThrow();
    expect(() => TokenVerifier.create(options).recheck(principal)).toThrow(TypeError);
    expect(() => verifier.recheck({ ...principal })).toThrow(TypeError);
    revoked.add('token-1');
    expect(() => verifier.recheck(principal)).toThrow(expect.objectContaining({ code: 'token_revoked' }) as Error);
    revoked.clear();
    issuer.clock.advance(304);
    expect(() => verifier.recheck(principal)).not.toThrow();
    issuer.clock.advance(1);
    expect(() => verifier.recheck(principal)).toThrow(expect.objectContaining({ code: 'token_expired' }) as Error);
  });
});

describe('a server that uses one context for several messages', () => {
  it('has each of them judged for itself', async () => {
    const issuer = await TestIssuer.create();
    const issuers = [
      { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
    ];
    const seen: unknown[] = [];
    @Controller()
    class MessagesController {
      @MessagePattern('closed')
      closed() {
        seen.push(currentPrincipal()?.subject ?? null);
      }

      @Public('it is for everybody')
      @MessagePattern('open')
      open() {
        seen.push(currentPrincipal()?.subject ?? null);
      }
    }
    @Module({ imports: [JwtGuardModule.forRoot({ issuers })], controllers: [MessagesController] })
    class TestModule {}
    let metadata: object = {};
    const context = { getMetadata: () => metadata };
    class OneContext extends Server {
      listen = (callback: () => void): void => callback();
      close = (): void => undefined;
      on = (): void => undefined;
      unwrap = <T>(): T => undefined as T;

      receive = (pattern: string, authorization?: string): Promise<void> => {
        metadata = authorization === undefined ? {} : { authorization };
        return new Promise((resolve) => {
          this.onProcessingStartHook('' as never, context as never, async () => {
            await this.getHandlerByPattern(pattern)?.({}, context);
            resolve();
          });
        });
      };
    }
    const strategy = new OneContext();
    const server = await NestFactory.createMicroservice(TestModule, { strategy, logger: false });
    await server.listen();
    await strategy.receive('closed', `Bearer ${await issuer.token({ sub: 'alice' })}`);
    await strategy.receive('open');
    await strategy.receive('closed', `Bearer ${await issuer.token({ sub: 'bob' })}`);
    await server.close();
    expect(seen).toEqual(['alice', null, 'bob']);
  });
});
