import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule, TokenVerifier } from '@token-relay/jwt-guard';
import { HealthModule, type Logger } from '@token-relay/service-kit';
import { AuditController } from './audit.controller';
import { AuditLog } from './audit-log';
import { type AuditConfig } from './audit.config';

@Module({})
export class AppModule {
  static forRoot(config: AuditConfig, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              issuer: config.ISSUER,
              audience: 'audit',
              algorithms: ['ES256'],
              jwksUri: `${config.AUTH_URL}/.well-known/jwks.json`,
              dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
            },
          ],
          contextHints: 'accept',
        }),
        HealthModule.forRoot('audit', {
          inject: [TokenVerifier],
          useFactory: (verifier: TokenVerifier) => ({ keys: () => verifier.ready }),
        }),
      ],
      controllers: [AuditController],
      providers: [{ provide: AuditLog, useValue: new AuditLog(logger) }],
    };
  }
}
