import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  RmqContext,
  RmqRecordBuilder,
  Transport,
} from '@nestjs/microservices';
import { TestIssuer } from '@token-relay/testing';
import { type Channel, type ChannelModel, connect } from 'amqplib';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { JwtGuardModule, RequireScopes } from '../../src';
import { describeWith, RABBITMQ, startRabbitMq, type TestServer } from '@token-relay/testing/servers';
import { describeTransport } from './expectations';
import { RPC_THROWN, type RpcCaller, startRpc } from './rpc';

let rabbit: TestServer;

/** RabbitMQ has headers of its own. */
function rmqCaller(queue: string): RpcCaller {
  const options = { urls: [rabbit.url], queue, noAssert: true };
  const client = ClientProxyFactory.create({ transport: Transport.RMQ, options });
  const record = ([first, second]: readonly string[]) =>
    new RmqRecordBuilder({})
      .setOptions({
        headers: {
          ...(first === undefined ? {} : { Authorization: `Bearer ${first}` }),
          ...(second === undefined ? {} : { authorization: `Bearer ${second}` }),
        },
      })
      .build();
  return {
    send: (pattern, tokens) => firstValueFrom<unknown>(client.send(pattern, record(tokens))),
    close: () => client.close() as unknown,
  };
}

const acknowledged: string[] = [];
const acknowledge = (context: RmqContext): void => {
  acknowledged.push(context.getPattern());
  (context.getChannelRef() as Channel).ack(context.getMessage() as never);
};

@Controller()
class Consumer {
  @EventPattern('document.changed')
  changed(@Ctx() context: RmqContext): void {
    acknowledge(context);
  }

  @RequireScopes('billing:write')
  @EventPattern('invoice.paid')
  bill(data: object): void {
    acknowledged.push(`billed ${JSON.stringify(data)}`);
  }

  @EventPattern('invoice.paid')
  note(@Ctx() context: RmqContext): void {
    acknowledge(context);
  }

  @EventPattern('document.burnt')
  burn(data: object): void {
    throw new Error(`after the guard: ${JSON.stringify(data)}`);
  }

  @MessagePattern('document.ping')
  ping(): string {
    return 'pong';
  }

  @MessagePattern('document.count')
  count(@Ctx() context: RmqContext): number {
    acknowledge(context);
    return 3;
  }
}

describeWith(RABBITMQ)('with rabbitmq-server', () => {
  beforeAll(async () => {
    rabbit = await startRabbitMq();
  }, 90_000);
  afterAll(() => rabbit.stop());

  describeTransport({
    name: 'RabbitMQ',
    start: (options) =>
      startRpc(options, { transport: Transport.RMQ, options: { urls: [rabbit.url], queue: 'handlers' } }, () =>
        rmqCaller('handlers'),
      ),
    thrown: RPC_THROWN,
    errorWithoutToken: 'invalid_token',
    interleaved: 2_000,
  });

  describe.each([[false], [true]])('a queue of RabbitMQ with noAck: %s', (noAck) => {
    const queue = `work-${noAck}`;
    const dead = `dead-${noAck}`;
    let issuer: TestIssuer;
    let server: Awaited<ReturnType<typeof NestFactory.createMicroservice>>;
    let connection: ChannelModel;
    let channel: Channel;

    beforeAll(async () => {
      issuer = await TestIssuer.create();
      connection = await connect(rabbit.url);
      channel = await connection.createChannel();
      await channel.assertQueue(dead, { durable: false });
      const issuers = [
        { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'] as const, jwks: issuer.jwks },
      ];
      @Module({
        imports: [JwtGuardModule.forRoot({ issuers, now: issuer.clock.now })],
        controllers: [Consumer],
      })
      class TestModule {}
      server = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
        transport: Transport.RMQ,
        options: {
          urls: [rabbit.url],
          queue,
          noAck,
          queueOptions: { durable: false, deadLetterExchange: '', deadLetterRoutingKey: dead },
        },
        logger: false,
      });
      await server.listen();
    }, 90_000);
    afterAll(async () => {
      await server.close();
      await connection.close();
    });
    beforeEach(async () => {
      acknowledged.length = 0;
      await channel.purgeQueue(dead);
    });

    const emit = async (pattern: string, claims: Record<string, unknown> | undefined) => {
      const headers = claims && { authorization: `Bearer ${await issuer.token(claims)}` };
      channel.sendToQueue(queue, Buffer.from(JSON.stringify({ pattern, data: {} })), { headers });
    };
    const deadLetters = async (): Promise<string[]> => {
      const found: string[] = [];
      for (let message = await channel.get(dead); message; message = await channel.get(dead)) {
        channel.ack(message);
        found.push((JSON.parse(message.content.toString()) as { pattern: string }).pattern);
      }
      return found;
    };
    /** An event that is taken: those before it have been dealt with, and the channel is still open. */
    const settled = async () => {
      const before = acknowledged.length;
      await emit('document.changed', {});
      for (let i = 0; acknowledged.length === before; i++) {
        if (i === 200) throw new Error('the server takes no events any more');
        await sleep(10);
      }
      await sleep(50);
    };
    if (noAck) {
      // Messages count as done when they are delivered; to acknowledge one would end the channel.
      it('refuses, and goes on', async () => {
        await emit('invoice.paid', undefined);
        await emit('document.burnt', {});
        const caller = rmqCaller(queue);
        await expect(caller.send('document.ping', [])).rejects.toMatchObject({ status: 401, code: 'token_missing' });
        expect(await caller.send('document.ping', [await issuer.token()])).toBe('pong');
        await caller.close();
        expect(await deadLetters()).toEqual([]);
      });
      return;
    }

    it('drops a refused event for good, and takes the next', async () => {
      await emit('document.changed', undefined);
      await emit('document.changed', { aud: 'another' });
      await settled();
      expect(await deadLetters()).toEqual(['document.changed', 'document.changed']);
      expect(acknowledged).toEqual(['document.changed']);
      expect((await channel.checkQueue(queue)).messageCount).toBe(0);
    });

    it('answers a refused request, and drops it too', async () => {
      const caller = rmqCaller(queue);
      await expect(caller.send('document.count', [])).rejects.toMatchObject({ status: 401, code: 'token_missing' });
      expect(await caller.send('document.count', [await issuer.token()])).toBe(3);
      await caller.close();
      expect(await deadLetters()).toEqual(['document.count']);
    });

    it('leaves an event that another handler takes to that handler', async () => {
      await emit('invoice.paid', {});
      await settled();
      expect(acknowledged).toEqual(['invoice.paid', 'document.changed']);
      expect(await deadLetters()).toEqual([]);

      // … and drops it when none of them does.
      await emit('invoice.paid', undefined);
      await settled();
      expect(await deadLetters()).toEqual(['invoice.paid']);
      expect(acknowledged).toEqual(['invoice.paid', 'document.changed', 'document.changed']);
    });

    it('does nothing about an event whose handler throws after the guard', async () => {
      await emit('document.burnt', {});
      await settled();
      expect(await deadLetters()).toEqual([]);
      // Unacknowledged, as Nest leaves it: it comes back when this consumer is gone.
      await server.close();
      expect((await channel.checkQueue(queue)).messageCount).toBe(1);
    });
  });
});
