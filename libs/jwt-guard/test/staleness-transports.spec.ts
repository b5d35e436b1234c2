import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Controller,
  type ExecutionContext,
  type INestApplication,
  type INestMicroservice,
  Injectable,
  Module,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices';
import { AuthGuard } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { type AddressInfo, type Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { JwtGuardModule, Public, WhenStale } from '../src';
import { AgingSource, expectLimit, guardOptions } from './staleness-source';

/** As apps have it that guard their resolvers with passport. */
@Injectable()
class GraphqlAuthGuard extends AuthGuard('jwt') {
  override getRequest(context: ExecutionContext): unknown {
    const [, , { req, reply }] = context.getArgs<[unknown, unknown, { req?: unknown; reply?: { request: unknown } }]>();
    return req ?? reply?.request;
  }
}

@Resolver()
class StaleResolver {
  @Query('look')
  look() {
    return 'ok';
  }

  @WhenStale('deny')
  @Query('lookDenying')
  lookDenying() {
    return 'ok';
  }

  @UseGuards(GraphqlAuthGuard)
  @Query('lookBoth')
  lookBoth() {
    return 'ok';
  }

  @Mutation('change')
  change() {
    return 'ok';
  }

  @WhenStale({ allowForSeconds: 30 })
  @Mutation('changeSooner')
  changeSooner() {
    return 'ok';
  }

  @WhenStale({ allowForSeconds: 600 })
  @Mutation('changeLater')
  changeLater() {
    return 'ok';
  }

  @Public('passport guards it, as in code from before')
  @UseGuards(GraphqlAuthGuard)
  @Mutation('changeByPassport')
  changeByPassport() {
    return 'ok';
  }
}

const SCHEMA = `
  type Query { look: String, lookDenying: String, lookBoth: String }
  type Mutation { change: String, changeSooner: String, changeLater: String, changeByPassport: String }
`;

const DRIVERS = {
  'Apollo on Express': () =>
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, typeDefs: SCHEMA, playground: false }),
  'Mercurius on Fastify': () =>
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, typeDefs: SCHEMA, cache: false }),
};

interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly path?: readonly string[];
    readonly message: string;
    readonly extensions?: { readonly code?: string };
  }[];
}

describe.each(Object.keys(DRIVERS) as (keyof typeof DRIVERS)[])('while revocations are behind, with %s,', (driver) => {
  let issuer: TestIssuer;
  let source: AgingSource;
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    source = new AgingSource();
    @Module({
      imports: [JwtGuardModule.forRoot(guardOptions(issuer, source)), DRIVERS[driver]()],
      providers: [StaleResolver],
    })
    class TestModule {}
    const adapter = driver === 'Apollo on Express' ? new ExpressAdapter() : new FastifyAdapter();
    app = await NestFactory.create(TestModule, adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = `${await app.getUrl()}/graphql`;
  });
  afterAll(() => app.close());

  async function ask(query: string, token: string) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
    const { data, errors = [] } = (await answer.json()) as Answer;
    return { data, errors: errors.map(({ path, extensions, message }) => [path?.[0], extensions?.code ?? message]) };
  }
  const calling = (query: string) => async (token: string) => {
    const { errors } = await ask(query, token);
    return errors[0]?.[1] ?? 'ok';
  };

  it.each<[query: string, limit: number]>([
    ['{ look }', Infinity],
    ['query { lookDenying }', 10],
    ['{ lookBoth }', Infinity],
    ['mutation { change }', 70],
    ['mutation { changeSooner }', 40],
    ['mutation { changeLater }', 610],
    ['mutation { changeByPassport }', 70],
  ])('%s goes on until they are %d s old', async (query, limit) => {
    await expectLimit(issuer, source, limit, calling(query));
  });

  it('each mutation of a request is judged for itself', async () => {
    source.ageSeconds = 71;
    const { data, errors } = await ask(
      'mutation { changeLater change changeByPassport changeSooner }',
      await issuer.token(),
    );
    expect(data).toEqual({ changeLater: 'ok', change: null, changeByPassport: null, changeSooner: null });
    expect(errors.sort()).toEqual([
      ['change', 'revocation_stale'],
      ['changeByPassport', 'revocation_stale'],
      ['changeSooner', 'revocation_stale'],
    ]);
  });
});

@Controller()
class StaleMessages {
  static readonly events: unknown[] = [];

  @MessagePattern('message')
  message() {
    return 'ok';
  }

  @WhenStale({ allowForSeconds: 30 })
  @MessagePattern('sooner')
  sooner() {
    return 'ok';
  }

  @WhenStale('deny')
  @MessagePattern('denying')
  denying() {
    return 'ok';
  }

  @EventPattern('event')
  event(data: unknown) {
    StaleMessages.events.push(data);
  }
}

describe('while revocations are behind, over TCP,', () => {
  let issuer: TestIssuer;
  let source: AgingSource;
  let server: INestMicroservice;
  let client: ClientProxy;
  let authorization: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    source = new AgingSource();
    @Module({ imports: [JwtGuardModule.forRoot(guardOptions(issuer, source))], controllers: [StaleMessages] })
    class TestModule {}
    server = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
      logger: false,
    });
    await server.listen();
    const { port } = server.unwrap<Server>().address() as AddressInfo;
    client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    client.setOnDispatchHook((packet) => (packet.metadata = { authorization }));
  });
  afterAll(async () => {
    await client.close();
    await server.close();
  });

  const calling = (pattern: string) => async (token: string) => {
    authorization = `Bearer ${token}`;
    try {
      return await firstValueFrom(client.send<string>(pattern, {}));
    } catch (error) {
      expect(error).toMatchObject({ status: 503, error: 'temporarily_unavailable' });
      return (error as { code: string }).code;
    }
  };

  it.each([
    ['message', 70],
    ['sooner', 40],
    ['denying', 10],
  ])('the message %s is answered until they are %d s old', async (pattern, limit) => {
    await expectLimit(issuer, source, limit, calling(pattern));
  });

  it('an event is heard until they are 70 s old', async () => {
    StaleMessages.events.length = 0;
    const emitAt = async (ageSeconds: number) => {
      source.ageSeconds = ageSeconds;
      authorization = `Bearer ${await issuer.token()}`;
      await firstValueFrom(client.emit('event', ageSeconds), { defaultValue: undefined });
      // On the same connection, and so answered after it.
      await calling('message')(await issuer.token());
    };
    await emitAt(70);
    expect(StaleMessages.events).toEqual([70]);
    await emitAt(70.1);
    expect(StaleMessages.events).toEqual([70]);
  });
});
