import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { describeWith, NATS, startNats } from '@token-relay/testing/servers';
import { describeChain } from './transports/relay-chain';

describeWith(NATS)('with nats-server', () =>
  describeChain({
    name: 'NATS',
    contract: { transport: 'nats' },
    async start() {
      const nats = await startNats();
      const transport = { transport: Transport.NATS as const, options: { servers: [nats.url] } };
      return {
        options: () => transport,
        client: () => ClientProxyFactory.create(transport),
        stop: () => nats.stop(),
      };
    },
  }),
);
