import { type DynamicModule, Module } from '@nestjs/common';
import { JwtGuardModule } from '@token-relay/jwt-guard';
import { HealthModule } from '@token-relay/service-kit';
import { AUTH_CONFIG, type AuthConfig } from './auth.config';
import { ClientRegistry } from './clients/client-registry';
import { JwksController } from './keys/jwks.controller';
import { SIGNING_KEY, type SigningKey } from './keys/signing-key';
import { TokenController } from './tokens/token.controller';
import { TokenExchange } from './tokens/token-exchange';
import { TokenIssuer } from './tokens/token-issuer';
import { FileUserDirectory } from './users/file-user-directory';
import { LoginController } from './users/login.controller';
import { PasswordVerifier } from './users/password-verifier';
import { USER_DIRECTORY } from './users/user-directory';

@Module({})
export class AppModule {
  /** @throws StartRefused when the users can't be read */
  static forRoot(config: AuthConfig, key: SigningKey): DynamicModule {
    return {
      module: AppModule,
      imports: [
        JwtGuardModule.forRoot({
          issuers: [{ issuer: config.ISSUER, audience: 'auth', algorithms: [key.algorithm], jwks: key.jwks }],
          contextHints: 'accept',
        }),
        HealthModule.forRoot('auth', { useFactory: () => ({}) }),
      ],
      controllers: [LoginController, JwksController, TokenController],
      providers: [
        { provide: AUTH_CONFIG, useValue: config },
        { provide: SIGNING_KEY, useValue: key },
        { provide: USER_DIRECTORY, useValue: new FileUserDirectory(config.USERS_FILE, config.NODE_ENV) },
        PasswordVerifier,
        TokenIssuer,
        ClientRegistry,
        TokenExchange,
      ],
    };
  }
}
