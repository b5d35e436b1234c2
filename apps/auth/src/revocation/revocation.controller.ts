import { Body, Controller, Header, Headers, HttpCode, Inject, Post, Res, UseGuards } from '@nestjs/common';
import { type Principal, Public, TokenRejected } from '@token-relay/jwt-guard';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '@token-relay/service-kit';
import { ClientAuthentication, type Reply } from '../clients/client-authentication';
import { type Client } from '../clients/client-registry';
import { OneAuthorization } from '../clients/one-authorization.guard';
import { isRefreshToken } from '../sessions/refresh-token';
import { Sessions } from '../sessions/sessions';
import { type FormParameters, formParameters } from '../tokens/form-parameters';
import { OAuthError } from '../tokens/oauth-error';
import { OwnTokens } from '../tokens/own-tokens';
import { RevocationLog } from './revocation-log';
import { Revocations } from './revocations';

/** Why a token is inactive shows in nothing, not in how long the answer takes either. */
const INACTIVE_AFTER_MS = 20;
/** What is known here must not be older to answer for a token. */
const LARGEST_AGE_SECONDS = 10;

/** What is said of a token that counts (RFC 7662, section 2.2). */
interface ActiveToken extends Readonly<Record<string, unknown>> {
  readonly active: true;
}

/**
 * Revocation (RFC 7009), for services that authenticate and for native clients; introspection
 * (RFC 7662), for services alone.
 */
@Controller('oauth')
@UseGuards(OneAuthorization)
export class RevocationController {
  constructor(
    @Inject(ClientAuthentication) private readonly clients: ClientAuthentication,
    @Inject(OwnTokens) private readonly tokens: OwnTokens,
    @Inject(Revocations) private readonly revocations: Revocations,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(RevocationLog) private readonly log: RevocationLog,
  ) {}

  @Public('Clients say who they are here, and bring the token that they give up.')
  @Post('revoke')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async revoke(
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<void> {
    const form = formParameters(body);
    const client = await this.clients.identify(authorization, reply, form);
    const token = tokenOf(form);
    if (isRefreshToken(token)) {
      if ((await this.sessions.endBy(token, client.id)) === 'other_client') throw ofAnotherClient();
      return;
    }
    const principal = await this.verified(() => this.tokens.verifyForAnybody(token));
    // Unknown, expired or revoked already: what was asked for is the case (RFC 7009, section 2.2).
    if (!principal) return;
    if (principal.clientId !== client.id || principal.tokenId === undefined) {
      throw ofAnotherClient();
    }
    await this.revocations.revokeToken(principal.tokenId, principal.expiresAt);
  }

  @Public('Clients authenticate here, and bring the token that they ask about.')
  @Post('introspect')
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  async introspect(
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<ActiveToken | { readonly active: false }> {
    const form = formParameters(body);
    const client = await this.clients.authenticate(authorization, reply, form);
    const token = tokenOf(form);
    const whenInactive = sleep(INACTIVE_AFTER_MS, { active: false } as const);
    return (await this.activeToken(client, token)) ?? (await whenInactive);
  }

  private async activeToken(client: Client, token: string): Promise<ActiveToken | undefined> {
    if (this.log.ageSeconds > LARGEST_AGE_SECONDS) throw new StoreUnavailable();
    const principal = await this.verified(() => this.tokens.verifyFor(client, token));
    if (!principal || !(await this.tokens.wasMinted(principal))) return undefined;
    return { active: true, token_type: 'Bearer', ...principal.claims };
  }

  private async verified(verify: () => Promise<Principal>): Promise<Principal | undefined> {
    try {
      return await verify();
    } catch (error) {
      if (error instanceof TokenRejected) return undefined;
      throw error;
    }
  }
}

function ofAnotherClient(): OAuthError {
  return new OAuthError('invalid_grant', 'The token was issued to another client.');
}

/** @throws OAuthError `invalid_request` */
function tokenOf({ token }: FormParameters): string {
  if (token === undefined) throw new OAuthError('invalid_request', 'The parameter token is missing.');
  return token;
}
