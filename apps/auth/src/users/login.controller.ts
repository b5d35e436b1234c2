import { Body, Controller, Header, HttpCode, Inject, Post, Req, Res, UseGuards, UseInterceptors } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { ProblemException, validate } from '@token-relay/service-kit';
import { z } from 'zod';
import { type CallerRequest, Callers, GATEWAY, userAgentOf } from '../clients/callers';
import { ClientRegistry, type NativeClient } from '../clients/client-registry';
import { OneAuthorization } from '../clients/one-authorization.guard';
import { CountLogins } from '../metrics/count-logins.interceptor';
import { OriginGuard } from '../sessions/browser.guard';
import { refreshCookie } from '../sessions/session-cookie';
import { type Device, Sessions, type SessionTokens } from '../sessions/sessions';
import { type RefreshedTokens } from '../tokens/refresh-grant';
import { type IssuedToken } from '../tokens/token-issuer';
import { type LoginReply, PasswordLogin } from './password-login';
import { PasswordVerifier } from './password-verifier';
import { type User } from './user-directory';

export const credentials = z.object({
  username: z.string('must be a text').min(1, 'must not be empty').max(256, 'is too long'),
  password: z.string('must be a text').min(1, 'must not be empty').max(1024, 'is too long'),
  client_id: z.string('must be a text').optional(),
});

/** First-party login. It is no OAuth grant: third parties bring an identity provider of their own. */
@Controller('auth')
@UseGuards(OneAuthorization, OriginGuard)
@UseInterceptors(CountLogins)
export class LoginController {
  constructor(
    @Inject(Callers) private readonly callers: Callers,
    @Inject(PasswordLogin) private readonly logins: PasswordLogin,
    @Inject(PasswordVerifier) private readonly passwords: PasswordVerifier,
    @Inject(ClientRegistry) private readonly clients: ClientRegistry,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  @Public('Who logs in has no token yet.')
  @Post('login')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async login(
    @Req() request: CallerRequest,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: LoginReply,
  ): Promise<IssuedToken | RefreshedTokens> {
    requireJson(request);
    const address = await this.callers.addressOf(request, reply);
    const { username, password, client_id: clientId } = validate(credentials, body);
    const client = clientId === undefined ? undefined : this.nativeClient(clientId, request);
    const user = await this.logins.userOf({ username, address }, password, reply);
    if (!user) throw invalidCredentials();
    const begun = await this.begin(user, client, { address, userAgent: userAgentOf(request) });
    const { accessToken, refreshToken: refresh_token, expiresAt } = begun;
    if (client) return { ...accessToken, refresh_token };
    reply.header('set-cookie', refreshCookie(refresh_token, expiresAt));
    return accessToken;
  }

  private async begin(user: User, client: NativeClient | undefined, device: Device): Promise<SessionTokens> {
    const { id, scopes } = client ?? { id: GATEWAY, scopes: user.scopes };
    const granted = user.scopes.filter((scope) => scopes.includes(scope));
    const begun = await this.sessions.begin(user, id, granted, device);
    let holds = false;
    try {
      holds = await this.passwords.stillHolds(user);
      if (holds) return begun;
      throw invalidCredentials();
    } finally {
      // Nobody has heard of it.
      if (!holds) await this.sessions.endBy(begun.refreshToken, id);
    }
  }

  /** Pages of the gateway's own origin aren't among them: no script gets a refresh token to read. */
  private nativeClient(id: string, { headers }: CallerRequest): NativeClient {
    const client = headers.origin === undefined ? this.clients.native(id) : undefined;
    if (client) return client;
    throw new ProblemException(
      400,
      'client_not_native',
      'The client_id must be that of a native client, outside browsers.',
    );
  }
}

/** A form can be sent across origins without a preflight; JSON can't. */
function requireJson({ headers }: CallerRequest): void {
  if (/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) return;
  throw new ProblemException(415, 'unsupported_media_type', 'Credentials are taken as application/json only.');
}

/** The same whatever is wrong. */
function invalidCredentials(): ProblemException {
  return new ProblemException(401, 'invalid_credentials', 'The username or the password is wrong.');
}
