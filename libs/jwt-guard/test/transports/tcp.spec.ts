import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { type AddressInfo, type Server } from 'node:net';
import { describeTransport } from './expectations';
import { hooked, RPC_THROWN, startRpc } from './rpc';

describeTransport({
  name: 'TCP',
  start: (options) =>
    startRpc(options, { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } }, (server) => {
      const { port } = server.unwrap<Server>().address() as AddressInfo;
      return hooked(ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } }));
    }),
  thrown: RPC_THROWN,
  errorWithoutToken: 'invalid_token',
  interleaved: 2_000,
});
