import './thread-pool';
import 'reflect-metadata';
import { createHttpApp, createLogger, runService } from '@token-relay/service-kit';
import { AppModule } from './app.module';
import { loadAuthConfig } from './auth.config';
import { openState } from './auth-state';

void runService(async () => {
  const config = loadAuthConfig(process.env);
  const logger = createLogger('auth', config);
  const state = await openState(config, logger);
  const app = await createHttpApp(AppModule.forRoot(config, state, logger), { logger, bodies: 'json-and-forms' });
  return {
    logger,
    app,
    listen: async () => {
      await app.listen(config.PORT, config.HOST);
      return { http: await app.getUrl() };
    },
  };
});
