import { Inject, Injectable } from '@nestjs/common';
import { SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { SIGNING_KEY, type SigningKey } from '../keys/signing-key';

/** What differs between the access tokens that are issued. */
export interface Grant {
  readonly subject: string;
  readonly audience: string;
  /** The client that asked for the token. */
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** `act` (RFC 8693, section 4.1): who acts for the subject. */
  readonly actor?: ActorClaim;
  /** Seconds since 1970-01-01T00:00:00Z that the token must not outlive. */
  readonly notAfter?: number;
}

export interface ActorClaim {
  readonly sub: string;
  readonly act?: ActorClaim;
}

/** A successful answer of a token endpoint (RFC 6749, section 5.1). */
export interface IssuedToken {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: string;
}

/** Issues access tokens in the JWT profile (RFC 9068). */
@Injectable()
export class TokenIssuer {
  constructor(
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER' | 'ACCESS_TOKEN_SECONDS'>,
    @Inject(SIGNING_KEY) private readonly key: SigningKey,
  ) {}

  async issue(grant: Grant): Promise<IssuedToken> {
    const issuedAt = Math.floor(Date.now() / 1000);
    const expiresAt = Math.min(issuedAt + this.config.ACCESS_TOKEN_SECONDS, Math.floor(grant.notAfter ?? Infinity));
    const scope = grant.scopes.join(' ');
    const token = await new SignJWT({
      client_id: grant.clientId,
      scope,
      ...(grant.actor === undefined ? {} : { act: grant.actor }),
    })
      .setProtectedHeader({ alg: this.key.algorithm, typ: 'at+jwt', kid: this.key.kid })
      .setIssuer(this.config.ISSUER)
      .setSubject(grant.subject)
      .setAudience(grant.audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .setJti(randomUUID())
      .sign(this.key.privateKey);
    return { access_token: token, token_type: 'Bearer', expires_in: expiresAt - issuedAt, scope };
  }
}
