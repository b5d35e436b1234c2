import { Inject, Injectable } from '@nestjs/common';
import { type Client, type NativeClient } from '../clients/client-registry';
import { type Reply } from '../clients/client-authentication';
import { RefreshTooOften, SessionEnded } from '../sessions/session-refusals';
import { type Device, Sessions } from '../sessions/sessions';
import { askedScopes } from './asked-scopes';
import { type FormParameters } from './form-parameters';
import { OAuthError } from './oauth-error';
import { type IssuedToken } from './token-issuer';

export const GRANT_TYPE_REFRESH_TOKEN = 'refresh_token';

/** A successful answer (RFC 6749, section 6). */
export interface RefreshedTokens extends IssuedToken {
  readonly refresh_token: string;
}

/** The refresh token grant (RFC 6749, section 6), for the sessions of native clients; browsers have `/auth/refresh`. */
@Injectable()
export class RefreshGrant {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  /**
   * @param reply gets `Retry-After` where there is a wait
   * @throws OAuthError `unauthorized_client`, `invalid_request`, `invalid_target`, `invalid_scope`, `invalid_grant`,
   *   `refresh_too_often`
   * @throws StoreUnavailable
   */
  async refresh(
    client: Client | NativeClient,
    form: FormParameters,
    device: Device,
    reply: Reply,
  ): Promise<RefreshedTokens> {
    if (client.type !== 'native') {
      throw new OAuthError('unauthorized_client', 'Only native clients have refresh tokens.');
    }
    const { refresh_token: token, scope } = form;
    if (form.audience !== undefined || form.resource !== undefined) {
      throw new OAuthError('invalid_target', 'A refreshed token is for the gateway, as the one before.');
    }
    if (token === undefined) throw new OAuthError('invalid_request', 'The parameter refresh_token is missing.');
    try {
      const scopes = scope === undefined ? client.scopes : await this.narrowed(client, token, askedScopes(scope));
      const { accessToken, refreshToken } = await this.sessions.refresh(token, client.id, device, scopes);
      return { ...accessToken, refresh_token: refreshToken };
    } catch (error) {
      if (error instanceof SessionEnded) {
        throw new OAuthError('invalid_grant', 'The refresh token is expired, revoked, or none of this client.');
      }
      if (!(error instanceof RefreshTooOften)) throw error;
      reply.header('retry-after', String(error.retryAfterSeconds));
      throw new OAuthError('refresh_too_often', error.detail);
    }
  }

  /** Looked at before the token is used: what is refused here leaves it as it is. */
  private async narrowed(client: NativeClient, token: string, asked: readonly string[]): Promise<readonly string[]> {
    const { scopes } = await this.sessions.find(token, client.id);
    if (!asked.every((scope) => scopes.includes(scope) && client.scopes.includes(scope))) {
      throw new OAuthError('invalid_scope', 'The session has not been granted all of these scopes.');
    }
    return asked;
  }
}
