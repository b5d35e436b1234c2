import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  NatsRecord,
  NatsRecordBuilder,
  Payload,
  RmqContext,
  RmqRecordBuilder,
  Transport,
} from '@nestjs/microservices';
import { headers } from '@nats-io/transport-node';
import {
  describeWith,
  NATS,
  RABBITMQ,
  REDIS,
  startNats,
  startOwnRedis,
  startRabbitMq,
  type TestServer,
} from '@token-relay/testing/servers';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { firstValueFrom, lastValueFrom, type Observable, Subject } from 'rxjs';
import {
  RelayClientProxy,
  type RelayContext,
  relayContextFor,
  type RpcTransport,
  runAs,
  TokenRelay,
  TokenVerifier,
} from '../src';
import { metadataOf } from '../src/nest/rpc-metadata';
import { TokenEndpoint } from './transports/token-endpoint';

const arrived = new Subject<unknown>();

@Controller()
class Peer {
  @MessagePattern('silent')
  silent(): Promise<never> {
    arrived.next('silent');
    return new Promise(() => undefined);
  }

  @MessagePattern('carried')
  carried(@Payload() data: unknown, @Ctx() context: object): object {
    const names = ['authorization', 'x-own', 'x-transaction-id'];
    const metadata = metadataOf(context);
    const [authorization, own, transactionId] = names.map((name) => metadata?.valuesOf(name));
    const priority =
      context instanceof RmqContext
        ? (context.getMessage() as { properties: { priority: number } }).properties.priority
        : null;
    return { data, own, priority, authorizations: authorization?.length, transactionIds: transactionId?.length };
  }

  @EventPattern('happened')
  happened(@Payload() data: unknown): void {
    arrived.next(data);
  }
}

interface Broker {
  readonly name: string;
  readonly transport: RpcTransport;
  start(): Promise<TestServer>;
  options(url: string): MicroserviceOptions;
  /** How a request fails whose destination is gone while its broker is there. */
  readonly unheard: string;
}

const queue = 'outages';
const BROKERS: readonly (readonly [Parameters<typeof describeWith>[0], Broker])[] = [
  [
    REDIS,
    {
      name: 'Redis',
      transport: 'redis',
      start: () => startOwnRedis(),
      options: (url) => ({
        transport: Transport.REDIS,
        options: {
          host: '127.0.0.1',
          port: Number(new URL(url).port),
          retryAttempts: 3,
          retryDelay: 50,
          disconnectTimeout: 50,
        },
      }),
      // Redis tells nobody that there is nobody who listens.
      unheard: 'upstream_timeout',
    },
  ],
  [
    NATS,
    {
      name: 'NATS',
      transport: 'nats',
      start: startNats,
      options: (url) => ({ transport: Transport.NATS, options: { servers: [url], reconnect: false } }),
      unheard: 'upstream_unreachable',
    },
  ],
  [
    RABBITMQ,
    {
      name: 'RabbitMQ',
      transport: 'rmq',
      start: startRabbitMq,
      options: (url) => ({
        transport: Transport.RMQ,
        options: { urls: [url], queue, queueOptions: { durable: false }, socketOptions: { reconnectTimeInSeconds: 1 } },
      }),
      // It waits in its queue.
      unheard: 'upstream_timeout',
    },
  ],
];

const outcome = (answers: Observable<unknown>): Promise<unknown> =>
  lastValueFrom(answers, { defaultValue: 'sent' }).then(
    (value) => value ?? 'sent',
    (error: unknown) => (error as { code?: unknown }).code,
  );

for (const [command, broker] of BROKERS) {
  describeWith(command)(`a relay over ${broker.name}`, () => {
    let endpoint: TokenEndpoint;
    let alice: RelayContext;
    let server: TestServer;
    let relay: TokenRelay;
    let peer: Awaited<ReturnType<typeof NestFactory.createMicroservice>>;
    let relaying: RelayClientProxy;
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);

    beforeAll(() => process.on('unhandledRejection', note));
    afterAll(() => void process.off('unhandledRejection', note));
    beforeEach(async () => {
      unhandled.length = 0;
      endpoint = await TokenEndpoint.start();
      const verifier = TokenVerifier.create({ issuers: endpoint.issuersFor('a'), now: endpoint.issuer.clock.now });
      alice = await relayContextFor(verifier, await endpoint.issuer.token({ aud: 'a' }));
      server = await broker.start();
      @Module({ controllers: [Peer] })
      class PeerModule {}
      peer = await NestFactory.createMicroservice<MicroserviceOptions>(PeerModule, {
        ...broker.options(server.url),
        logger: false,
      });
      await peer.listen();
      relay = new TokenRelay({
        tokenEndpoint: endpoint.url,
        clientId: 'a',
        clientSecret: 'secret',
        dangerouslyAllowHttp: true,
        timeoutMs: 1_500,
        destinations: {
          peer: { audience: 'peer', mode: 'exchange', scopes: ['documents:read'], transport: broker.transport },
        },
      });
      relaying = proxyTo(server.url);
    }, 90_000);
    afterEach(async () => {
      await relaying.onApplicationShutdown();
      // Where it wasn't in the test; and without a broker it can't.
      await peer.close().catch(() => undefined);
      await server.stop();
      await relay.onApplicationShutdown();
      await endpoint.stop();
      expect(unhandled).toEqual([]);
    }, 30_000);

    const proxyTo = (url: string): RelayClientProxy => {
      const client = ClientProxyFactory.create(broker.options(url) as never);
      // It says to the log, too, what is expected here.
      Object.assign(client, { logger: { log() {}, error() {}, warn() {}, debug() {} } });
      return new RelayClientProxy(client, 'peer', relay);
    };
    const send = (pattern: string, data: unknown = {}): Promise<unknown> =>
      outcome(runAs(alice, () => relaying.send(pattern, data)));

    it('keeps what a record has besides, and changes nothing of it', async () => {
      const own = headers();
      own.append('X-Own', '1');
      own.append('X-Own', '2');
      own.append('Authorization', 'Bearer of-another');
      const fields = { 'X-Own': '1', Authorization: 'Bearer of-another', 'X-Transaction-Id': 'another-one' };
      const [record, carried] = {
        redis: [{ n: 1 }, { own: [], priority: null }],
        nats: [new NatsRecordBuilder({ n: 1 }).setHeaders(own).build(), { own: ['1', '2'], priority: null }],
        rmq: [
          new RmqRecordBuilder({ n: 1 }).setOptions({ priority: 3, headers: fields }).build(),
          { own: ['1'], priority: 3 },
        ],
      }[broker.transport as 'redis' | 'nats' | 'rmq'];
      const before = JSON.stringify(record);
      for (let i = 0; i < 2; i++) {
        expect(await send('carried', record)).toEqual({
          data: { n: 1 },
          ...(carried as object),
          authorizations: 1,
          transactionIds: 1,
        });
      }
      expect(JSON.stringify(record)).toBe(before);
      if (record instanceof NatsRecord) expect((record as { headers: unknown }).headers).toBe(own);
    });

    it('says so in time when the destination goes away in the middle of a call, and after', async () => {
      const waiting = firstValueFrom(arrived);
      const answer = send('silent');
      await waiting;
      await peer.close();
      expect(await answer).toBe('upstream_timeout');
      expect(await send('carried')).toBe(broker.unheard);
    });

    it('says so in time when the broker goes away in the middle of a call', async () => {
      const waiting = firstValueFrom(arrived);
      const answer = send('silent');
      await waiting;
      await peer.close();
      await server.stop();
      expect(await answer).toMatch(/^upstream_(unreachable|timeout)$/);
      expect(await send('carried')).toMatch(/^upstream_(unreachable|timeout)$/);
      runAs(alice, () => relaying.emit('happened', {}));
      expect(await outcome(runAs(alice, () => relaying.emit('happened', {})))).toMatch(
        /^upstream_(unreachable|timeout)$/,
      );
    });

    it('says so when there is no broker', async () => {
      const probe = createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const { port } = probe.address() as AddressInfo;
      await once(probe.close(), 'close');
      const away = proxyTo(server.url.replace(/:\d+$/, `:${port}`));
      for (let i = 0; i < 2; i++) {
        expect(await outcome(runAs(alice, () => away.send('carried', {})))).toBe('upstream_unreachable');
      }
      expect(await outcome(runAs(alice, () => away.emit('happened', {})))).toBe('upstream_unreachable');
      await away.onApplicationShutdown();
    });
  });
}
