import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule } from '@token-relay/jwt-guard';
import {
  authIssuer,
  HealthModule,
  type Logger,
  MetricsModule,
  openRevocations,
  trustDomainOf,
} from '@token-relay/service-kit';
import { AnybodysAuditController, AuditController } from './audit.controller';
import { AuditLog } from './audit-log';
import { type AuditConfig } from './audit.config';

@Module({})
export class AppModule {
  static forRoot(config: AuditConfig, logger: Logger): DynamicModule {
    const client = { id: 'audit', secret: config.AUDIT_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger);
    // What users got is for the gateway: forwarded, it has to be accepted everywhere.
    const isForwarded = config.RELAY_MODE === 'forward';
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              ...authIssuer(config, isForwarded ? ['audit', 'gateway'] : 'audit'),
              transactions: { trustDomain: trustDomainOf(config) },
            },
          ],
          revocation: revocations,
          contextHints: 'accept',
        }),
        HealthModule.forVerifier('audit'),
        MetricsModule.forRoot({ config, revocations, logger }),
      ],
      controllers: [isForwarded ? AnybodysAuditController : AuditController],
      providers: [{ provide: AuditLog, useValue: new AuditLog(logger) }],
    };
  }
}
