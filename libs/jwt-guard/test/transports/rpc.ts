import { Controller, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientProxy, MessagePattern, type MicroserviceOptions } from '@nestjs/microservices';
import { AsyncLocalStorage } from 'node:async_hooks';
import { firstValueFrom } from 'rxjs';
import { JwtGuardModule, type JwtGuardOptions } from '../../src';
import { type Outcome, refusalOf, type Subject } from './expectations';
import { decorateAll, type HandlerName, Handlers, type Seen, Witness } from './handlers';

@Controller()
class RpcHandlers extends Handlers {
  constructor(witness: Witness) {
    super(witness);
  }
}
decorateAll(RpcHandlers, (name) => MessagePattern(`handlers.${name}`));

/** Sends a message with these tokens beside its data, each in the way of its transport. */
export interface RpcCaller {
  send(pattern: string, tokens: readonly string[]): Promise<unknown>;
  close(): unknown;
}

export const RPC_THROWN = { status: 'error', message: 'Internal server error' };

export async function startRpc(
  options: JwtGuardOptions,
  transport: MicroserviceOptions,
  connect: (server: INestMicroservice) => RpcCaller | Promise<RpcCaller>,
): Promise<Subject> {
  @Module({ imports: [JwtGuardModule.forRoot(options)], controllers: [RpcHandlers], providers: [Witness] })
  class TestModule {}
  const server = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, { ...transport, logger: false });
  await server.listen();
  const caller = await connect(server);
  return {
    call: async (handler: HandlerName, ...tokens: string[]): Promise<Outcome> => {
      try {
        return { seen: (await caller.send(`handlers.${handler}`, tokens)) as Seen };
      } catch (error) {
        if (error instanceof Error) throw error;
        return refusalOf(error);
      }
    },
    async stop() {
      await caller.close();
      await server.close();
    },
  };
}

/** A client of a transport that has no headers: what comes beside the data is the packet's metadata. */
export function hooked(client: ClientProxy): RpcCaller {
  const sending = new AsyncLocalStorage<readonly string[]>();
  client.setOnDispatchHook((packet) => {
    const [first, second] = sending.getStore() ?? [];
    packet.metadata = {
      ...(first === undefined ? {} : { authorization: `Bearer ${first}` }),
      ...(second === undefined ? {} : { Authorization: `Bearer ${second}` }),
    };
  });
  return {
    send: (pattern, tokens) => sending.run(tokens, () => firstValueFrom<unknown>(client.send(pattern, {}))),
    close: () => client.close() as unknown,
  };
}
