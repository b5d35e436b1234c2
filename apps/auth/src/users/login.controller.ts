import { Body, Controller, Header, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { ProblemException, validate } from '@token-relay/service-kit';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type IssuedToken, TokenIssuer } from '../tokens/token-issuer';
import { PasswordVerifier } from './password-verifier';

const credentials = z.object({
  username: z.string('must be a text').min(1, 'must not be empty').max(256, 'is too long'),
  password: z.string('must be a text').min(1, 'must not be empty').max(1024, 'is too long'),
});

/** First-party login. It is no OAuth grant: third parties bring an identity provider of their own. */
@Controller('auth')
export class LoginController {
  constructor(
    @Inject(PasswordVerifier) private readonly passwords: PasswordVerifier,
    @Inject(TokenIssuer) private readonly tokens: TokenIssuer,
  ) {}

  @Public('Who logs in has no token yet.')
  @Post('login')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async login(@Headers('content-type') contentType: string | undefined, @Body() body: unknown): Promise<IssuedToken> {
    // A form can be sent across origins without a preflight; JSON can't.
    if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
      throw new ProblemException(415, 'unsupported_media_type', 'Credentials are taken as application/json only.');
    }
    const { username, password } = validate(credentials, body);
    const user = await this.passwords.verify(username, password);
    if (!user) throw invalidCredentials();
    const token = await this.tokens.issue({
      subject: user.sub,
      audience: 'gateway',
      clientId: 'gateway',
      scopes: user.scopes,
      sessionId: randomUUID(),
    });
    if (!(await this.passwords.stillHolds(user))) throw invalidCredentials();
    return token;
  }
}

/** The same whatever is wrong. */
function invalidCredentials(): ProblemException {
  return new ProblemException(401, 'invalid_credentials', 'The username or the password is wrong.');
}
