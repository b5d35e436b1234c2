import { type DynamicModule, Module } from '@nestjs/common';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { JwtGuardModule, RelayClientProxy, RelayModule, TokenRelay } from '@token-relay/jwt-guard';
import {
  authIssuer,
  HealthModule,
  type Logger,
  MetricsModule,
  openRevocations,
  trustDomainOf,
} from '@token-relay/service-kit';
import { AuditClient } from './audit.client';
import { type AuditDestination } from './destinations';
import { AuditTrailController } from './audit-trail.controller';
import { DocumentStore } from './documents/document-store';
import { DocumentsController } from './documents/documents.controller';
import { type ResourceConfig } from './resource.config';
import { WhoamiController } from './whoami.controller';

@Module({})
export class AppModule {
  static forRoot(config: ResourceConfig, logger: Logger): DynamicModule {
    const { hostname, port } = new URL(config.AUDIT_URL);
    const client = { id: 'resource', secret: config.RESOURCE_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger);
    const trustDomain = trustDomainOf(config);
    // What users got is for the gateway: forwarded, it has to be accepted everywhere.
    const isForwarded = config.RELAY_MODE === 'forward';
    const audit = {
      audience: 'audit',
      transport: 'tcp',
      scopes: ['documents:read', 'documents:write', 'audit:read'],
    } as const;
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              ...authIssuer(config, isForwarded ? ['resource', 'gateway'] : 'resource'),
              transactions: { trustDomain },
            },
          ],
          revocation: revocations,
          contextHints: 'accept',
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${config.AUTH_URL}/oauth/token`,
          dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
          clientId: 'resource',
          clientSecret: config.RESOURCE_CLIENT_SECRET,
          trustDomain,
          destinations: {
            audit: isForwarded
              ? { ...audit, mode: 'forward', dangerouslyForward: true }
              : { ...audit, mode: 'exchange' },
            auditInTransaction: { ...audit, mode: 'transaction' },
          },
        }),
        HealthModule.forVerifier('resource'),
        MetricsModule.forRoot({ config, revocations, logger }),
      ],
      controllers: [DocumentsController, WhoamiController, AuditTrailController],
      providers: [
        DocumentStore,
        {
          provide: AuditClient,
          inject: [TokenRelay],
          useFactory: (relay: TokenRelay) => {
            const options = { host: hostname, port: Number(port) };
            const clientFor = (destination: AuditDestination) =>
              new RelayClientProxy(
                ClientProxyFactory.create({ transport: Transport.TCP, options }),
                destination,
                relay,
              );
            return new AuditClient(clientFor('audit'), clientFor('auditInTransaction'));
          },
        },
      ],
    };
  }
}
