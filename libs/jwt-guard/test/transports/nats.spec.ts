import { ClientProxyFactory, NatsRecordBuilder, Transport } from '@nestjs/microservices';
import { headers } from '@nats-io/transport-node';
import { firstValueFrom } from 'rxjs';
import { describeWith, NATS, startNats } from '@token-relay/testing/servers';
import { describeTransport } from './expectations';
import { RPC_THROWN, type RpcCaller, startRpc } from './rpc';

/** NATS has headers of its own. */
function natsCaller(servers: string): RpcCaller {
  const client = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [servers] } });
  return {
    send(pattern, tokens) {
      const sent = headers();
      for (const token of tokens) sent.append('Authorization', `Bearer ${token}`);
      const record = new NatsRecordBuilder({}).setHeaders(sent).build();
      return firstValueFrom<unknown>(client.send(pattern, record));
    },
    close: () => client.close() as unknown,
  };
}

describeWith(NATS)('with nats-server', () =>
  describeTransport({
    name: 'NATS',
    async start(options) {
      const nats = await startNats();
      const transport = { transport: Transport.NATS as const, options: { servers: [nats.url] } };
      const subject = await startRpc(options, transport, () => natsCaller(nats.url));
      return {
        ...subject,
        async stop() {
          await subject.stop();
          await nats.stop();
        },
      };
    },
    thrown: RPC_THROWN,
    errorWithoutToken: 'invalid_token',
    interleaved: 2_000,
  }),
);
