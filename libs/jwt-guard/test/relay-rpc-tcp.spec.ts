import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { freePorts } from './transports/free-ports';
import { describeChain } from './transports/relay-chain';

describeChain({
  name: 'TCP',
  contract: { transport: 'tcp' },
  async start() {
    const [b, c] = await freePorts(2);
    const options = { b: { host: '127.0.0.1', port: b ?? 0 }, c: { host: '127.0.0.1', port: c ?? 0 } };
    return {
      options: (service) => ({ transport: Transport.TCP, options: options[service] }),
      client: (service) => ClientProxyFactory.create({ transport: Transport.TCP, options: options[service] }),
      stop: () => Promise.resolve(),
    };
  },
});
