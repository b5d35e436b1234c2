import '@token-relay/service-kit/early-signals';
import 'reflect-metadata';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import {
  createHttpApp,
  createLogger,
  Drain,
  MAX_BODY_BYTES,
  runService,
  secureServer,
  serverTls,
  ServiceTls,
} from '@token-relay/service-kit';
import { drainingSocket } from '@token-relay/service-kit/rpc';
import { type Server } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { AppModule } from './app.module';
import { loadAuditConfig } from './audit.config';

void runService(async () => {
  const config = loadAuditConfig(process.env);
  const logger = createLogger('audit', config);
  const tls = new ServiceTls(config, logger);
  const app = await createHttpApp(AppModule.forRoot(config, logger, tls), {
    logger,
    tls,
    drainSeconds: config.DRAIN_SECONDS,
  });
  const drain = app.get(Drain);
  const tlsOptions = serverTls(tls, 'certified');
  const rpc = app.connectMicroservice<MicroserviceOptions>(
    {
      transport: Transport.TCP,
      options: {
        host: config.HOST,
        port: config.RPC_PORT,
        socketClass: drainingSocket(drain, { maxBufferSize: MAX_BODY_BYTES }, logger),
        ...(tlsOptions && { tlsOptions }),
      },
    },
    // Without this Nest leaves the RPC half without the guard.
    { inheritAppConfig: true },
  );
  const server = rpc.unwrap<Server>();
  const endHandshakes = server instanceof TlsServer ? secureServer(server, tls, 'certified', logger) : undefined;
  drain.onStop(() => {
    server.close();
    void drain.settled().then(endHandshakes);
  });
  return {
    logger,
    app,
    listen: async () => {
      await app.startAllMicroservices();
      await app.listen(config.PORT, config.HOST);
      return { http: await app.getUrl(), rpc: addressOf(server) };
    },
  };
});

function addressOf(server: Server): string {
  const address = server.address();
  const protocol = server instanceof TlsServer ? 'tls' : 'tcp';
  return typeof address === 'object' && address !== null
    ? `${protocol}://${address.address}:${address.port}`
    : String(address);
}
