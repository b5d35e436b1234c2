import { Inject, Injectable } from '@nestjs/common';
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { AUDIT_LOG, type AuditLog } from '../audit-log';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { MARGIN_SECONDS } from '../revocation/kept-seconds';
import { RevocationLog } from '../revocation/revocation-log';
import { AUTH_STORE, type AuthStore } from '../store/auth-store';
import { type ClientKey } from './client-keys';
import { type Client, ClientRegistry } from './client-registry';

/** `client_assertion_type` of a JWT (RFC 7523, section 2.2). */
export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const MAX_BYTES = 4_096;
const MAX_LIFETIME_SECONDS = 60;
const CLOCK_TOLERANCE_SECONDS = 5;
/** Beyond what is visible in logs and stores nothing is gained; 43 are enough for 256 random bits. */
const JTI = /^[\x21-\x7e]{1,256}$/;

/**
 * `typ`: by its own name, which clients are to use from now on, and as those of before do. What is typed as anything
 * else – a token of ours above all – is none. (RFC 7523bis, section 5, asks servers not to insist on the name.)
 */
const TYPES: ReadonlySet<unknown> = new Set([
  'client-authentication+jwt',
  'application/client-authentication+jwt',
  'jwt',
  'application/jwt',
  undefined,
]);

/** Why an assertion is refused: for the log. */
export type AssertionRefusal =
  | 'assertion_type_unknown'
  | 'assertion_too_large'
  | 'assertion_malformed'
  | 'client_unknown'
  | 'typ_not_allowed'
  | 'key_unknown'
  | 'alg_not_allowed'
  | 'signature_invalid'
  | 'claim_missing'
  | 'claim_malformed'
  | 'audience_mismatch'
  | 'assertion_expired'
  | 'not_yet_valid'
  | 'lifetime_too_long'
  | 'memory_lost'
  | 'jti_used';

class Refused extends Error {
  constructor(
    readonly code: AssertionRefusal,
    /** As it is registered: what the assertion says isn't known to be true. */
    readonly clientId?: string,
  ) {
    super(code);
  }
}

/**
 * Authenticates services by what they sign (`private_key_jwt`; RFC 7523, section 3, as RFC 7523bis tightens it, and
 * OpenID Connect Core, section 9): for this issuer alone, for a minute at most, and once.
 */
@Injectable()
export class ClientAssertions {
  constructor(
    @Inject(ClientRegistry) private readonly clients: ClientRegistry,
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER'>,
    @Inject(AUTH_STORE) private readonly store: Pick<AuthStore, 'useOnce'>,
    @Inject(RevocationLog) private readonly memory: Pick<RevocationLog, 'firstEpoch'>,
    @Inject(AUDIT_LOG) private readonly log: Pick<AuditLog, 'warn'>,
  ) {}

  /**
   * The service whose assertion it is; `undefined`, and a line in the log, for one that is refused.
   *
   * @throws StoreUnavailable while nobody can say whether it was used before
   */
  async authenticate(
    assertion: string,
    type: string | undefined,
    now = Date.now() / 1000,
  ): Promise<Client | undefined> {
    try {
      return await this.verify(assertion, type, now);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { code, clientId } = error;
      this.log.warn({ ...(clientId !== undefined && { clientId }), code }, 'client_assertion_refused');
      return undefined;
    }
  }

  private async verify(assertion: string, type: string | undefined, now: number): Promise<Client> {
    if (type !== JWT_BEARER) throw new Refused('assertion_type_unknown');
    if (assertion.length > MAX_BYTES) throw new Refused('assertion_too_large');
    const { header, subject } = decoded(assertion);
    const registered = this.clients.withKeys(subject);
    if (!registered) throw new Refused('client_unknown');
    const { client, keys } = registered;
    try {
      if (!TYPES.has(header.typ?.toLowerCase())) throw new Refused('typ_not_allowed');
      const payload = await this.signed(assertion, keysFor(header, keys), client.id, now);
      const { jti, madeAt, expiresAt } = requireShortLife(payload, now);
      if (madeAt < this.remembersSince) throw new Refused('memory_lost');
      if (!(await this.store.useOnce(client.id, jti, expiresAt + MARGIN_SECONDS))) throw new Refused('jti_used');
      return client;
    } catch (error) {
      throw error instanceof Refused ? new Refused(error.code, client.id) : error;
    }
  }

  /**
   * Since when it is remembered which were used, in whole seconds, as assertions tell theirs. A store begins anew where it
   * was emptied, or where auth was started without one: what was used before that would be taken again.
   *
   * @throws StoreUnavailable before the store was read once
   */
  private get remembersSince(): number {
    return Math.floor(this.memory.firstEpoch / 1000);
  }

  /** What one of these keys has signed: two may be for the same algorithm, and the header needn't say which it is. */
  private async signed(
    assertion: string,
    keys: readonly ClientKey[],
    clientId: string,
    now: number,
  ): Promise<JWTPayload> {
    for (const key of keys) {
      try {
        return await this.signedWith(key, assertion, clientId, now);
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw refusalOf(error);
      }
    }
    throw new Refused('signature_invalid');
  }

  private async signedWith(key: ClientKey, assertion: string, clientId: string, now: number): Promise<JWTPayload> {
    const { payload } = await jwtVerify(assertion, key.publicKey, {
      algorithms: [key.algorithm],
      issuer: clientId,
      subject: clientId,
      requiredClaims: ['aud', 'exp', 'jti'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now * 1000),
    });
    // Its sole value, and as a text: at no other server is the assertion of any use (RFC 7523bis, section 4).
    if (payload.aud !== this.config.ISSUER) throw new Refused('audience_mismatch');
    return payload;
  }
}

/** What can be read of an assertion, none of which is known to be true. */
function decoded(assertion: string) {
  try {
    const header = decodeProtectedHeader(assertion) as { typ?: string; alg?: string; kid?: string };
    const { sub } = decodeJwt(assertion);
    if ([sub, header.alg, header.typ ?? '', header.kid ?? ''].every((value) => typeof value === 'string')) {
      return { header, subject: sub ?? '' };
    }
  } catch {
    // The error would quote it.
  }
  throw new Refused('assertion_malformed');
}

/** The keys that the header can mean: the one that it names, or all that are for its algorithm. */
function keysFor({ kid, alg }: { kid?: string; alg?: string }, keys: readonly ClientKey[]): readonly ClientKey[] {
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid);
  if (named.length === 0) throw new Refused('key_unknown');
  const fitting = named.filter(({ algorithm }) => algorithm === alg);
  if (fitting.length === 0) throw new Refused('alg_not_allowed');
  return fitting;
}

/** A minute bounds how long a stolen one is of use, and how long it has to be remembered that it was used. */
function requireShortLife({ exp = Infinity, iat, jti }: JWTPayload, now: number) {
  if (typeof jti !== 'string' || !JTI.test(jti)) throw new Refused('claim_malformed');
  if (exp - (iat ?? now) > MAX_LIFETIME_SECONDS) throw new Refused('lifetime_too_long');
  if (iat !== undefined && iat > now + CLOCK_TOLERANCE_SECONDS) throw new Refused('not_yet_valid');
  // Who doesn't say may have made it as long ago as any can be.
  return { jti, madeAt: iat ?? exp - MAX_LIFETIME_SECONDS, expiresAt: exp };
}

function refusalOf(error: unknown): Refused {
  if (error instanceof Refused) return error;
  if (error instanceof errors.JWTExpired) return new Refused('assertion_expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return new Refused('claim_missing');
    return new Refused(error.claim === 'nbf' ? 'not_yet_valid' : 'claim_malformed');
  }
  return new Refused('assertion_malformed');
}
