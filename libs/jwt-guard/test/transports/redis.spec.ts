import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { describeWith, REDIS, startRedis } from '@token-relay/testing/servers';
import { describeTransport } from './expectations';
import { hooked, RPC_THROWN, startRpc } from './rpc';

describeWith(REDIS)('with redis-server', () =>
  describeTransport({
    name: 'Redis',
    async start(options) {
      const redis = await startRedis();
      const { hostname: host, port } = new URL(redis.url);
      const transport = { transport: Transport.REDIS, options: { host, port: Number(port) } } as const;
      const subject = await startRpc(options, transport, () => hooked(ClientProxyFactory.create(transport)));
      return {
        ...subject,
        async stop() {
          await subject.stop();
          await redis.stop();
        },
      };
    },
    thrown: RPC_THROWN,
    errorWithoutToken: 'invalid_token',
    interleaved: 2_000,
  }),
);
