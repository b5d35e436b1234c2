import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { describeWith, RABBITMQ, startRabbitMq } from '@token-relay/testing/servers';
import { describeChain } from './transports/relay-chain';

describeWith(RABBITMQ)('with rabbitmq-server', () =>
  describeChain({
    name: 'RabbitMQ',
    contract: { transport: 'rmq' },
    async start() {
      const rabbit = await startRabbitMq();
      const transport = (queue: string) => ({
        transport: Transport.RMQ as const,
        options: { urls: [rabbit.url], queue: `chain.${queue}` },
      });
      return {
        options: transport,
        client: (service) => ClientProxyFactory.create(transport(service)),
        stop: () => rabbit.stop(),
      };
    },
  }),
);
