import { Inject, Injectable } from '@nestjs/common';
import { OAuthError } from '../tokens/oauth-error';
import { type Client, ClientRegistry } from './client-registry';

/** Where a challenge can be put. */
export interface Reply {
  header(name: string, value: string): unknown;
}

/** Finds out which client asks: `client_secret_basic` (RFC 6749, section 2.3.1). */
@Injectable()
export class ClientAuthentication {
  constructor(@Inject(ClientRegistry) private readonly clients: ClientRegistry) {}

  /**
   * @param reply gets the challenge if the client isn't who it says
   * @throws OAuthError `invalid_client`
   */
  authenticate(authorization: string | undefined, reply: Reply): Client {
    const client = this.clientOf(authorization);
    if (client) return client;
    reply.header('www-authenticate', 'Basic realm="oauth"');
    throw new OAuthError('invalid_client', 'The client is unknown, or its secret is wrong.');
  }

  /** Both parts are form-encoded, joined, and in base64. */
  private clientOf(authorization: string | undefined): Client | undefined {
    const [, encoded = ''] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '') ?? [];
    const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    return this.clients.authenticate(formDecode(id), formDecode(secret));
  }
}

function formDecode(value: string): string {
  return new URLSearchParams(`v=${value.replaceAll('&', '%26')}`).get('v') ?? '';
}
