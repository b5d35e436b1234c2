import 'reflect-metadata';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { createHttpApp, createLogger, MAX_BODY_BYTES, runService } from '@token-relay/service-kit';
import { type Server } from 'node:net';
import { AppModule } from './app.module';
import { loadAuditConfig } from './audit.config';

void runService(async () => {
  const config = loadAuditConfig(process.env);
  const logger = createLogger('audit', config);
  const app = await createHttpApp(AppModule.forRoot(config, logger), { logger });
  const rpc = app.connectMicroservice<MicroserviceOptions>(
    {
      transport: Transport.TCP,
      options: { host: config.HOST, port: config.RPC_PORT, maxBufferSize: MAX_BODY_BYTES },
    },
    // Without this Nest leaves the RPC half without the guard.
    { inheritAppConfig: true },
  );
  return {
    logger,
    app,
    listen: async () => {
      await app.startAllMicroservices();
      await app.listen(config.PORT, config.HOST);
      return { http: await app.getUrl(), rpc: addressOf(rpc.unwrap<Server>()) };
    },
  };
});

function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? `tcp://${address.address}:${address.port}` : String(address);
}
