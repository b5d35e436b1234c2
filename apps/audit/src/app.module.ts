import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule } from '@token-relay/jwt-guard';
import {
  authIssuer,
  ExplainedCalls,
  HealthModule,
  type Logger,
  MetricsModule,
  metricsRegistry,
  openRevocations,
  Records,
  RevocationWatch,
  type ServiceTls,
  TracingModule,
  trustDomainOf,
  verifierMetrics,
} from '@token-relay/service-kit';
import { AnybodysAuditController, AuditController } from './audit.controller';
import { AuditLog } from './audit-log';
import { type AuditConfig } from './audit.config';
import { HeardRevocationsController } from './heard-revocations.controller';
import { EmbeddedEntries, RedisEntries } from './latest-entries';

@Module({})
export class AppModule {
  static forRoot(config: AuditConfig, logger: Logger, tls?: ServiceTls): DynamicModule {
    const registry = metricsRegistry('audit');
    const client = { id: 'audit', secret: config.AUDIT_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger, tls);
    // What users got is for the gateway: forwarded, it has to be accepted everywhere.
    const isForwarded = config.RELAY_MODE === 'forward';
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              ...authIssuer(config, isForwarded ? ['audit', 'gateway'] : 'audit', tls?.client),
              transactions: { trustDomain: trustDomainOf(config) },
            },
          ],
          revocation: revocations,
          contextHints: 'accept',
          observer: verifierMetrics(registry),
        }),
        HealthModule.forVerifier('audit'),
        TracingModule.forRoot({ service: 'audit', config, logger }),
        MetricsModule.forRoot({ config, registry, revocations, tls, logger }),
      ],
      controllers: [isForwarded ? AnybodysAuditController : AuditController, HeardRevocationsController],
      providers: [
        { provide: RevocationWatch, useFactory: () => new RevocationWatch(revocations) },
        { provide: ExplainedCalls, useValue: new ExplainedCalls(config.EXPLAIN_CALLS) },
        { provide: Records, useFactory: () => new Records(config, logger, tls) },
        {
          provide: AuditLog,
          inject: [Records],
          useFactory: ({ redis }: Records) =>
            new AuditLog(redis ? new RedisEntries(redis) : new EmbeddedEntries(), logger),
        },
      ],
    };
  }
}
