import '@token-relay/service-kit/early-signals';
import 'reflect-metadata';
import { createHttpApp, createLogger, runService, ServiceTls } from '@token-relay/service-kit';
import { AppModule } from './app.module';
import { isDemo } from './demo/demo-accounts.controller';
import { loadGatewayConfig } from './gateway.config';
import { waitFor } from './wait-for';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

void runService(async () => {
  const config = loadGatewayConfig(process.env);
  const logger = createLogger('gateway', config);
  if (config.DEMO && !isDemo(config))
    logger.warn('DEMO=1 counts in development and on 127.0.0.1 only: there is no demo');
  const tls = new ServiceTls(config, logger);
  const app = await createHttpApp(AppModule.forRoot(config, logger, tls), {
    logger,
    tls,
    clients: 'anybody',
    bodies: 'streamed',
    trustedProxies: config.TRUSTED_PROXIES,
    drainSeconds: config.DRAIN_SECONDS,
  });
  return {
    logger,
    app,
    listen: async () => {
      await waitFor(config.WAIT_FOR, say, { tls: tls.client });
      await app.listen(config.PORT, config.HOST);
      if (config.WAIT_FOR.length > 0)
        say(`\nToken Relay runs at ${config.ISSUER} – open it, or: curl ${config.ISSUER}\n`);
      return { http: await app.getUrl() };
    },
  };
});
