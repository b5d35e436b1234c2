import {
  type DynamicModule,
  Inject,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { JwtGuardModule } from '@token-relay/jwt-guard';
import {
  GrantMetrics,
  HealthModule,
  type Logger,
  LoginMetrics,
  MetricsModule,
  metricsRegistry,
  NeverIssuedMetrics,
  RefreshMetrics,
  type ServiceTls,
  signingKeyMetrics,
  TracingModule,
  verifierMetrics,
} from '@token-relay/service-kit';
import { AUDIT_LOG } from './audit-log';
import { AUTH_CONFIG, type AuthConfig } from './auth.config';
import { type AuthState } from './auth-state';
import { Callers } from './clients/callers';
import { ClientAssertions } from './clients/client-assertion';
import { ClientAuthentication } from './clients/client-authentication';
import { ClientRegistry } from './clients/client-registry';
import { MetadataController } from './discovery/metadata.controller';
import { OpenApiController } from './discovery/openapi.controller';
import { JwksController } from './keys/jwks.controller';
import { AdminKeysController } from './keys/admin-keys.controller';
import { KEY_ALGORITHMS } from './keys/key-ring';
import { SigningKeys } from './keys/signing-keys';
import { signingKeyReport } from './metrics/signing-key-report';
import { AdminRevocationsController } from './revocation/admin-revocations.controller';
import { RevocationController } from './revocation/revocation.controller';
import { RevocationFeedController } from './revocation/revocation-feed.controller';
import { RevocationLog } from './revocation/revocation-log';
import { Revocations } from './revocation/revocations';
import { SessionController } from './sessions/session.controller';
import { Sessions } from './sessions/sessions';
import { ignoreTypeOfNoBody } from './sessions/without-body';
import { AUTH_STORE, type AuthStore } from './store/auth-store';
import { AccessTokenExchange } from './tokens/access-token-exchange';
import { ClientCredentials } from './tokens/client-credentials';
import { ExpiredTokenController } from './tokens/expired-token.controller';
import { OwnTokens } from './tokens/own-tokens';
import { RefreshGrant } from './tokens/refresh-grant';
import { SubjectTokens } from './tokens/subject-tokens';
import { TokenAudit } from './tokens/token-audit';
import { TokenController } from './tokens/token.controller';
import { TokenExchange } from './tokens/token-exchange';
import { TokenIssuer } from './tokens/token-issuer';
import { TransactionTokens } from './tokens/transaction-tokens';
import { LoginController } from './users/login.controller';
import { LoginThrottle } from './users/login-throttle';
import { openUserDirectory } from './users/open-user-directory';
import { PasswordLogin } from './users/password-login';
import { PasswordQueue } from './users/password-queue';
import { PasswordVerifier } from './users/password-verifier';
import { countersIn } from './users/throttle';
import { USER_DIRECTORY, type UserDirectory } from './users/user-directory';

@Module({})
export class AppModule implements NestModule, OnApplicationBootstrap, OnApplicationShutdown {
  private stopListening: () => void = () => undefined;

  constructor(
    @Inject(USER_DIRECTORY) private readonly users: UserDirectory,
    @Inject(Revocations) private readonly revocations: Revocations,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(RevocationLog) private readonly log: RevocationLog,
    @Inject(AUTH_STORE) private readonly store: AuthStore,
  ) {}

  /** @throws StartRefused when the users or the clients can't be read */
  static forRoot(
    config: AuthConfig,
    { keys, store, redis, log }: AuthState,
    logger: Logger,
    tls?: ServiceTls,
  ): DynamicModule {
    const registry = metricsRegistry('auth');
    signingKeyMetrics(registry, () => signingKeyReport(keys));
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: config.ISSUER, audience: 'auth', algorithms: KEY_ALGORITHMS, jwks: () => keys.jwks }],
          revocation: log,
          contextHints: 'accept',
          observer: verifierMetrics(registry),
        }),
        HealthModule.forVerifier('auth'),
        TracingModule.forRoot({ service: 'auth', config, logger }),
        MetricsModule.forRoot({ config, registry, revocations: log, tls, logger }),
      ],
      controllers: [
        LoginController,
        SessionController,
        JwksController,
        MetadataController,
        TokenController,
        RevocationController,
        AdminRevocationsController,
        AdminKeysController,
        RevocationFeedController,
        ...(config.NODE_ENV === 'development' ? [OpenApiController] : []),
        ...(config.DEMO ? [ExpiredTokenController] : []),
      ],
      providers: [
        { provide: AUTH_CONFIG, useValue: config },
        { provide: AUDIT_LOG, useValue: logger },
        { provide: SigningKeys, useValue: keys },
        { provide: AUTH_STORE, useValue: store },
        { provide: RevocationLog, useValue: log },
        { provide: Revocations, useFactory: () => new Revocations(log, store) },
        { provide: USER_DIRECTORY, useFactory: () => openUserDirectory(config, redis) },
        { provide: LoginThrottle, useFactory: () => new LoginThrottle(countersIn(redis), logger) },
        { provide: LoginMetrics, useValue: new LoginMetrics(registry) },
        { provide: RefreshMetrics, useValue: new RefreshMetrics(registry) },
        { provide: GrantMetrics, useValue: new GrantMetrics(registry) },
        { provide: NeverIssuedMetrics, useValue: new NeverIssuedMetrics(registry) },
        PasswordVerifier,
        PasswordQueue,
        PasswordLogin,
        Callers,
        TokenIssuer,
        Sessions,
        ClientRegistry,
        ClientAssertions,
        ClientAuthentication,
        OwnTokens,
        SubjectTokens,
        AccessTokenExchange,
        TransactionTokens,
        TokenAudit,
        TokenExchange,
        ClientCredentials,
        RefreshGrant,
      ],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ignoreTypeOfNoBody).forRoutes(SessionController);
  }

  onApplicationBootstrap(): void {
    this.keys.start();
    this.stopListening = this.log.onKeysChanged(() => void this.keys.look());
    this.users.watch(async (subject) => void (await this.revocations.revokeSubject(subject)));
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopListening();
    await this.users.close();
    await this.keys.close();
    this.log.close();
    this.store.close();
  }
}
