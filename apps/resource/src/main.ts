import '@token-relay/service-kit/early-signals';
import 'reflect-metadata';
import { createHttpApp, createLogger, runService, ServiceTls } from '@token-relay/service-kit';
import { AppModule } from './app.module';
import { loadResourceConfig } from './resource.config';

void runService(async () => {
  const config = loadResourceConfig(process.env);
  const logger = createLogger('resource', config);
  const tls = new ServiceTls(config, logger);
  const app = await createHttpApp(AppModule.forRoot(config, logger, tls), {
    logger,
    tls,
    drainSeconds: config.DRAIN_SECONDS,
  });
  return {
    logger,
    app,
    listen: async () => {
      await app.listen(config.PORT, config.HOST);
      return { http: await app.getUrl() };
    },
  };
});
