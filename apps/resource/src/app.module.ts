import { type DynamicModule, Module } from '@nestjs/common';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { JwtGuardModule, RelayClientProxy, RelayModule, TokenRelay, TokenVerifier } from '@token-relay/jwt-guard';
import { HealthModule } from '@token-relay/service-kit';
import { AuditClient } from './audit.client';
import { AuditTrailController } from './audit-trail.controller';
import { DocumentStore } from './documents/document-store';
import { DocumentsController } from './documents/documents.controller';
import { type ResourceConfig } from './resource.config';
import { WhoamiController } from './whoami.controller';

@Module({})
export class AppModule {
  static forRoot(config: ResourceConfig): DynamicModule {
    const { hostname, port } = new URL(config.AUDIT_URL);
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [
            {
              issuer: config.ISSUER,
              audience: 'resource',
              algorithms: ['ES256'],
              jwksUri: `${config.AUTH_URL}/.well-known/jwks.json`,
              dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
            },
          ],
          contextHints: 'accept',
        }),
        RelayModule.forRoot({
          tokenEndpoint: `${config.AUTH_URL}/oauth/token`,
          dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
          clientId: 'resource',
          clientSecret: config.RESOURCE_CLIENT_SECRET,
          destinations: {
            audit: {
              audience: 'audit',
              mode: 'exchange',
              scopes: ['documents:read', 'documents:write', 'audit:read'],
            },
          },
        }),
        HealthModule.forRoot('resource', {
          inject: [TokenVerifier],
          useFactory: (verifier: TokenVerifier) => ({ keys: () => verifier.ready }),
        }),
      ],
      controllers: [DocumentsController, WhoamiController, AuditTrailController],
      providers: [
        DocumentStore,
        {
          provide: RelayClientProxy,
          inject: [TokenRelay],
          useFactory: (relay: TokenRelay) => {
            const options = { host: hostname, port: Number(port) };
            return new RelayClientProxy(
              ClientProxyFactory.create({ transport: Transport.TCP, options }),
              'audit',
              relay,
            );
          },
        },
        {
          provide: AuditClient,
          inject: [RelayClientProxy],
          useFactory: (client: RelayClientProxy) => new AuditClient(client),
        },
      ],
    };
  }
}
