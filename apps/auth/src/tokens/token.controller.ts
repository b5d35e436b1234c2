import { Body, Controller, Header, HttpCode, Inject, Post, Req, Res, UseGuards, UseInterceptors } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type CallerRequest, Callers } from '../clients/callers';
import { ClientAuthentication, type Reply } from '../clients/client-authentication';
import { OneAuthorization } from '../clients/one-authorization.guard';
import { CountGrants } from '../metrics/count-grants.interceptor';
import { ClientCredentials, GRANT_TYPE_CLIENT_CREDENTIALS } from './client-credentials';
import { type ExchangeAnswer } from './exchange-mode';
import { type FormParameters, formParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { GRANT_TYPE_REFRESH_TOKEN, type RefreshedTokens, RefreshGrant } from './refresh-grant';
import { GRANT_TYPE_TOKEN_EXCHANGE, TokenExchange } from './token-exchange';
import { type IssuedToken } from './token-issuer';

/** The token endpoint (RFC 6749, section 3.2). Which clients it is for, and how they authenticate, is each grant's. */
@Controller('oauth')
@UseGuards(OneAuthorization)
@UseInterceptors(CountGrants)
export class TokenController {
  constructor(
    @Inject(ClientAuthentication) private readonly clients: ClientAuthentication,
    @Inject(TokenExchange) private readonly exchange: TokenExchange,
    @Inject(ClientCredentials) private readonly credentials: ClientCredentials,
    @Inject(Callers) private readonly callers: Callers,
    @Inject(RefreshGrant) private readonly refreshes: RefreshGrant,
  ) {}

  @Public('Clients authenticate here, and bring the token that they exchange.')
  @Post('token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async token(
    @Req() request: CallerRequest,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<ExchangeAnswer | IssuedToken | RefreshedTokens> {
    const { authorization } = request.headers;
    const form = formParameters(body);
    // A parameter without a value isn't there.
    const { grant_type: grant = '' } = form;
    switch (grant) {
      case GRANT_TYPE_TOKEN_EXCHANGE:
        return this.exchange.exchange(await this.clients.authenticate(authorization, reply, form), form);
      case GRANT_TYPE_CLIENT_CREDENTIALS:
        return this.credentials.issue(await this.clients.authenticate(authorization, reply, form), form);
      case GRANT_TYPE_REFRESH_TOKEN:
        return this.refresh(request, form, reply);
      default:
        await this.clients.identify(authorization, reply, form);
        throw grant === ''
          ? new OAuthError('invalid_request', 'The parameter grant_type is missing.')
          : new OAuthError('unsupported_grant_type', 'This grant type is not supported.');
    }
  }

  private async refresh(request: CallerRequest, form: FormParameters, reply: Reply): Promise<RefreshedTokens> {
    const client = await this.clients.identify(request.headers.authorization, reply, form);
    const address = await this.callers.addressOf(request, reply);
    return this.refreshes.refresh(client, form, { address }, reply);
  }
}
