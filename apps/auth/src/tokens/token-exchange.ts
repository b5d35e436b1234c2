import { Inject, Injectable } from '@nestjs/common';
import { type Principal, TokenRejected, TokenVerifier } from '@token-relay/jwt-guard';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { type Client, ClientRegistry } from '../clients/client-registry';
import { SIGNING_KEY, type SigningKey } from '../keys/signing-key';
import { OAuthError } from './oauth-error';
import { type ActorClaim, type IssuedToken, TokenIssuer } from './token-issuer';

export const GRANT_TYPE_TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const MAX_ACTOR_DEPTH = 5;
const MAX_EXCHANGED_SECONDS = 300;

/** A successful answer (RFC 8693, section 2.2.1). */
export interface ExchangedToken extends IssuedToken {
  readonly issued_token_type: typeof ACCESS_TOKEN_TYPE;
}

type Parameters = Readonly<Record<string, string | undefined>>;

/**
 * Token exchange (RFC 8693) from access token to access token: for another audience, with no more scopes than
 * the subject token has, living no longer, and with the client – who it is, its authentication has shown – as
 * the new outermost actor.
 */
@Injectable()
export class TokenExchange {
  readonly #verifiers: ReadonlyMap<string, TokenVerifier>;

  constructor(
    @Inject(AUTH_CONFIG) config: Pick<AuthConfig, 'ISSUER'>,
    @Inject(SIGNING_KEY) key: SigningKey,
    @Inject(ClientRegistry) registry: ClientRegistry,
    @Inject(TokenIssuer) private readonly tokens: TokenIssuer,
  ) {
    // A token is the client's to exchange only if it was meant for the client: one verifier each.
    this.#verifiers = new Map(
      registry.clients.map(({ id }) => [
        id,
        TokenVerifier.create({
          issuers: [{ issuer: config.ISSUER, audience: id, algorithms: [key.algorithm], jwks: key.jwks }],
        }),
      ]),
    );
  }

  /** @throws OAuthError `invalid_request`, `invalid_target`, `invalid_scope` */
  async exchange(client: Client, parameters: Parameters): Promise<ExchangedToken> {
    requireAccessTokens(parameters);
    const subject = await this.subject(client, parameters.subject_token);
    const { audience } = parameters;
    const permitted =
      audience !== undefined && Object.hasOwn(client.targets, audience) ? client.targets[audience] : undefined;
    if (audience === undefined || permitted === undefined) {
      throw new OAuthError('invalid_target', 'The client may not exchange tokens for this audience.');
    }
    const token = await this.tokens.issue({
      subject: subject.subject,
      audience,
      clientId: client.id,
      scopes: narrowed(subject, permitted, parameters.scope),
      actor: actorOf(client, subject),
      // No longer than the subject token, and 300 s whatever else is configured.
      notAfter: Math.min(subject.expiresAt, Date.now() / 1000 + MAX_EXCHANGED_SECONDS),
    });
    return { ...token, issued_token_type: ACCESS_TOKEN_TYPE };
  }

  private async subject(client: Client, token: string | undefined): Promise<Principal> {
    if (token === undefined) throw new OAuthError('invalid_request', 'The parameter subject_token is missing.');
    try {
      const subject = await this.#verifiers.get(client.id)?.verify(token);
      // Within the clocks' tolerance it counts as valid, but there is no time left to give.
      if (!subject || subject.expiresAt * 1000 < Date.now() + 1000) throw new TokenRejected('token_expired');
      return subject;
    } catch (error) {
      if (!(error instanceof TokenRejected)) throw error;
      throw new OAuthError('invalid_request', `The subject token is refused: ${error.code}.`);
    }
  }
}

function requireAccessTokens(parameters: Parameters): void {
  if (parameters.subject_token_type !== ACCESS_TOKEN_TYPE) {
    throw new OAuthError('invalid_request', 'The subject_token_type must be that of an access token.');
  }
  if ((parameters.requested_token_type ?? ACCESS_TOKEN_TYPE) !== ACCESS_TOKEN_TYPE) {
    throw new OAuthError('invalid_request', 'Only access tokens are issued.');
  }
  if (parameters.actor_token !== undefined) {
    throw new OAuthError('invalid_request', 'The actor is the client itself: an actor_token is not taken.');
  }
  if (parameters.resource !== undefined) {
    throw new OAuthError('invalid_target', 'The target is named by audience, not by resource.');
  }
}

/** What the subject has, the client may pass on, and was asked for. */
function narrowed(subject: Principal, permitted: readonly string[], asked: string | undefined): readonly string[] {
  const wanted = asked?.split(' ') ?? permitted;
  const scopes = subject.scopes.filter((scope) => permitted.includes(scope) && wanted.includes(scope));
  if (scopes.length === 0) throw new OAuthError('invalid_scope', 'The subject token has none of these scopes.');
  return scopes;
}

function actorOf(client: Client, subject: Principal): ActorClaim {
  if (subject.actor.length >= MAX_ACTOR_DEPTH) {
    throw new OAuthError('invalid_request', 'The token has been passed on too often.');
  }
  const history = subject.actor.reduceRight<ActorClaim | undefined>(
    (act, sub) => (act ? { sub, act } : { sub }),
    undefined,
  );
  return history ? { sub: client.id, act: history } : { sub: client.id };
}
