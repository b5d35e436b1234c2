import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type CanActivate,
  Controller,
  Get,
  Injectable,
  type INestApplication,
  Module,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, Mutation, Query, ResolveField, Resolver, ResolveReference } from '@nestjs/graphql';
import { EventPattern, MessagePattern, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { ExpressAdapter } from '@nestjs/platform-express';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { TestIssuer } from '@token-relay/testing';
import { type Express } from 'express';
import {
  type CensusOptions,
  JwtGuard,
  JwtGuardModule,
  policyCensus,
  PolicyCensusError,
  Public,
  RequireScopes,
} from '../src';

class KeyGuard implements CanActivate {
  canActivate() {
    return false;
  }
}

@Controller('mixed')
class MixedController {
  @Get()
  read() {}

  @MessagePattern('mixed.read')
  readToo() {}

  @EventPattern({ event: 'changed' })
  changed() {}
}

@WebSocketGateway({ path: '/changes' })
class ChangesGateway {
  handleConnection() {}

  @SubscribeMessage('subscribe')
  subscribe() {}
}

@Injectable({ scope: Scope.REQUEST })
@WebSocketGateway({ path: '/anew' })
class AnewGateway {
  handleConnection() {}
}

@Resolver('Thing')
class ThingResolver {
  @Query('thing')
  thing() {
    return { id: '1' };
  }

  @Mutation('rename')
  rename() {
    return { id: '1' };
  }

  @ResolveField('plain')
  plain() {
    return 'plain';
  }

  @RequireScopes('documents:admin')
  @ResolveField('scoped')
  scoped() {
    return 'scoped';
  }

  @UseGuards(JwtGuard)
  @ResolveField('guarded')
  guarded() {
    return 'guarded';
  }

  @UseGuards(KeyGuard)
  @ResolveField('keyed')
  keyed() {
    return 'keyed';
  }

  @ResolveReference()
  resolveReference() {
    return { id: '1' };
  }
}

const SCHEMA = `
  type Thing { id: String plain: String scoped: String guarded: String keyed: String }
  type Query { thing: Thing }
  type Mutation { rename: Thing }
`;

const graphql = (options: Partial<ApolloDriverConfig> = {}) =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    typeDefs: SCHEMA,
    playground: false,
    resolverValidationOptions: { requireResolversToMatchSchema: 'ignore' },
    ...options,
  });

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await TestIssuer.create();
});

interface Parts {
  readonly imports?: object[];
  readonly controllers?: Type[];
  readonly providers?: object[];
  readonly census?: CensusOptions;
}

async function create({
  imports = [],
  controllers = [],
  providers = [],
  census = {},
}: Parts): Promise<INestApplication> {
  const guard = JwtGuardModule.forRoot({
    issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
    now: issuer.clock.now,
    census,
  });
  @Module({ imports: [guard, ...(imports as Type[])], controllers, providers: providers as Type[] })
  class TestModule {}
  const app = await NestFactory.create(TestModule, new ExpressAdapter(), { logger: false });
  return app.useWebSocketAdapter(new WsAdapter(app));
}

/** What its start is refused for; nothing of it listens then. */
async function refused(app: INestApplication): Promise<(string | undefined)[][]> {
  const error: unknown = await app.listen(0, '127.0.0.1').then(
    () => undefined,
    (reason: unknown) => reason,
  );
  await app.close();
  expect(error).toBeInstanceOf(PolicyCensusError);
  return (error as PolicyCensusError).handlers.map(({ transport, entry, handler }) => [transport, entry, handler]);
}

async function listed(app: INestApplication): Promise<(string | undefined)[][]> {
  await app.listen(0, '127.0.0.1');
  const { handlers } = policyCensus(app);
  await app.close();
  return handlers.map(({ transport, entry, policy }) => [transport, entry, policy]);
}

describe('an app with a forgotten handler on every transport', () => {
  it('is refused once, and all of them are named', async () => {
    const app = await create({
      imports: [graphql()],
      controllers: [MixedController],
      providers: [ChangesGateway, AnewGateway, ThingResolver],
      census: { acceptGuards: [KeyGuard] },
    });
    app.connectMicroservice<MicroserviceOptions>({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: 0 },
    });
    (app.getHttpAdapter().getInstance() as Express).get('/metrics', (_request, answer) => void answer.send('open'));
    expect(await refused(app)).toEqual([
      ['http', 'GET /metrics', undefined],
      ['graphql', 'Thing scoped', 'ThingResolver.scoped'],
      ['graphql', 'Thing guarded', 'ThingResolver.guarded'],
      ['graphql', 'Thing keyed', 'ThingResolver.keyed'],
      ['graphql', 'Reference Thing', 'ThingResolver.resolveReference'],
      ['tcp', 'message mixed.read', 'MixedController.readToo'],
      ['tcp', 'event {"event":"changed"}', 'MixedController.changed'],
      ['ws', 'connect /anew', 'AnewGateway.handleConnection'],
    ]);
  });

  it('starts when each is guarded or open', async () => {
    const app = await create({
      imports: [graphql({ fieldResolverEnhancers: ['guards'] })],
      controllers: [MixedController],
      providers: [ChangesGateway, ThingResolver],
      census: { acceptGuards: [KeyGuard], public: [{ entry: 'GET /metrics', reason: 'it is for everybody' }] },
    });
    app.connectMicroservice<MicroserviceOptions>(
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
      { inheritAppConfig: true },
    );
    (app.getHttpAdapter().getInstance() as Express).get('/metrics', (_request, answer) => void answer.send('open'));
    const rows = await listed(app);
    expect(rows.filter(([transport, entry]) => !(transport === 'http' && entry?.startsWith('USE')))).toEqual([
      ['http', 'GET /mixed', 'token'],
      ['http', 'GET /metrics', 'public'],
      ['graphql', 'Query thing', 'token'],
      ['graphql', 'Mutation rename', 'token'],
      ['graphql', 'Thing scoped', 'token'],
      ['graphql', 'Thing guarded', 'token'],
      ['graphql', 'Thing keyed', 'guard'],
      ['graphql', 'Reference Thing', 'token'],
      ['tcp', 'message mixed.read', 'token'],
      ['tcp', 'event {"event":"changed"}', 'token'],
      ['ws', 'connect /changes', 'token'],
      ['ws', 'message subscribe /changes', 'token'],
    ]);
    expect(rows.filter(([, entry]) => entry?.startsWith('USE'))).toContainEqual(['http', 'USE /graphql', 'resolvers']);
  });
});

describe('GraphQL in the census', () => {
  it('has the resolvers that a factory makes, which Nest takes as well', async () => {
    const made = { provide: 'MADE', useFactory: () => new ThingResolver() };
    expect(await refused(await create({ imports: [graphql()], providers: [made] }))).toEqual([
      ['graphql', 'Thing scoped', 'ThingResolver.scoped'],
      ['graphql', 'Thing guarded', 'ThingResolver.guarded'],
      ['graphql', 'Reference Thing', 'ThingResolver.resolveReference'],
    ]);
  });

  it.each([
    ['/graphql', false, '/api', '/graphql'],
    ['/graphql', true, '/api', '/api/graphql'],
    ['/', false, '', undefined],
  ])(
    'has the endpoint %s (below the global prefix: %s), and no other path that ends so',
    async (path, below, prefix, at) => {
      @Resolver()
      class OpenResolver {
        @Public('it is for everybody')
        @Query('thing')
        thing() {
          return { id: '1' };
        }
      }
      const options = {
        path,
        useGlobalPrefix: below,
        typeDefs: 'type Thing { id: String } type Query { thing: Thing }',
      };
      const parts = { imports: [graphql(options)], providers: [OpenResolver] };
      const withPrefix = (app: INestApplication) => app.setGlobalPrefix(prefix);
      // Express tells nothing of what is for every path.
      const endpoint = at === undefined ? [] : [['http', `USE ${at}`, 'resolvers']];
      expect(await listed(withPrefix(await create(parts)))).toEqual(expect.arrayContaining(endpoint));
      const app = withPrefix(await create(parts));
      const other = `/admin${path}`;
      (app.getHttpAdapter().getInstance() as Express).get(other, (_request, answer) => void answer.send('open'));
      expect(await refused(app)).toEqual([['http', `GET ${other}`, undefined]]);
    },
  );
});

@WebSocketGateway({ path: '/keyed' })
@UseGuards(KeyGuard)
class KeyedGateway {
  @SubscribeMessage('read')
  read() {}
}

@WebSocketGateway({ path: '/keyed-connections' })
@UseGuards(KeyGuard)
class KeyedConnectionsGateway {
  handleConnection() {}
}

describe('a gateway', () => {
  it('whose guard is accepted is its to guard, but for handleConnection, which no guard is asked before', async () => {
    const census = { acceptGuards: [KeyGuard] };
    expect(await listed(await create({ providers: [KeyedGateway], census }))).toEqual([
      ['ws', 'connect /keyed', 'guard'],
      ['ws', 'message read /keyed', 'guard'],
    ]);
    expect(await refused(await create({ providers: [KeyedConnectionsGateway], census }))).toEqual([
      ['ws', 'connect /keyed-connections', 'KeyedConnectionsGateway.handleConnection'],
    ]);
  });

  it('that a microservice with deferInitialization would bind once more, unguarded, stops the start', async () => {
    const options = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;
    const app = await create({ providers: [ChangesGateway] });
    app.connectMicroservice<MicroserviceOptions>(options, { deferInitialization: true });
    expect(await refused(app)).toEqual([
      ['ws', 'connect /changes', 'ChangesGateway.handleConnection'],
      ['ws', 'message subscribe /changes', 'ChangesGateway.subscribe'],
    ]);
    const usual = await create({ providers: [ChangesGateway] });
    usual.connectMicroservice<MicroserviceOptions>(options);
    expect(await listed(usual)).toEqual([
      ['ws', 'connect /changes', 'token'],
      ['ws', 'message subscribe /changes', 'token'],
    ]);
  });
});

describe('resolvers that the GraphQL module was given past Nest', () => {
  const resolvers = { Query: { secret: () => 'open' }, Thing: { name: () => 'a field' } };
  const imports = () => [graphql({ typeDefs: 'type Query { secret: String } type Thing { name: String }', resolvers })];

  it('stop the start, and may be opened', async () => {
    expect(await refused(await create({ imports: imports() }))).toEqual([['graphql', 'Query secret', undefined]]);
    const census = { public: [{ entry: 'Query secret', reason: 'it is none' }] };
    const rows = await listed(await create({ imports: imports(), census }));
    expect(rows).toContainEqual(['graphql', 'Query secret', 'public']);
  });
});
