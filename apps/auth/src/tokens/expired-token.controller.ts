import { Body, Controller, Header, Headers, HttpCode, Inject, Post, Res, UseGuards } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { ClientAuthentication, type Reply } from '../clients/client-authentication';
import { OneAuthorization } from '../clients/one-authorization.guard';
import { SigningKeys } from '../keys/signing-keys';
import { formParameters } from './form-parameters';
import { signToken, type TokenClaims } from './sign-token';
import { SubjectTokens } from './subject-tokens';
import { ACCESS_TOKEN } from './token-types';

/** Longer than any verifier's tolerance, of which 60 s is the most; where late handlers take more, after that. */
const OVER_FOR_SECONDS = 120;

/**
 * Tokens whose time is over, for the demo to show what becomes of them: for a service, and for a good one that is meant
 * for it. In development alone (`DEMO=1`); elsewhere the route isn't there: the module doesn't have this controller.
 */
@Controller('demo')
@UseGuards(OneAuthorization)
export class ExpiredTokenController {
  constructor(
    @Inject(ClientAuthentication) private readonly clients: ClientAuthentication,
    @Inject(SubjectTokens) private readonly subjects: SubjectTokens,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'LATE_HANDLING_SECONDS'>,
  ) {}

  @Public('Clients authenticate here, and bring the token that they would like to have expired, in development.')
  @Post('expired-token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async expired(
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<{ readonly access_token: string; readonly token_type: 'Bearer'; readonly expires_in: number }> {
    const { subject_token, ...form } = formParameters(body);
    const client = await this.clients.authenticate(authorization, reply, form);
    const subject = await this.subjects.verify(client, { subject_token, subject_token_type: ACCESS_TOKEN });
    await this.subjects.admit(client, subject);
    const claims = subject.claims as TokenClaims;
    const overFor = OVER_FOR_SECONDS + this.config.LATE_HANDLING_SECONDS;
    const exp = Math.floor(Date.now() / 1000) - overFor;
    // Never remembered as issued: even for who doesn't look at the time, auth would exchange it for nothing.
    const expired = { ...claims, jti: randomUUID(), iat: exp - (claims.exp - claims.iat), exp };
    const token = await signToken(await this.keys.signingKey(), 'at+jwt', expired);
    return { access_token: token, token_type: 'Bearer', expires_in: -overFor };
  }
}
