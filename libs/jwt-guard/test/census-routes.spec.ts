import {
  Controller,
  Get,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  Post,
  RequestMethod,
  type Type,
  type VersioningOptions,
  VersioningType,
} from '@nestjs/common';
import { HttpAdapterHost, NestFactory, RouterModule } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import express, { type RequestHandler, type Response } from 'express';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type Server } from 'node:http';
import { JwtGuardModule, type JwtGuardOptions, policyCensus, PolicyCensusError, requireToken } from '../src';

@Controller('documents')
class DocumentsController {
  @Get()
  list() {
    return [];
  }

  @Get(':id')
  read() {
    return {};
  }

  @Post()
  create() {
    return {};
  }
}

let guardOptions: JwtGuardOptions;
beforeAll(async () => {
  const issuer = await TestIssuer.create();
  guardOptions = {
    issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
    now: issuer.clock.now,
  };
});

function moduleOf(more: { controllers?: Type[]; providers?: object[]; imports?: object[] } = {}): Type {
  const { controllers = [DocumentsController], providers = [], imports = [] } = more;
  @Module({
    imports: [JwtGuardModule.forRoot(guardOptions), ...(imports as Type[])],
    controllers,
    providers: providers as Type[],
  })
  class TestModule {}
  return TestModule;
}

const onFastify = (adapter = new FastifyAdapter(), module = moduleOf()): Promise<NestFastifyApplication> =>
  NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false });
const onExpress = (adapter = new ExpressAdapter(), module = moduleOf()): Promise<NestExpressApplication> =>
  NestFactory.create<NestExpressApplication>(module, adapter, { logger: false });

/** What the start of an app is refused for; it has no port then. */
async function refused(app: INestApplication): Promise<string[]> {
  const error: unknown = await app.listen(0, '127.0.0.1').then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect((app.getHttpServer() as Server).listening).toBe(false);
  await app.close();
  expect(error).toBeInstanceOf(PolicyCensusError);
  return (error as PolicyCensusError).handlers.map(({ entry }) => entry);
}

/** What an app that starts has in its census. */
async function listed(app: INestApplication): Promise<string[]> {
  await app.listen(0, '127.0.0.1');
  const { handlers } = policyCensus(app);
  await app.close();
  return handlers.map(({ entry, policy }) => `${entry} ${policy}`);
}

const reply = (_request: unknown, answer: FastifyReply): FastifyReply => answer.send('open');
const respond: RequestHandler = (_request, answer) => void answer.send('open');

describe('routes that are registered past Nest on Fastify', () => {
  it('are named when they were there before the app, wherever they are', async () => {
    const instance = fastify();
    instance.get('/before', reply);
    instance.get('/before/there', { constraints: { host: 'internal.test' } }, reply);
    instance.post('/before/there', reply);
    instance.get('/files/*', reply);
    instance.delete('/items/:id(\\d+)/parts/:part', reply);
    instance.head('/documents', reply);
    instance.register(
      (inner: FastifyInstance, _options, done) => {
        inner.get('/inside', reply);
        done();
      },
      { prefix: '/plugin' },
    );
    const entries = await refused(await onFastify(new FastifyAdapter(instance as never)));
    expect(entries.sort()).toEqual([
      'DELETE /items/:id(\\d+)/parts/:part',
      'GET /before',
      'GET /before/there',
      'GET /files/*',
      'GET /plugin/inside',
      // Fastify makes none of Nest's GET where there is one.
      'HEAD /documents',
      'POST /before/there',
    ]);
  });

  const places: readonly [string, (app: NestFastifyApplication) => unknown][] = [
    ['on the instance', (app) => app.getHttpAdapter().getInstance().get('/late', reply)],
    ['on the adapter', (app) => void app.getHttpAdapter().get('/late', reply)],
    ['in a plugin', (app) => app.register((inner, _options, done) => (inner.get('/late', reply), done()))],
    [
      'in a plugin in a plugin',
      (app) =>
        app.register(
          (outer, _options, done) => {
            outer.register((inner, _inner, ready) => (inner.get('/te', reply), ready()), { prefix: '/la' });
            done();
          },
          { prefix: '' },
        ),
    ],
    ['after init', (app) => app.init().then(() => app.getHttpAdapter().getInstance().get('/late', reply))],
  ];
  it.each(places)('are named when they come later, %s', async (name, register) => {
    const app = await onFastify();
    await register(app);
    expect(await refused(app)).toEqual([name.endsWith('in a plugin in a plugin') ? 'GET /la/te' : 'GET /late']);
  });

  it.each(['onModuleInit', 'onApplicationBootstrap'])(
    'are named when a provider registers them in %s',
    async (hook) => {
      const provider = {
        provide: 'REGISTERS',
        inject: [HttpAdapterHost],
        useFactory: ({ httpAdapter }: HttpAdapterHost<FastifyAdapter>) => ({
          [hook]: () => void httpAdapter.getInstance().get('/late', reply),
        }),
      };
      expect(await refused(await onFastify(undefined, moduleOf({ providers: [provider] })))).toEqual(['GET /late']);
    },
  );

  it('are named for each of their verbs, a HEAD of their own too, and the one that Fastify makes is not', async () => {
    const app = await onFastify();
    const instance = app.getHttpAdapter().getInstance();
    instance.route({ method: ['PUT', 'PATCH'], url: '/both', handler: reply });
    instance.get('/made', reply);
    instance.head('/own', (_request, answer) => answer.send());
    instance.get('/own', { onRequest: requireToken() }, reply);
    instance.head('/documents', reply);
    expect(await refused(app)).toEqual(['PUT /both', 'PATCH /both', 'GET /made', 'HEAD /own', 'HEAD /documents']);
  });

  it('are named though what they call is the method of a controller', async () => {
    const app = await onFastify();
    const method = Object.getOwnPropertyDescriptor(DocumentsController.prototype, 'list')?.value as () => unknown;
    app.getHttpAdapter().get('/unguarded', method as never);
    expect(await refused(app)).toEqual(['GET /unguarded']);
  });

  it('are named when they are files', async () => {
    const app = await onFastify();
    app.useStaticAssets({ root: __dirname, prefix: '/files/' });
    expect(await refused(app)).toEqual(['GET /files/*']);
  });

  it('are named when they are middleware for a path', async () => {
    const app = await onFastify();
    app.use('/middleware', (_request: unknown, answer: Response) => answer.end());
    app.use((_request: unknown, _answer: unknown, next: () => void) => next());
    expect(await refused(app)).toEqual(['USE /middleware']);
  });

  it('are named where requireToken stands in a hook that it is not made for', async () => {
    const app = await onFastify();
    app
      .getHttpAdapter()
      .getInstance()
      .get('/early', { preParsing: requireToken() as never }, reply);
    expect(await refused(app)).toEqual(['GET /early']);
  });
});

describe('routes that are registered past Nest on Express', () => {
  it('are named when they were there before the app, wherever they are', async () => {
    const instance = express();
    instance.get('/before', respond);
    const router = express.Router();
    router.get('/:id', respond);
    router.use('/inner', express.Router().post('/deep', respond));
    instance.use('/router', router);
    instance.use('/app', express().get('/inside', respond));
    instance.use(express().get('/inside', respond));
    instance.use(express.static(__dirname));
    instance.use(['/one', '/two'], respond);
    instance.use(express.json());
    instance.use((_request, _answer, next) => next());
    expect(await refused(await onExpress(new ExpressAdapter(instance)))).toEqual([
      'GET /before',
      'GET /router/:id',
      'POST /router/inner/deep',
      'USE /app',
      'USE /',
      'USE /one',
      'USE /two',
    ]);
  });

  const places: readonly [string, string, (app: NestExpressApplication) => unknown][] = [
    ['on the instance', 'GET /late', (app) => app.getHttpAdapter().getInstance().get('/late', respond)],
    ['on the adapter', 'GET /late', (app) => void app.getHttpAdapter().get('/late', respond as never)],
    ['as middleware for a path', 'USE /late', (app) => app.use('/late', respond)],
    ['as a router', 'GET /late', (app) => app.use(express.Router().get('/late', respond))],
    ['as files', 'USE /', (app) => app.useStaticAssets(__dirname)],
    ['as files below a path', 'USE /files', (app) => app.useStaticAssets(__dirname, { prefix: '/files' })],
    [
      'after init',
      'GET /late',
      (app) => app.init().then(() => app.getHttpAdapter().getInstance().get('/late', respond)),
    ],
  ];
  it.each(places)('are named when they come later, %s', async (_name, entry, register) => {
    const app = await onExpress();
    await register(app);
    expect(await refused(app)).toEqual([entry]);
  });

  it.each(['onModuleInit', 'onApplicationBootstrap'])(
    'are named when a provider registers them in %s',
    async (hook) => {
      const provider = {
        provide: 'REGISTERS',
        inject: [HttpAdapterHost],
        useFactory: ({ httpAdapter }: HttpAdapterHost<ExpressAdapter>) => ({
          [hook]: () => void httpAdapter.getInstance<express.Express>().get('/late', respond),
        }),
      };
      expect(await refused(await onExpress(undefined, moduleOf({ providers: [provider] })))).toEqual(['GET /late']);
    },
  );

  it('are named where requireToken stands at another verb, or behind what answers', async () => {
    const app = await onExpress();
    const instance = app.getHttpAdapter().getInstance();
    instance.route('/one').get(requireToken(), respond).post(respond);
    instance.get('/two', respond, requireToken());
    instance.route('/three').get(respond).all(requireToken(), respond);
    instance.post('/guarded', express.json(), requireToken(), respond);
    instance.route('/guarded').all(requireToken()).delete(respond);
    expect(await refused(app)).toEqual(['POST /one', 'GET /two', 'GET /three']);
  });
});

@Controller('child')
class ChildController {
  @Get()
  read() {
    return {};
  }
}

@Module({ controllers: [ChildController] })
class ChildModule {}

@Module({
  imports: [ChildModule, RouterModule.register([{ path: 'parent', module: ChildModule }])],
  controllers: [DocumentsController],
})
class NormalModule {
  configure(consumer: MiddlewareConsumer): void {
    const pass = (_request: unknown, _answer: unknown, next: () => void): void => next();
    consumer
      .apply(pass)
      .exclude({ path: 'documents/:id', method: RequestMethod.GET })
      .forRoutes({ path: 'documents', method: RequestMethod.GET }, DocumentsController);
    consumer.apply(pass).forRoutes({ path: 'parent/*path', method: RequestMethod.ALL });
  }
}

describe.each(['fastify', 'express'])('a normal Nest app on %s', (platform) => {
  const start = (module: Type): Promise<INestApplication> =>
    NestFactory.create(module, platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(), { logger: false });

  it('starts, and its routes stand in the census as they are called', async () => {
    const app = await start(moduleOf({ controllers: [], imports: [NormalModule] }));
    app.setGlobalPrefix('api', { exclude: ['documents/:id'] });
    app.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' });
    app.enableCors();
    expect((await listed(app)).sort()).toEqual([
      'GET /api/v2/documents token',
      'GET /api/v2/parent/child token',
      'GET /v2/documents/:id token',
      'POST /api/v2/documents token',
    ]);
  });

  it.each<VersioningOptions>([
    { type: VersioningType.HEADER, header: 'x-version', defaultVersion: ['1', '2'] },
    { type: VersioningType.MEDIA_TYPE, key: 'v=', defaultVersion: '1' },
  ])('starts with versions that are not in the path: %o', async (versioning) => {
    const app = await start(moduleOf());
    app.enableVersioning(versioning);
    const entries = new Set(await listed(app));
    expect(entries).toEqual(new Set(['GET /documents token', 'GET /documents/:id token', 'POST /documents token']));
  });

  it('tells apart the controllers that have inherited the same method', async () => {
    abstract class Base {
      @Get('shared')
      shared() {
        return {};
      }
    }
    @Controller('first')
    class FirstController extends Base {}
    @Controller('second')
    class SecondController extends Base {}
    const app = await start(moduleOf({ controllers: [FirstController, SecondController] }));
    await app.listen(0, '127.0.0.1');
    expect(policyCensus(app).handlers.map(({ entry, handler }) => [entry, handler])).toEqual([
      ['GET /first/shared', 'FirstController.shared'],
      ['GET /second/shared', 'SecondController.shared'],
    ]);
    await app.close();
  });
});
