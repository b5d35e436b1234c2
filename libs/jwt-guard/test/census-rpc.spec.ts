import { Controller, Get, type INestApplication, Module, Scope, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type CustomTransportStrategy,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Server,
  ServerTCP,
  Transport,
} from '@nestjs/microservices';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestIssuer } from '@token-relay/testing';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server as NetServer } from 'node:net';
import { JwtGuard, JwtGuardModule, type JwtGuardOptions, policyCensus, PolicyCensusError, Public } from '../src';

@Controller('orders')
class OrdersController {
  @Get()
  list() {
    return [];
  }

  @MessagePattern('orders.create')
  create() {
    return 'created';
  }

  @EventPattern({ event: 'orders.gone' })
  gone() {}
}

@Controller({ path: 'requests', scope: Scope.REQUEST })
class RequestScopedController {
  @MessagePattern('requests.create')
  create() {
    return 'created';
  }
}

@Controller('guarded')
@UseGuards(JwtGuard)
class GuardedController {
  @MessagePattern('guarded.class')
  guarded() {}

  @Public('it is for everybody')
  @MessagePattern('guarded.open')
  open() {
    return 'open';
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

function moduleOf(controllers: Type[], options: Partial<JwtGuardOptions> = {}): Type {
  @Module({ imports: [JwtGuardModule.forRoot({ ...guardOptions, ...options })], controllers })
  class TestModule {}
  return TestModule;
}

const create = (controllers: Type[], options?: Partial<JwtGuardOptions>): Promise<INestApplication> =>
  NestFactory.create(moduleOf(controllers, options), new FastifyAdapter(), { logger: false });

const tcp = (port = 0): MicroserviceOptions => ({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });

/** A port that nobody listens on, until a microservice is told to. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What a packet gets that nobody prepared: an answer, or the reason why there is none. */
function send(port: number, pattern: string): Promise<string> {
  const packet = JSON.stringify({ pattern, data: {}, id: '1' });
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${packet.length}#${packet}`));
    socket.once('data', (data: Buffer) => resolve(data.toString().replace(/^\d+#/, '')));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
  });
}

async function refused(start: () => Promise<unknown>): Promise<string[]> {
  const error: unknown = await start().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PolicyCensusError);
  return (error as PolicyCensusError).handlers.map(({ transport, entry }) => `${transport} ${entry}`);
}

const ORDERS = ['tcp message orders.create', 'tcp event {"event":"orders.gone"}'];

describe('the RPC half of a hybrid app that is without the global guard', () => {
  const orders: readonly [string, (app: INestApplication) => Promise<unknown>][] = [
    ['startAllMicroservices', (app) => app.startAllMicroservices()],
    ['startAllMicroservices, listen', (app) => app.startAllMicroservices().then(() => app.listen(0, '127.0.0.1'))],
    ['listen, startAllMicroservices', (app) => app.listen(0, '127.0.0.1').then(() => app.startAllMicroservices())],
    ['init, startAllMicroservices', (app) => app.init().then(() => app.startAllMicroservices())],
    ['init, listen', (app) => app.init().then(() => app.listen(0, '127.0.0.1'))],
    ['listen and startAllMicroservices at once', (app) => Promise.all([app.startAllMicroservices(), app.listen(0)])],
  ];

  it.each(orders)('does not start with %s, and answers nobody', async (_name, start) => {
    const port = await freePort();
    const app = await create([OrdersController]);
    app.connectMicroservice<MicroserviceOptions>(tcp(port));
    try {
      const starting = refused(() => start(app));
      // At once, and again as soon as the start is over.
      const [handlers, meanwhile] = await Promise.all([starting, send(port, 'orders.create')]);
      expect(handlers).toEqual(ORDERS);
      expect([meanwhile, await send(port, 'orders.create')]).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
    } finally {
      await app.close();
    }
  });

  it('does not start by itself, with listen() of the microservice', async () => {
    const port = await freePort();
    const app = await create([OrdersController]);
    const microservice = app.connectMicroservice<MicroserviceOptions>(tcp(port));
    expect(await refused(() => microservice.listen())).toEqual(ORDERS);
    expect(await send(port, 'orders.create')).toBe('ECONNREFUSED');
    await app.close();
  });

  it('does not start with useGlobalGuards of the app, which Nest does not ask there', async () => {
    const port = await freePort();
    const app = await create([OrdersController]);
    app.useGlobalGuards(app.get(JwtGuard));
    const microservice = app.connectMicroservice<MicroserviceOptions>(tcp(port));
    // Too late: its handlers are bound.
    microservice.useGlobalGuards(app.get(JwtGuard));
    expect(await refused(() => app.startAllMicroservices())).toEqual(ORDERS);
    expect(await send(port, 'orders.create')).toBe('ECONNREFUSED');
    await app.close();
  });

  it('opens none of its ports when one of two microservices is without the guard', async () => {
    const [guarded, forgotten] = [await freePort(), await freePort()];
    const app = await create([OrdersController]);
    app.connectMicroservice<MicroserviceOptions>(tcp(guarded), { inheritAppConfig: true });
    app.connectMicroservice<MicroserviceOptions>(tcp(forgotten));
    expect(await refused(() => app.startAllMicroservices())).toEqual(ORDERS);
    for (const port of [guarded, forgotten]) expect(await send(port, 'orders.create')).toBe('ECONNREFUSED');
    await app.close();
  });

  it('does not start with handlers that are made anew for each message', async () => {
    const port = await freePort();
    const app = await create([RequestScopedController]);
    app.connectMicroservice<MicroserviceOptions>(tcp(port));
    expect(await refused(() => app.startAllMicroservices())).toEqual(['tcp message requests.create']);
    expect(await send(port, 'requests.create')).toBe('ECONNREFUSED');
    await app.close();
  });

  it('does not start when its initialization is deferred and nobody gives it a guard', async () => {
    const port = await freePort();
    const app = await create([OrdersController]);
    app.connectMicroservice<MicroserviceOptions>(tcp(port), { deferInitialization: true });
    expect(await refused(() => app.startAllMicroservices())).toEqual(ORDERS);
    expect(await send(port, 'orders.create')).toBe('ECONNREFUSED');
    await app.close();
  });
});

describe('the RPC half of a hybrid app that Nest guards', () => {
  const ways: readonly [string, (app: INestApplication, port: number) => void][] = [
    ['inherits the app', (app, port) => app.connectMicroservice(tcp(port), { inheritAppConfig: true })],
    [
      'is deferred and inherits the app',
      (app, port) => app.connectMicroservice(tcp(port), { inheritAppConfig: true, deferInitialization: true }),
    ],
    [
      'is deferred and is given the guard',
      (app, port) =>
        app.connectMicroservice(tcp(port), { deferInitialization: true }).useGlobalGuards(app.get(JwtGuard)),
    ],
  ];

  it.each(ways)('starts when it %s, and asks for a token', async (_name, connectTo) => {
    for (const controllers of [[OrdersController], [OrdersController, RequestScopedController]]) {
      const port = await freePort();
      const app = await create(controllers);
      connectTo(app, port);
      await app.startAllMicroservices();
      await app.listen(0, '127.0.0.1');
      try {
        expect(JSON.parse(await send(port, 'orders.create'))).toMatchObject({ err: { code: 'token_missing' } });
        if (controllers.length > 1) {
          expect(JSON.parse(await send(port, 'requests.create'))).toMatchObject({ err: { code: 'token_missing' } });
        }
        const tokens = policyCensus(app).handlers.filter(({ transport }) => transport === 'tcp');
        expect(tokens).toHaveLength(controllers.length + 1);
        expect(new Set(tokens.map(({ policy }) => policy))).toEqual(new Set(['token']));
      } finally {
        await app.close();
      }
    }
  });

  it('starts without the global guard where it stands on the controller, or the handler is public', async () => {
    const port = await freePort();
    const app = await create([GuardedController]);
    app.connectMicroservice<MicroserviceOptions>(tcp(port));
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    expect(JSON.parse(await send(port, 'guarded.class'))).toMatchObject({ err: { code: 'token_missing' } });
    expect(JSON.parse(await send(port, 'guarded.open'))).toMatchObject({ response: 'open' });
    expect(policyCensus(app).handlers).toEqual([
      {
        transport: 'tcp',
        entry: 'message guarded.class',
        handler: 'GuardedController.guarded',
        policy: 'token',
        scopes: [],
        actors: [],
      },
      {
        transport: 'tcp',
        entry: 'message guarded.open',
        handler: 'GuardedController.open',
        policy: 'public',
        reason: 'it is for everybody',
      },
    ]);
    await app.close();
  });
});

/** A transport of a team's own, as Nest's documentation has it. */
class OwnTransport extends Server implements CustomTransportStrategy {
  listening = false;

  listen(callback: () => void) {
    this.listening = true;
    callback();
  }
  close() {}
  override on(): never {
    throw new Error('there are no events');
  }
  override unwrap(): never {
    throw new Error('there is no server');
  }
}

describe('a microservice by itself', () => {
  it('starts with the guard, and asks for a token', async () => {
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(moduleOf([OrdersController]), {
      ...tcp(),
      logger: false,
    });
    await app.listen();
    const { port } = app.unwrap<NetServer>().address() as AddressInfo;
    expect(JSON.parse(await send(port, 'orders.create'))).toMatchObject({ err: { code: 'token_missing' } });
    // It answers no HTTP: nothing is said of a port, and nothing is missing.
    expect(policyCensus(app).handlers.map(({ transport, policy }) => [transport, policy])).toEqual([
      ['http', 'token'],
      ['tcp', 'token'],
      ['tcp', 'token'],
    ]);
    await app.close();
  });

  it('names handlers that came with its own transport, or were added to it past Nest', async () => {
    const strategy = new OwnTransport();
    strategy.addHandler('before', () => Promise.resolve('open'));
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(moduleOf([OrdersController]), {
      strategy,
      logger: false,
    });
    strategy.addHandler({ cmd: 'after' }, () => Promise.resolve('open'));
    // In place of Nest's, which has a guard.
    strategy.addHandler('orders.create', () => Promise.resolve('open'));
    expect(await refused(() => app.listen())).toEqual([
      'rpc message before',
      'rpc message {"cmd":"after"}',
      'rpc message orders.create',
    ]);
    expect(strategy.listening).toBe(false);
    await app.close();
  });

  it('starts with a handler past Nest that is written down as open', async () => {
    const strategy = new ServerTCP({ host: '127.0.0.1', port: 0 });
    strategy.addHandler('ping', () => Promise.resolve('pong'));
    const census = { public: [{ entry: 'message ping', reason: 'it says nothing' }] };
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(moduleOf([], { census }), {
      strategy,
      logger: false,
    });
    await app.listen();
    const { port } = strategy.unwrap<NetServer>().address() as AddressInfo;
    expect(JSON.parse(await send(port, 'ping'))).toMatchObject({ response: 'pong' });
    expect(policyCensus(app).handlers).toEqual([
      { transport: 'tcp', entry: 'message ping', policy: 'public', reason: 'it says nothing' },
    ]);
    await app.close();
  });
});

describe('two apps in one process', () => {
  it('have a census each', async () => {
    const [good, bad] = [await create([GuardedController]), await create([OrdersController])];
    const [goodPort, badPort] = [await freePort(), await freePort()];
    good.connectMicroservice<MicroserviceOptions>(tcp(goodPort));
    bad.connectMicroservice<MicroserviceOptions>(tcp(badPort));
    const [, handlers] = await Promise.all([good.startAllMicroservices(), refused(() => bad.startAllMicroservices())]);
    expect(handlers).toEqual(ORDERS);
    expect(JSON.parse(await send(goodPort, 'guarded.open'))).toMatchObject({ response: 'open' });
    expect(await send(badPort, 'orders.create')).toBe('ECONNREFUSED');
    await Promise.all([good.close(), bad.close()]);
  });
});
