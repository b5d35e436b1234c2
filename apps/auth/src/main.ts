import '@token-relay/service-kit/early-signals';
import './thread-pool';
import 'reflect-metadata';
import { createHttpApp, createLogger, runService, ServiceTls } from '@token-relay/service-kit';
import { AppModule } from './app.module';
import { loadAuthConfig } from './auth.config';
import { openState } from './auth-state';

void runService(async () => {
  const config = loadAuthConfig(process.env);
  const logger = createLogger('auth', config);
  const tls = new ServiceTls(config, logger);
  const state = await openState(config, logger, tls.redis);
  const app = await createHttpApp(AppModule.forRoot(config, state, logger, tls), {
    logger,
    bodies: 'json-and-forms',
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
