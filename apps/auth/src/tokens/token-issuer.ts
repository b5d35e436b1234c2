import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { SigningKeys } from '../keys/signing-keys';
import { MARGIN_SECONDS } from '../revocation/kept-seconds';
import { RevocationLog } from '../revocation/revocation-log';
import { AUTH_STORE, type AuthStore } from '../store/auth-store';
import { signToken } from './sign-token';

/** What differs between the access tokens that are issued. */
export interface Grant {
  readonly subject: string;
  readonly audience: string;
  /** The client that asked for the token. */
  readonly clientId: string;
  /** Without any the token has no `scope`: an empty one is none (RFC 6749, section 3.3). */
  readonly scopes: readonly string[];
  /** `act` (RFC 8693, section 4.1): who acts for the subject. */
  readonly actor?: ActorClaim;
  /** Seconds since 1970-01-01T00:00:00Z that the token must not outlive. */
  readonly notAfter?: number;
  /** The longest that the token may live, in seconds. Default: as configured. */
  readonly maxLifetimeSeconds?: number;
  /** What a token carries on from the one that it was exchanged for, so that it is revoked with it. */
  readonly lineage?: Lineage;
  /** The session that the token is of, unless it comes from another token. */
  readonly session?: IssuedIn;
}

export interface ActorClaim {
  readonly sub: string;
  readonly act?: ActorClaim;
}

/** What a token carries of its session. */
export interface IssuedIn {
  readonly id: string;
  /** Not the epoch of now: what was revoked since the session began is meant for its tokens too. */
  readonly epoch: number;
  /** When the user has logged in: seconds since 1970-01-01T00:00:00Z. */
  readonly authTime: number;
}

/** Where a token comes from: the marks of all those before it. */
export interface Lineage {
  readonly sid?: string;
  readonly sub_epoch?: number;
  /** When the user has logged in (RFC 9068, section 2.2.1). */
  readonly auth_time?: number;
  /** `jti`, `kid` and `iat` of the first token. */
  readonly origin_jti: string;
  readonly origin_kid: string;
  readonly origin_iat: number;
  /** The `jti` of those between the first one and this. */
  readonly via_jti?: readonly string[];
}

/** A successful answer of a token endpoint (RFC 6749, section 5.1). */
export interface IssuedToken {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Seconds. */
  readonly expires_in: number;
  /** Absent where the token has none. */
  readonly scope?: string;
}

/** A token that was issued, and what it is known by. */
export interface Issued {
  readonly token: IssuedToken;
  readonly jti: string;
}

/** Issues access tokens in the JWT profile (RFC 9068), each with the marks that it can be revoked by. */
@Injectable()
export class TokenIssuer {
  constructor(
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER' | 'ACCESS_TOKEN_SECONDS'>,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(AUTH_STORE) private readonly store: AuthStore,
    @Inject(RevocationLog) private readonly log: RevocationLog,
  ) {}

  /** @throws StoreUnavailable: what isn't remembered isn't issued */
  async issue({ subject, audience, clientId, scopes, ...grant }: Grant): Promise<Issued> {
    const key = await this.keys.signingKey();
    const issuedAt = this.log.issuedAt();
    const lifetime = Math.min(this.config.ACCESS_TOKEN_SECONDS, grant.maxLifetimeSeconds ?? Infinity);
    const expiresAt = Math.min(issuedAt + lifetime, Math.floor(grant.notAfter ?? Infinity));
    const scope = scopes.length > 0 ? { scope: scopes.join(' ') } : {};
    const jti = randomUUID();
    // Remembered for as long as anybody may accept it, whose clock is behind.
    const remembered = { subject, jti, expiresAt: expiresAt + MARGIN_SECONDS };
    const recorded = await this.store.mint({ ...remembered, defaultEpoch: this.log.firstEpoch, now: issuedAt - 1 });
    // A store that has lost the epoch still has what was revoked.
    const epoch = grant.session?.epoch ?? Math.max(recorded, this.log.epochOf(subject));
    // A store that was emptied refuses what was issued a moment ago: a login, whose token would be good for nothing.
    if (!grant.lineage) await this.log.confirm();
    const token = await signToken(key, 'at+jwt', {
      iss: this.config.ISSUER,
      sub: subject,
      aud: audience,
      iat: issuedAt,
      exp: expiresAt,
      jti,
      client_id: clientId,
      ...scope,
      ...(grant.actor && { act: grant.actor }),
      ...(grant.lineage ?? {
        ...(grant.session && { sid: grant.session.id, auth_time: grant.session.authTime }),
        sub_epoch: epoch,
      }),
    });
    const answer = { access_token: token, token_type: 'Bearer', expires_in: expiresAt - issuedAt, ...scope } as const;
    return { token: answer, jti };
  }
}
