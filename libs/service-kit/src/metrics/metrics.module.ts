import { type DynamicModule, Inject, Module, type NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type RevocationSource, TokenVerifier } from '@token-relay/jwt-guard';
import { type FastifyInstance } from 'fastify';
import { type ServiceTls } from '../tls';
import { certificateMetrics } from './certificate-metrics';
import { routeMetrics, type ServiceRoutes } from './gateway-metrics';
import { httpMetrics } from './http-metrics';
import { jwksMetrics } from './jwks-metrics';
import { Management, MANAGEMENT_SETTINGS, type ManagementSettings } from './management';
import { revocationMetrics } from './revocation-metrics';

export interface MetricsSettings extends ManagementSettings {
  readonly revocations: RevocationSource;
  /** The certificate that is in use; absent without one. */
  readonly tls?: Pick<ServiceTls, 'expiresAt'> | undefined;
  /** Of a gateway. */
  readonly routes?: ServiceRoutes;
}

const SETTINGS = Symbol('metrics-settings');

/**
 * What every service measures of itself, and the port on which that is read: whoever may call the service needn't see it.
 * Nothing listens unless `METRICS_PORT` is set, and `Management` is told to.
 */
@Module({})
export class MetricsModule implements NestModule {
  constructor(
    @Inject(SETTINGS) private readonly settings: MetricsSettings,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(TokenVerifier) verifier: TokenVerifier,
  ) {
    const { registry, revocations, tls } = settings;
    revocationMetrics(registry, revocations);
    jwksMetrics(registry, verifier);
    certificateMetrics(registry, () => tls?.expiresAt);
  }

  static forRoot(settings: MetricsSettings): DynamicModule {
    return {
      module: MetricsModule,
      providers: [
        { provide: SETTINGS, useValue: settings },
        { provide: MANAGEMENT_SETTINGS, useValue: settings },
        Management,
      ],
      exports: [Management],
    };
  }

  /** Nest calls it before it adds its routes. */
  configure(): void {
    const { registry, routes } = this.settings;
    const instance = this.host.httpAdapter.getInstance<FastifyInstance>();
    httpMetrics(registry, instance);
    if (routes) routeMetrics(registry, instance, routes);
  }
}
