import { Inject, Injectable } from '@nestjs/common';
import { type Client } from '../clients/client-registry';
import { type FormParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { type IssuedToken, TokenIssuer } from './token-issuer';

export const GRANT_TYPE_CLIENT_CREDENTIALS = 'client_credentials';

/**
 * A service's own token (RFC 6749, section 4.4), for one of its audiences: the service is the subject, and no user is
 * in it. Without a session, and without a refresh token (section 4.4.3).
 */
@Injectable()
export class ClientCredentials {
  constructor(@Inject(TokenIssuer) private readonly tokens: TokenIssuer) {}

  /**
   * @throws OAuthError `invalid_target`, `invalid_scope`
   * @throws StoreUnavailable
   */
  async issue(client: Client, { audience, resource, scope }: FormParameters): Promise<IssuedToken> {
    if (resource !== undefined) {
      throw new OAuthError('invalid_target', 'The target is named by audience, not by resource.');
    }
    if (audience === undefined || !Object.hasOwn(client.audiences, audience)) {
      throw new OAuthError('invalid_target', 'The client may not ask for tokens for this audience.');
    }
    const scopes = granted(client, scope);
    return this.tokens.issue({ subject: client.id, audience, clientId: client.id, scopes });
  }
}

/** What was asked for, and otherwise all that the client may do itself: perhaps nothing. */
function granted({ scopes }: Client, asked: string | undefined): readonly string[] {
  if (asked === undefined) return scopes;
  const wanted = asked.split(' ');
  if (!wanted.every((scope) => scopes.includes(scope))) {
    throw new OAuthError('invalid_scope', 'The client may not do all of this itself.');
  }
  return [...new Set(wanted)];
}
