import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule, RelayModule } from '@token-relay/jwt-guard';
import {
  authIssuer,
  HealthModule,
  type Logger,
  MetricsModule,
  metricsRegistry,
  openMetrics,
  openRevocations,
  relayMetrics,
  ServiceTls,
  TracingModule,
  verifierMetrics,
} from '@token-relay/service-kit';
import { ADMIN_CONTRACT, adminContract, AdminController } from './admin/admin.controller';
import { ApiController } from './api/api.controller';
import { callersToken } from './callers-token';
import { consoleParts } from './console/console-parts';
import { DEMO_ACCOUNTS, DemoAccountsController, isDemo, readDemoAccounts } from './demo/demo-accounts.controller';
import { WelcomeController } from './demo/welcome.controller';
import { EventStreams } from './event-streams';
import { GATEWAY_CONFIG, type GatewayConfig } from './gateway.config';
import { LOGGER } from './logger.token';
import { RELAY_OBSERVER } from './observed-call';
import { RateLimits } from './rate-limits';
import { RelayProxy } from './relay-proxy';
import { WHOAMI_DESTINATION } from './routes/default-routes';
import { readRouteTable } from './routes/read-route-table';
import { routeControllers } from './routes/route-controllers';
import { ROUTE_TABLE } from './routes/route-table';
import { serviceRoutes } from './routes/service-routes';
import { AuthProxy } from './session/auth-proxy';
import { SessionController } from './session/session.controller';
import { SocketProxy } from './sockets/socket-proxy';

@Module({})
export class AppModule {
  /**
   * @param consoleFolder where the console was built to. Default: that of its package
   * @throws StartRefused when there is to be a demo, and its accounts can't be read; or a console, and it was not built
   * @throws ConfigError when there is something wrong with the routes
   */
  static forRoot(config: GatewayConfig, logger: Logger, tls?: ServiceTls, consoleFolder?: string): DynamicModule {
    const demo = isDemo(config);
    const table = readRouteTable(config);
    const registry = metricsRegistry('gateway');
    const client = { id: 'gateway', secret: config.GATEWAY_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger, tls);
    const page = consoleParts(config, revocations, logger, consoleFolder);
    const { events } = page;
    const destinations = { ...table.contracts, [ADMIN_CONTRACT]: adminContract(config), ...page.contracts };
    const relayed = relayMetrics(registry, { destinations, trustDomain: config.TRUST_DOMAIN });
    const observer = events?.besideRelay(relayed) ?? relayed;
    const verified = verifierMetrics(registry);
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [authIssuer(config, 'gateway', tls?.client)],
          revocation: revocations,
          realm: 'gateway',
          jwtFromRequest: callersToken,
          observer: events?.besideVerifier(verified) ?? verified,
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${config.AUTH_URL}/oauth/token`,
          dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
          ...(tls?.client && { tls: tls.client }),
          clientId: 'gateway',
          clientSecret: config.GATEWAY_CLIENT_SECRET,
          timeoutMs: config.UPSTREAM_TIMEOUT_MS,
          trustDomain: config.TRUST_DOMAIN,
          observer,
          destinations,
        }),
        HealthModule.forVerifier('gateway'),
        TracingModule.forRoot({ service: 'gateway', config, logger }),
        MetricsModule.forRoot({ config, registry, revocations, tls, logger, routes: serviceRoutes(table.routes) }),
      ],
      controllers: [
        WelcomeController,
        ...(demo ? [DemoAccountsController] : []),
        SessionController,
        ...(table.hasDestination(WHOAMI_DESTINATION) ? [ApiController] : []),
        AdminController,
        ...page.controllers,
        ...routeControllers(table.routes),
      ],
      providers: [
        { provide: GATEWAY_CONFIG, useValue: config },
        { provide: LOGGER, useValue: logger },
        ...(tls ? [{ provide: ServiceTls, useValue: tls }] : []),
        ...(demo ? [{ provide: DEMO_ACCOUNTS, useValue: readDemoAccounts(config) }] : []),
        { provide: ROUTE_TABLE, useValue: table },
        { provide: RELAY_OBSERVER, useValue: observer },
        ...page.providers,
        AuthProxy,
        EventStreams,
        RateLimits,
        RelayProxy,
        SocketProxy,
        {
          provide: openMetrics,
          inject: [SocketProxy, EventStreams],
          useFactory: (sockets: SocketProxy, streams: EventStreams) =>
            openMetrics(registry, { sockets: () => sockets.opened, streams: () => streams.opened }),
        },
      ],
    };
  }
}
