import { Inject, Injectable } from '@nestjs/common';
import { type Principal, TokenRejected } from '@token-relay/jwt-guard';
import { type Client } from '../clients/client-registry';
import { type FormParameters } from './form-parameters';
import { lineageOf } from './lineage';
import { OAuthError } from './oauth-error';
import { OwnTokens } from './own-tokens';
import { type ActorClaim, type IssuedToken, TokenIssuer } from './token-issuer';

export const GRANT_TYPE_TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const MAX_ACTOR_DEPTH = 5;
const MAX_EXCHANGED_SECONDS = 300;

/** A successful answer (RFC 8693, section 2.2.1). */
export interface ExchangedToken extends IssuedToken {
  readonly issued_token_type: typeof ACCESS_TOKEN_TYPE;
}

/**
 * Token exchange (RFC 8693) from access token to access token: for another audience, with no more scopes than
 * the subject token has, living no longer, and with the client – who it is, its authentication has shown – as
 * the new outermost actor.
 */
@Injectable()
export class TokenExchange {
  constructor(
    @Inject(OwnTokens) private readonly ownTokens: OwnTokens,
    @Inject(TokenIssuer) private readonly tokens: TokenIssuer,
  ) {}

  /**
   * @throws OAuthError `invalid_request`, `invalid_target`, `invalid_scope`
   * @throws StoreUnavailable
   */
  async exchange(client: Client, parameters: FormParameters): Promise<ExchangedToken> {
    requireAccessTokens(parameters);
    const subject = await this.subject(client, parameters.subject_token);
    const { audience } = parameters;
    const permitted =
      audience !== undefined && Object.hasOwn(client.audiences, audience) ? client.audiences[audience] : undefined;
    if (audience === undefined || permitted === undefined) {
      throw new OAuthError('invalid_target', 'The client may not exchange tokens for this audience.');
    }
    const token = await this.tokens.issue({
      subject: subject.subject,
      audience,
      clientId: client.id,
      scopes: narrowed(subject, permitted, parameters.scope),
      actor: actorOf(client, subject),
      lineage: lineageOf(subject),
      notAfter: subject.expiresAt,
      maxLifetimeSeconds: MAX_EXCHANGED_SECONDS,
    });
    // Revoked in the meantime: what would be given out now was refused everywhere.
    await refusedAsSubject(() => this.ownTokens.recheck(subject));
    return { ...token, issued_token_type: ACCESS_TOKEN_TYPE };
  }

  private async subject(client: Client, token: string | undefined): Promise<Principal> {
    if (token === undefined) throw new OAuthError('invalid_request', 'The parameter subject_token is missing.');
    const subject = await refusedAsSubject(async () => {
      const verified = await this.ownTokens.verifyFor(client, token);
      // Within the clocks' tolerance it counts as valid, but there is no time left to give.
      if (verified.expiresAt * 1000 < Date.now() + 1000) throw new TokenRejected('token_expired');
      return verified;
    });
    if (!(await this.ownTokens.wasMinted(subject))) throw refusedSubject('jti_never_issued');
    return subject;
  }
}

/** Runs it, and tells of a token that is refused what a token endpoint does. */
async function refusedAsSubject<Result>(run: () => Result): Promise<Awaited<Result>> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof TokenRejected ? refusedSubject(error.code) : error;
  }
}

function refusedSubject(code: string): OAuthError {
  return new OAuthError('invalid_request', `The subject token is refused: ${code}.`);
}

function requireAccessTokens(parameters: FormParameters): void {
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
