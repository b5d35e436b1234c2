import { Inject, Injectable } from '@nestjs/common';
import { type FormParameters } from '../tokens/form-parameters';
import { OAuthError } from '../tokens/oauth-error';
import { type Client, ClientRegistry, type NativeClient } from './client-registry';

/** Where a challenge can be put. */
export interface Reply {
  header(name: string, value: string): unknown;
}

/**
 * Finds out which client asks. A service authenticates with `client_secret_basic` (RFC 6749, section 2.3.1); a native
 * client can only say who it is, by `client_id` in the form (`none`; RFC 6749, section 3.2.1).
 */
@Injectable()
export class ClientAuthentication {
  constructor(@Inject(ClientRegistry) private readonly clients: ClientRegistry) {}

  /**
   * The service that asks.
   *
   * @param reply gets the challenge if the client isn't who it says
   * @param form where there is one: it must not say something else
   * @throws OAuthError `invalid_client`; `invalid_request` for two ways of authentication at once
   */
  authenticate(authorization: string | undefined, reply: Reply, form: FormParameters = {}): Client {
    if (authorization !== undefined && hasOtherCredentials(form)) {
      throw new OAuthError('invalid_request', 'The client authenticates in more than one way.');
    }
    const client = this.serviceOf(authorization);
    if (!client) throw refused(reply);
    if (form.client_id !== undefined && form.client_id !== client.id) {
      throw new OAuthError(
        'invalid_request',
        'The client_id is that of another client than the one that authenticates.',
      );
    }
    return client;
  }

  /**
   * The service that asks, or the native client that it says it is: for what that one can do with its tokens alone.
   *
   * @param reply gets the challenge if the client isn't who it says
   * @throws OAuthError `invalid_client`; `invalid_request` for two ways of authentication at once
   */
  identify(authorization: string | undefined, reply: Reply, form: FormParameters): Client | NativeClient {
    const { client_id: id } = form;
    if (authorization !== undefined || hasOtherCredentials(form) || id === undefined) {
      return this.authenticate(authorization, reply, form);
    }
    const client = this.clients.native(id);
    if (!client) throw refused(reply);
    return client;
  }

  /** Both parts are form-encoded, joined, and in base64. */
  private serviceOf(authorization: string | undefined): Client | undefined {
    const [, encoded = ''] = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '') ?? [];
    const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    return this.clients.authenticate(formDecode(id), formDecode(secret));
  }
}

/** What clients send that authenticate in other ways than are taken here (RFC 6749, 2.3.1; RFC 7521, 4.2). */
function hasOtherCredentials({
  client_secret: secret,
  client_assertion: assertion,
  client_assertion_type: type,
}: FormParameters): boolean {
  return (secret ?? assertion ?? type) !== undefined;
}

/** The same whatever is wrong: who is a client isn't told. */
function refused(reply: Reply): OAuthError {
  reply.header('www-authenticate', 'Basic realm="oauth"');
  return new OAuthError('invalid_client', 'The client is unknown, or is not authenticated as it has to be.');
}

function formDecode(value: string): string {
  return new URLSearchParams(`v=${value.replaceAll('&', '%26')}`).get('v') ?? '';
}
