import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule, RelayModule } from '@token-relay/jwt-guard';
import { authIssuer, HealthModule, type Logger, MetricsModule, openRevocations } from '@token-relay/service-kit';
import { ADMIN_CONTRACT, adminContract, AdminController } from './admin/admin.controller';
import { ApiController } from './api/api.controller';
import { callersToken } from './callers-token';
import { DEMO_ACCOUNTS, DemoAccountsController, isDemo, readDemoAccounts } from './demo/demo-accounts.controller';
import { WelcomeController } from './demo/welcome.controller';
import { EventStreams } from './event-streams';
import { GATEWAY_CONFIG, type GatewayConfig } from './gateway.config';
import { LOGGER } from './logger.token';
import { RateLimits } from './rate-limits';
import { RelayProxy } from './relay-proxy';
import { WHOAMI_DESTINATION } from './routes/default-routes';
import { readRouteTable } from './routes/read-route-table';
import { routeControllers } from './routes/route-controllers';
import { ROUTE_TABLE } from './routes/route-table';
import { AuthProxy } from './session/auth-proxy';
import { SessionController } from './session/session.controller';
import { SocketProxy } from './sockets/socket-proxy';

@Module({})
export class AppModule {
  /**
   * @throws StartRefused when there is to be a demo, and its accounts can't be read
   * @throws ConfigError when there is something wrong with the routes
   */
  static forRoot(config: GatewayConfig, logger: Logger): DynamicModule {
    const demo = isDemo(config);
    const table = readRouteTable(config);
    const client = { id: 'gateway', secret: config.GATEWAY_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger);
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [authIssuer(config, 'gateway')],
          revocation: revocations,
          realm: 'gateway',
          jwtFromRequest: callersToken,
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${config.AUTH_URL}/oauth/token`,
          dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
          clientId: 'gateway',
          clientSecret: config.GATEWAY_CLIENT_SECRET,
          timeoutMs: config.UPSTREAM_TIMEOUT_MS,
          trustDomain: config.TRUST_DOMAIN,
          destinations: { ...table.contracts, [ADMIN_CONTRACT]: adminContract(config) },
        }),
        HealthModule.forVerifier('gateway'),
        MetricsModule.forRoot({ config, revocations, logger }),
      ],
      controllers: [
        WelcomeController,
        ...(demo ? [DemoAccountsController] : []),
        SessionController,
        ...(table.hasDestination(WHOAMI_DESTINATION) ? [ApiController] : []),
        AdminController,
        ...routeControllers(table.routes),
      ],
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        ...(demo ? [{ provide: DEMO_ACCOUNTS, useValue: readDemoAccounts(config) }] : []),
        { provide: ROUTE_TABLE, useValue: table },
        AuthProxy,
        EventStreams,
        RateLimits,
        RelayProxy,
        SocketProxy,
      ],
    };
  }
}
