import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule, RelayModule } from '@token-relay/jwt-guard';
import {
  HealthModule,
  jwksFile,
  type Logger,
  MetricsModule,
  openRevocations,
  TOKEN_ALGORITHMS,
} from '@token-relay/service-kit';
import { AdminController } from './admin/admin.controller';
import { ApiController } from './api/api.controller';
import { DEMO_ACCOUNTS, DemoAccountsController, isDemo, readDemoAccounts } from './demo/demo-accounts.controller';
import { WelcomeController } from './demo/welcome.controller';
import { GATEWAY_CONFIG, type GatewayConfig } from './gateway.config';
import { LOGGER } from './logger.token';
import { RelayProxy } from './relay-proxy';
import { AuthProxy } from './session/auth-proxy';
import { SessionController } from './session/session.controller';

@Module({})
export class AppModule {
  /** @throws StartRefused when there is to be a demo, and its accounts can't be read */
  static forRoot(config: GatewayConfig, logger: Logger): DynamicModule {
    const demo = isDemo(config);
    const client = { id: 'gateway', secret: config.GATEWAY_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger);
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              issuer: config.ISSUER,
              audience: 'gateway',
              algorithms: TOKEN_ALGORITHMS,
              jwksUri: `${config.AUTH_URL}/.well-known/jwks.json`,
              dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
              ...(config.JWKS_CACHE_FILE !== undefined && { jwksCache: jwksFile(config.JWKS_CACHE_FILE) }),
            },
          ],
          revocation: revocations,
          realm: 'gateway',
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${config.AUTH_URL}/oauth/token`,
          dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
          clientId: 'gateway',
          clientSecret: config.GATEWAY_CLIENT_SECRET,
          timeoutMs: config.UPSTREAM_TIMEOUT_MS,
          destinations: {
            resource: {
              baseUrl: config.RESOURCE_URL,
              audience: 'resource',
              mode: 'exchange',
              scopes: ['documents:read', 'documents:write', 'audit:read'],
            },
            auth: {
              baseUrl: config.AUTH_URL,
              audience: 'auth',
              mode: 'exchange',
              scopes: ['revocations:write', 'keys:read', 'keys:rotate', 'keys:compromise'],
            },
          },
        }),
        HealthModule.forVerifier('gateway'),
        MetricsModule.forRoot({ config, revocations, logger }),
      ],
      controllers: [
        WelcomeController,
        ...(demo ? [DemoAccountsController] : []),
        SessionController,
        ApiController,
        AdminController,
      ],
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        ...(demo ? [{ provide: DEMO_ACCOUNTS, useValue: readDemoAccounts(config) }] : []),
        AuthProxy,
        RelayProxy,
      ],
    };
  }
}
