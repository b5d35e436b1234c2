import { Body, Controller, Header, Headers, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type Client, ClientRegistry } from '../clients/client-registry';
import { OAuthError } from './oauth-error';
import { type ExchangedToken, GRANT_TYPE_TOKEN_EXCHANGE, TokenExchange } from './token-exchange';

/** The token endpoint (RFC 6749, section 3.2), for services that authenticate with their secret. */
@Controller('oauth')
export class TokenController {
  constructor(
    @Inject(ClientRegistry) private readonly clients: ClientRegistry,
    @Inject(TokenExchange) private readonly exchange: TokenExchange,
  ) {}

  @Public('Clients authenticate with their secret, and bring the token that they exchange.')
  @Post('token')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async token(
    @Headers() headers: Readonly<Record<string, string | undefined>>,
    @Body() body: unknown,
    @Res({ passthrough: true }) response: { header(name: string, value: string): unknown },
  ): Promise<ExchangedToken> {
    const client = this.authenticate(headers.authorization);
    if (!client) {
      response.header('www-authenticate', 'Basic realm="oauth"');
      throw new OAuthError('invalid_client', 'The client is unknown, or its secret is wrong.');
    }
    if (!(body instanceof URLSearchParams)) {
      throw new OAuthError('invalid_request', 'The parameters have to be sent as a form.');
    }
    const parameters = singleValues(body);
    switch (parameters.grant_type) {
      case undefined:
        throw new OAuthError('invalid_request', 'The parameter grant_type is missing.');
      case GRANT_TYPE_TOKEN_EXCHANGE:
        return this.exchange.exchange(client, parameters);
      default:
        throw new OAuthError('unsupported_grant_type', 'This grant type is not supported.');
    }
  }

  /** `client_secret_basic`: both parts form-encoded, joined, and in base64 (RFC 6749, section 2.3.1). */
  private authenticate(authorization: string | undefined): Client | undefined {
    const [, encoded = ''] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '') ?? [];
    const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    return this.clients.authenticate(formDecode(id), formDecode(secret));
  }
}

function formDecode(value: string): string {
  return new URLSearchParams(`v=${value.replaceAll('&', '%26')}`).get('v') ?? '';
}

/** A form's parameters; none may be there twice (RFC 6749, section 3.2), and one without a value isn't there. */
function singleValues(form: URLSearchParams): Readonly<Record<string, string | undefined>> {
  const parameters = new Map<string, string>();
  for (const [name, value] of form) {
    if (parameters.has(name)) throw new OAuthError('invalid_request', 'A parameter was sent more than once.');
    parameters.set(name, value);
  }
  return Object.fromEntries([...parameters].filter(([, value]) => value !== ''));
}
