import { Inject, Injectable } from '@nestjs/common';
import { type Client } from '../clients/client-registry';
import { askedScopes } from './asked-scopes';
import { type FormParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { TokenAudit } from './token-audit';
import { type IssuedToken, TokenIssuer } from './token-issuer';

export const GRANT_TYPE_CLIENT_CREDENTIALS = 'client_credentials';

/**
 * A service's own token (RFC 6749, section 4.4), for one of its audiences: the service is the subject, and no user is
 * in it. Without a session, and without a refresh token (section 4.4.3).
 */
@Injectable()
export class ClientCredentials {
  constructor(
    @Inject(TokenIssuer) private readonly tokens: TokenIssuer,
    @Inject(TokenAudit) private readonly audit: TokenAudit,
  ) {}

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
    const issued = await this.tokens.issue({ subject: client.id, audience, clientId: client.id, scopes });
    this.audit.issued(client, audience, issued);
    return issued.token;
  }
}

/**
 * Of what was asked for what the client may do itself: the answer says what that is (RFC 6749, section 3.3). Otherwise all
 * that it may: perhaps nothing.
 */
function granted({ scopes }: Client, asked: string | undefined): readonly string[] {
  if (asked === undefined) return scopes;
  const left = askedScopes(asked).filter((scope) => scopes.includes(scope));
  if (left.length === 0) throw new OAuthError('invalid_scope', 'The client may do none of this itself.');
  return left;
}
