import {
  Controller,
  Get,
  type INestApplication,
  Module,
  type NestModule,
  type MiddlewareConsumer,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { currentPrincipal, CurrentPrincipal, JwtGuardModule, type Principal, requireToken } from '../src';

/**
 * A pool with one connection, as session stores and databases have: who waits for it is called back by whoever gives it
 * back, and so in the context of another request.
 */
class Pool {
  #free = true;
  readonly #waiting: (() => void)[] = [];

  use(work: () => void): void {
    if (!this.#free) return void this.#waiting.push(work);
    this.#free = false;
    setTimeout(() => {
      work();
      this.#free = true;
      const next = this.#waiting.shift();
      if (next) this.use(next);
    }, 2);
  }
}

@Controller()
class WhoController {
  @Get('who')
  who(@CurrentPrincipal() principal: Principal) {
    return { guard: principal.subject, context: currentPrincipal()?.subject ?? null };
  }
}

@Resolver()
class WhoResolver {
  @Query('who')
  who() {
    return currentPrincipal()?.subject ?? null;
  }
}

let issuer: TestIssuer;
let app: INestApplication;
const pool = new Pool();
const throughPool = (_request: unknown, _answer: unknown, next: () => void): void => pool.use(next);
const USERS = ['alice', 'bob', 'carol', 'dave'];

beforeAll(async () => (issuer = await TestIssuer.create()));
afterEach(() => app.close());

function moduleWith(middleware: boolean, imports: object[] = []) {
  const issuers = [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks }];
  @Module({
    imports: [JwtGuardModule.forRoot({ issuers, now: issuer.clock.now }), ...(imports as never[])],
    controllers: [WhoController],
    providers: [WhoResolver],
  })
  class TestModule implements NestModule {
    configure(consumer: MiddlewareConsumer) {
      if (middleware) consumer.apply(throughPool).forRoutes('{*path}');
    }
  }
  return TestModule;
}

/** All at once, so that they meet in the pool. */
async function ask(path: string, init: RequestInit = {}): Promise<unknown[]> {
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return Promise.all(
    USERS.map(async (sub) => {
      const headers = { ...init.headers, authorization: `Bearer ${await issuer.token({ sub })}` };
      return (await fetch(`${url}${path}`, { ...init, headers })).json();
    }),
  );
}
const eachAsItself = USERS.map((user) => ({ guard: user, context: user }));

describe('a request that a pool passes on in the context of another is served as its own', () => {
  it('by a handler on Express, behind a middleware of the app', async () => {
    app = await NestFactory.create(moduleWith(true), new ExpressAdapter(), { logger: false });
    expect(await ask('/who')).toEqual(eachAsItself);
  });

  it('by a handler on Fastify, behind a hook', async () => {
    const fastify = await NestFactory.create<NestFastifyApplication>(moduleWith(false), new FastifyAdapter(), {
      logger: false,
    });
    fastify
      .getHttpAdapter()
      .getInstance()
      .addHook('preHandler', (_request, _reply, done) => pool.use(done));
    app = fastify;
    expect(await ask('/who')).toEqual(eachAsItself);
  });

  it('by a route past Nest, behind requireToken', async () => {
    const express = await NestFactory.create<NestExpressApplication>(moduleWith(false), new ExpressAdapter(), {
      logger: false,
    });
    express.use(throughPool);
    const instance = express.getHttpAdapter().getInstance();
    instance.get('/raw', requireToken(), (_request, answer) => {
      answer.json({ guard: currentPrincipal()?.subject, context: currentPrincipal()?.subject });
    });
    app = express;
    expect(await ask('/raw')).toEqual(eachAsItself);
  });

  it('or not at all: a resolver serves nobody as somebody else', async () => {
    const typeDefs = 'type Query { who: String }';
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs, playground: false });
    app = await NestFactory.create(moduleWith(true, [graphql]), new ExpressAdapter(), { logger: false });
    const answers = await ask('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ who }' }),
    });
    answers.forEach((answer, i) => {
      const { data } = answer as { data: { who: string | null } };
      expect([USERS[i], null]).toContain(data.who);
    });
  });
});
