import 'reflect-metadata';
import { createHttpApp, createLogger, runService } from '@token-relay/service-kit';
import { AppModule } from './app.module';
import { loadAuthConfig } from './auth.config';
import { generateSigningKey } from './keys/signing-key';

void runService(async () => {
  const config = loadAuthConfig(process.env);
  const logger = createLogger('auth', config);
  const app = await createHttpApp(AppModule.forRoot(config, await generateSigningKey()), {
    logger,
    bodies: 'json-and-forms',
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
