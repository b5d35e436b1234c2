import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule, RelayClientProxy, RelayModule, TokenRelay } from '@token-relay/jwt-guard';
import {
  authIssuer,
  ExplainedCalls,
  HealthModule,
  type Logger,
  MetricsModule,
  metricsRegistry,
  openRevocations,
  Records,
  relayMetrics,
  RevocationWatch,
  type ServiceTls,
  TracingModule,
  trustDomainOf,
  verifierMetrics,
} from '@token-relay/service-kit';
import { RenewingTcpClient } from '@token-relay/service-kit/rpc';
import { AuditClient } from './audit.client';
import { type AuditDestination } from './destinations';
import { AuditTrailController } from './audit-trail.controller';
import { DOCUMENT_STORE } from './documents/document-store';
import { DocumentsController } from './documents/documents.controller';
import { EmbeddedDocuments } from './documents/embedded-documents';
import { RedisDocuments } from './documents/redis-documents';
import { HeardRevocationsController } from './heard-revocations.controller';
import { type ResourceConfig } from './resource.config';
import { WhoamiController } from './whoami.controller';

@Module({})
export class AppModule {
  static forRoot(config: ResourceConfig, logger: Logger, tls?: ServiceTls): DynamicModule {
    const { protocol, hostname, port } = new URL(config.AUDIT_URL);
    const registry = metricsRegistry('resource');
    const client = { id: 'resource', secret: config.RESOURCE_CLIENT_SECRET };
    const revocations = openRevocations(config, client, logger, tls);
    const trustDomain = trustDomainOf(config);
    // What users got is for the gateway: forwarded, it has to be accepted everywhere.
    const isForwarded = config.RELAY_MODE === 'forward';
    const audit = {
      audience: 'audit',
      transport: 'tcp',
      scopes: ['documents:read', 'documents:write', 'audit:read'],
      // What is recorded twice would have happened twice.
      repeatable: ['audit.whoami', 'audit.list'],
    } as const;
    const destinations = {
      audit: isForwarded
        ? ({ ...audit, mode: 'forward', dangerouslyForward: true } as const)
        : ({ ...audit, mode: 'exchange' } as const),
      auditInTransaction: { ...audit, mode: 'transaction' } as const,
      // For this service alone: what it exchanges for a user never has this scope.
      auditForItself: {
        ...audit,
        mode: 'exchange',
        scopes: ['revocations:read'],
        repeatable: ['revocations.heard'],
      } as const,
    };
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              ...authIssuer(config, isForwarded ? ['resource', 'gateway'] : 'resource', tls?.client),
              transactions: { trustDomain },
            },
          ],
          revocation: revocations,
          contextHints: 'accept',
          observer: verifierMetrics(registry),
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${config.AUTH_URL}/oauth/token`,
          dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
          ...(tls?.client && { tls: tls.client }),
          clientId: 'resource',
          clientSecret: config.RESOURCE_CLIENT_SECRET,
          trustDomain,
          observer: relayMetrics(registry, { destinations, trustDomain }),
          destinations,
        }),
        HealthModule.forVerifier('resource'),
        TracingModule.forRoot({ service: 'resource', config, logger }),
        MetricsModule.forRoot({ config, registry, revocations, tls, logger }),
      ],
      controllers: [DocumentsController, WhoamiController, AuditTrailController, HeardRevocationsController],
      providers: [
        { provide: RevocationWatch, useFactory: () => new RevocationWatch(revocations) },
        { provide: ExplainedCalls, useValue: new ExplainedCalls(config.EXPLAIN_CALLS) },
        { provide: Records, useFactory: () => new Records(config, logger, tls) },
        {
          provide: DOCUMENT_STORE,
          inject: [Records],
          useFactory: ({ redis }: Records) => (redis ? new RedisDocuments(redis) : new EmbeddedDocuments()),
        },
        {
          provide: AuditClient,
          inject: [TokenRelay],
          useFactory: (relay: TokenRelay) => {
            const options = {
              host: hostname,
              port: Number(port),
              // Read anew at each connection.
              ...(protocol === 'tls:' && { tlsOptions: tls?.connection ?? {} }),
            };
            const clientFor = (destination: AuditDestination) =>
              new RelayClientProxy(new RenewingTcpClient(options), destination, relay);
            return new AuditClient(
              {
                audit: clientFor('audit'),
                auditInTransaction: clientFor('auditInTransaction'),
                auditForItself: clientFor('auditForItself'),
              },
              relay,
            );
          },
        },
      ],
    };
  }
}
