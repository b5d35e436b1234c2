import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { describeWith, REDIS, startRedis } from '@token-relay/testing/servers';
import { describeChain } from './transports/relay-chain';

describeWith(REDIS)('with redis-server', () =>
  describeChain({
    name: 'Redis',
    contract: { transport: 'redis' },
    async start() {
      const redis = await startRedis();
      const { hostname: host, port } = new URL(redis.url);
      const transport = { transport: Transport.REDIS, options: { host, port: Number(port) } } as const;
      return {
        options: () => transport,
        client: () => ClientProxyFactory.create(transport),
        stop: () => redis.stop(),
      };
    },
  }),
);
