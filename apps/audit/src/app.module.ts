import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule } from '@token-relay/jwt-guard';
import {
  HealthModule,
  jwksFile,
  type Logger,
  MetricsModule,
  openRevocations,
  TOKEN_ALGORITHMS,
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
              issuer: config.ISSUER,
              audience: isForwarded ? ['audit', 'gateway'] : 'audit',
              transactions: { trustDomain: trustDomainOf(config) },
              algorithms: TOKEN_ALGORITHMS,
              jwksUri: `${config.AUTH_URL}/.well-known/jwks.json`,
              dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
              ...(config.JWKS_CACHE_FILE !== undefined && { jwksCache: jwksFile(config.JWKS_CACHE_FILE) }),
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
