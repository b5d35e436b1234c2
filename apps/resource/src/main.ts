import 'reflect-metadata';
import { createHttpApp, createLogger, runService } from '@token-relay/service-kit';
import { AppModule } from './app.module';
import { loadResourceConfig } from './resource.config';

void runService(async () => {
  const config = loadResourceConfig(process.env);
  const logger = createLogger('resource', config);
  const app = await createHttpApp(AppModule.forRoot(config, logger), { logger });
  return {
    logger,
    app,
    listen: async () => {
      await app.listen(config.PORT, config.HOST);
      return { http: await app.getUrl() };
    },
  };
});
