import { Inject, Injectable } from '@nestjs/common';
import { type FormParameters } from '../tokens/form-parameters';
import { OAuthError } from '../tokens/oauth-error';
import { ClientAssertions } from './client-assertion';
import { type Client, ClientRegistry, type NativeClient } from './client-registry';

/** Where a challenge can be put. */
export interface Reply {
  header(name: string, value: string): unknown;
}

/**
 * Finds out which client asks. A service authenticates with `client_secret_basic` (RFC 6749, section 2.3.1) or
 * `private_key_jwt` (RFC 7523, section 2.2); a native client can only say who it is, by `client_id` in the form (`none`;
 * RFC 6749, section 3.2.1).
 */
@Injectable()
export class ClientAuthentication {
  constructor(
    @Inject(ClientRegistry) private readonly clients: ClientRegistry,
    @Inject(ClientAssertions) private readonly assertions: ClientAssertions,
  ) {}

  /**
   * The service that asks.
   *
   * @param reply gets the challenge if the client isn't who it says
   * @param form where there is one: it must not say something else
   * @throws OAuthError `invalid_client`; `invalid_request` for two ways of authentication at once
   * @throws StoreUnavailable
   */
  async authenticate(authorization: string | undefined, reply: Reply, form: FormParameters = {}): Promise<Client> {
    if (waysOf(authorization, form) > 1) {
      throw new OAuthError('invalid_request', 'The client authenticates in more than one way.');
    }
    const { client_assertion: assertion, client_assertion_type: type } = form;
    const client =
      assertion === undefined ? this.serviceOf(authorization) : await this.assertions.authenticate(assertion, type);
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
   * @throws StoreUnavailable
   */
  async identify(
    authorization: string | undefined,
    reply: Reply,
    form: FormParameters,
  ): Promise<Client | NativeClient> {
    const { client_id: id } = form;
    if (waysOf(authorization, form) > 0 || id === undefined) {
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

/** In how many ways it is tried: in the header, and in the form with a secret or with an assertion (RFC 6749, 2.3). */
function waysOf(authorization: string | undefined, form: FormParameters): number {
  const assertion = form.client_assertion ?? form.client_assertion_type;
  return [authorization, form.client_secret, assertion].filter((way) => way !== undefined).length;
}

/** The same whatever is wrong: who is a client isn't told. */
function refused(reply: Reply): OAuthError {
  reply.header('www-authenticate', 'Basic realm="oauth"');
  return new OAuthError('invalid_client', 'The client is unknown, or is not authenticated as it has to be.');
}

function formDecode(value: string): string {
  return new URLSearchParams(`v=${value.replaceAll('&', '%26')}`).get('v') ?? '';
}
