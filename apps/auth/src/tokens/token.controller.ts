import { Body, Controller, Header, Headers, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { ClientAuthentication, type Reply } from '../clients/client-authentication';
import { formParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { type ExchangedToken, GRANT_TYPE_TOKEN_EXCHANGE, TokenExchange } from './token-exchange';

/** The token endpoint (RFC 6749, section 3.2), for services that authenticate with their secret. */
@Controller('oauth')
export class TokenController {
  constructor(
    @Inject(ClientAuthentication) private readonly clients: ClientAuthentication,
    @Inject(TokenExchange) private readonly exchange: TokenExchange,
  ) {}

  @Public('Clients authenticate with their secret, and bring the token that they exchange.')
  @Post('token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async token(
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<ExchangedToken> {
    const client = this.clients.authenticate(authorization, reply);
    const parameters = formParameters(body);
    switch (parameters.grant_type) {
      case undefined:
        throw new OAuthError('invalid_request', 'The parameter grant_type is missing.');
      case GRANT_TYPE_TOKEN_EXCHANGE:
        return this.exchange.exchange(client, parameters);
      default:
        throw new OAuthError('unsupported_grant_type', 'This grant type is not supported.');
    }
  }
}
