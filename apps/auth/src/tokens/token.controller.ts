import { Body, Controller, Header, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type CallerRequest, Callers } from '../clients/callers';
import { ClientAuthentication, type Reply } from '../clients/client-authentication';
import { ClientCredentials, GRANT_TYPE_CLIENT_CREDENTIALS } from './client-credentials';
import { type FormParameters, formParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { GRANT_TYPE_REFRESH_TOKEN, type RefreshedTokens, RefreshGrant } from './refresh-grant';
import { type ExchangedToken, GRANT_TYPE_TOKEN_EXCHANGE, TokenExchange } from './token-exchange';
import { type IssuedToken } from './token-issuer';

/** The token endpoint (RFC 6749, section 3.2). Which clients it is for, and how they authenticate, is each grant's. */
@Controller('oauth')
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
  ): Promise<ExchangedToken | IssuedToken | RefreshedTokens> {
    const { authorization } = request.headers;
    const form = formParameters(body);
    switch (form.grant_type) {
      case GRANT_TYPE_TOKEN_EXCHANGE:
        return this.exchange.exchange(this.clients.authenticate(authorization, reply, form), form);
      case GRANT_TYPE_CLIENT_CREDENTIALS:
        return this.credentials.issue(this.clients.authenticate(authorization, reply, form), form);
      case GRANT_TYPE_REFRESH_TOKEN:
        return this.refresh(request, form, reply);
      case undefined:
      default:
        this.clients.identify(authorization, reply, form);
        throw form.grant_type === undefined
          ? new OAuthError('invalid_request', 'The parameter grant_type is missing.')
          : new OAuthError('unsupported_grant_type', 'This grant type is not supported.');
    }
  }

  private async refresh(request: CallerRequest, form: FormParameters, reply: Reply): Promise<RefreshedTokens> {
    const client = this.clients.identify(request.headers.authorization, reply, form);
    return this.refreshes.refresh(client, form, { address: this.callers.addressOf(request, reply) }, reply);
  }
}
