import { Inject, Injectable } from '@nestjs/common';
import { type Principal } from '@token-relay/jwt-guard';
import { type Client } from '../clients/client-registry';
import { askedScopes } from './asked-scopes';
import { type Exchanged, type ExchangeMode, type ExchangeTarget } from './exchange-mode';
import { type FormParameters } from './form-parameters';
import { lineageOf } from './lineage';
import { OAuthError } from './oauth-error';
import { type ActorClaim, TokenIssuer } from './token-issuer';
import { ACCESS_TOKEN } from './token-types';

const MAX_ACTOR_DEPTH = 5;
const MAX_EXCHANGED_SECONDS = 300;

/**
 * From access token to access token: for another audience, living no longer, and with the client – who it is, its
 * authentication has shown – as the new outermost actor.
 */
@Injectable()
export class AccessTokenExchange implements ExchangeMode {
  constructor(@Inject(TokenIssuer) private readonly tokens: TokenIssuer) {}

  target(client: Client, { audience, scope }: FormParameters): ExchangeTarget {
    const permitted =
      audience !== undefined && Object.hasOwn(client.audiences, audience) ? client.audiences[audience] : undefined;
    if (audience === undefined || permitted === undefined) {
      throw new OAuthError('invalid_target', 'The client may not exchange tokens for this audience.');
    }
    return {
      audience,
      permitted,
      asked: scope === undefined ? undefined : askedScopes(scope),
      issue: (subject, scopes) => this.issue(client, subject, audience, scopes),
    };
  }

  private async issue(
    client: Client,
    subject: Principal,
    audience: string,
    scopes: readonly string[],
  ): Promise<Exchanged> {
    if (subject.actor.length >= MAX_ACTOR_DEPTH) {
      throw new OAuthError('invalid_request', 'The token has been passed on too often.');
    }
    const actor = [client.id, ...subject.actor];
    const { token, jti } = await this.tokens.issue({
      subject: subject.subject,
      audience,
      clientId: client.id,
      scopes,
      actor: actorClaim(actor),
      lineage: lineageOf(subject),
      notAfter: subject.expiresAt,
      maxLifetimeSeconds: MAX_EXCHANGED_SECONDS,
    });
    const answer = { ...token, issued_token_type: ACCESS_TOKEN, scope: scopes.join(' ') };
    return { answer, actor, issued: { jti } };
  }
}

/** `act`, with those before the outermost nested in it (RFC 8693, section 4.1). */
function actorClaim([sub = '', ...history]: readonly string[]): ActorClaim {
  return history.length === 0 ? { sub } : { sub, act: actorClaim(history) };
}
