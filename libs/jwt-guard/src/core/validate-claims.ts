import { type Principal, principalId } from './principal';
import { TokenRejected } from './refusals';
import { type VerifiedToken } from './token-states';
import { type IssuerPolicy } from './verifier-options';

export interface ClaimRules {
  /** Leeway for clocks that are apart, in seconds. */
  readonly clockToleranceSeconds: number;
  /** The longest `exp - iat` that is accepted, in seconds. */
  readonly maxLifetimeSeconds: number;
}

const MAX_AUDIENCES = 32;
const MAX_ACTOR_DEPTH = 5;
/** `scope-token *( SP scope-token )` (RFC 6749, section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

type Claims = Readonly<Record<string, unknown>>;

/**
 * The claims of an access token as RFC 9068, section 2.2 has them, against what is expected here. Expecting a
 * claim requires it: an absent one is refused, never skipped.
 *
 * @param nowSeconds seconds since 1970-01-01T00:00:00Z
 * @throws TokenRejected `claim_missing`, `claim_malformed`, `issuer_not_trusted`, `audience_mismatch`,
 *   `token_expired`, `token_not_yet_valid`, `token_issued_in_future`, `lifetime_too_long`
 */
export function validateClaims(
  token: VerifiedToken,
  issuer: IssuerPolicy,
  rules: ClaimRules,
  nowSeconds: number,
): Principal {
  const { claims, key } = token;
  const subject = requiredText(claims, 'sub');
  if (requiredText(claims, 'iss') !== issuer.issuer) throw new TokenRejected('issuer_not_trusted');
  const expiresAt = validateTimes(claims, rules, nowSeconds);
  return Object.freeze({
    id: principalId(issuer.issuer, subject),
    subject,
    issuer: issuer.issuer,
    audience: matchingAudience(claims.aud, issuer.audience),
    scopes: scopes(claims.scope),
    roles: texts(claims, 'roles'),
    clientId: requiredText(claims, 'client_id'),
    sessionId: optionalText(claims, 'sid'),
    tokenId: requiredText(claims, 'jti'),
    actor: actorChain(claims.act),
    transactionId: optionalText(claims, 'txn'),
    expiresAt,
    keyId: key.kid,
    algorithm: key.algorithm,
    claims,
  });
}

function validateTimes(claims: Claims, rules: ClaimRules, now: number): number {
  const { clockToleranceSeconds: tolerance } = rules;
  // No comparison with NaN holds: every token would be valid for ever.
  if (!Number.isFinite(now)) throw new TypeError('now: the clock must return a number');
  const expiresAt = requiredTime(claims, 'exp');
  const issuedAt = requiredTime(claims, 'iat');
  // "on or after" the expiry it must not be accepted (RFC 7519, section 4.1.4).
  if (now >= expiresAt + tolerance) throw new TokenRejected('token_expired');
  if (issuedAt > now + tolerance) throw new TokenRejected('token_issued_in_future');
  if (claims.nbf !== undefined && requiredTime(claims, 'nbf') > now + tolerance) {
    throw new TokenRejected('token_not_yet_valid');
  }
  if (expiresAt <= issuedAt) throw new TokenRejected('claim_malformed', { debug: 'exp' });
  if (expiresAt - issuedAt > rules.maxLifetimeSeconds) throw new TokenRejected('lifetime_too_long');
  return expiresAt;
}

function matchingAudience(aud: unknown, expected: ReadonlySet<string>): string {
  if (aud === undefined) throw new TokenRejected('claim_missing', { debug: 'aud' });
  const listed: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (listed.length > MAX_AUDIENCES || !listed.every((entry) => typeof entry === 'string')) {
    throw new TokenRejected('claim_malformed', { debug: 'aud' });
  }
  const match = listed.find((entry) => expected.has(entry));
  if (match === undefined) throw new TokenRejected('audience_mismatch');
  return match;
}

function scopes(scope: unknown): readonly string[] {
  if (scope === undefined || scope === '') return NONE;
  if (typeof scope !== 'string' || !SCOPE.test(scope)) {
    throw new TokenRejected('claim_malformed', { debug: 'scope' });
  }
  return Object.freeze(scope.split(' '));
}

const NONE: readonly string[] = Object.freeze([]);

/** `act` and what is nested in it, outermost – the current actor – first. */
function actorChain(outermost: unknown): readonly string[] {
  if (outermost === undefined) return NONE;
  const chain: string[] = [];
  for (let act: unknown = outermost; act !== undefined; act = (act as Claims).act) {
    const { sub } = (typeof act === 'object' && act !== null ? act : {}) as Claims;
    if (typeof sub !== 'string' || sub === '' || chain.length === MAX_ACTOR_DEPTH) {
      throw new TokenRejected('claim_malformed', { debug: 'act' });
    }
    chain.push(sub);
  }
  return Object.freeze(chain);
}

function requiredText(claims: Claims, name: string): string {
  const value = claims[name];
  if (value === undefined) throw new TokenRejected('claim_missing', { debug: name });
  if (typeof value !== 'string' || value === '') throw new TokenRejected('claim_malformed', { debug: name });
  return value;
}

function optionalText(claims: Claims, name: string): string | undefined {
  return claims[name] === undefined ? undefined : requiredText(claims, name);
}

function texts(claims: Claims, name: string): readonly string[] {
  const value = claims[name];
  if (value === undefined) return NONE;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) {
    throw new TokenRejected('claim_malformed', { debug: name });
  }
  return Object.freeze([...value]);
}

/** NumericDate (RFC 7519, section 2): seconds, and a date that a calendar can hold. */
function requiredTime(claims: Claims, name: string): number {
  const value = claims[name];
  if (value === undefined) throw new TokenRejected('claim_missing', { debug: name });
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 8.64e12) {
    throw new TokenRejected('claim_malformed', { debug: name });
  }
  return value;
}
