import { type Principal, principalId } from './principal';
import { PROFILES } from './profiles';
import { TokenRejected } from './refusals';
import { type Members, type ValidatedToken, type VerifiedToken } from './token-states';
import { type IssuerPolicy } from './verifier-options';

const MAX_AUDIENCES = 32;
const MAX_ACTOR_DEPTH = 5;
/** One of the words of a scope (RFC 6749, section 3.3). */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
/** What would end a log line, or a text in another language's runtime. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * The claims of an access token as RFC 9068, section 2.2 has them – or as the issuer's profile does – against
 * what is expected here. Expecting a claim requires it: an absent one is refused, never skipped.
 *
 * Nothing in here depends on when it is asked: `checkTimes` does.
 *
 * @throws TokenRejected `claim_missing`, `claim_malformed`, `issuer_not_trusted`, `not_an_access_token`,
 *   `proof_required`, `lifetime_too_long`, `audience_mismatch`
 */
export function validateClaims(token: VerifiedToken): ValidatedToken {
  const { raw, issuer, key, claims } = token;
  if (claims.iss !== issuer.issuer) throw new TokenRejected('issuer_not_trusted', { debug: 'iss' });
  requireAccessToken(claims, issuer);
  const subject = requiredText(claims, 'sub');
  const times = validTimes(claims, issuer.maxLifetimeSeconds);
  const profile = PROFILES[issuer.profile];
  const principal: Principal = Object.freeze({
    id: principalId(issuer.issuer, subject),
    subject,
    issuer: issuer.issuer,
    audience: matchingAudience(claims, issuer),
    scopes: scopes(claims, profile.scope),
    roles: roles(profile.roles(claims)),
    clientId: text(claims, profile.client, profile.clientRequired),
    sessionId: text(claims, profile.session, false),
    tokenId: text(claims, profile.tokenId, profile.tokenIdRequired),
    actor: actorChain(claims.act),
    transactionId: text(claims, ['txn'], false),
    expiresAt: times.expiresAt,
    keyId: key.kid,
    algorithm: key.algorithm,
    claims,
  });
  return { raw, issuer, key, principal, ...times } as ValidatedToken;
}

/** @throws TokenRejected `not_an_access_token`, `proof_required` */
export function requireAccessToken(claims: Members, issuer: IssuerPolicy): void {
  const mark = PROFILES[issuer.profile].otherKind(claims);
  if (mark !== undefined) throw new TokenRejected('not_an_access_token', { debug: mark });
  // Bound to a key (RFC 7800) whose proof nobody here asks for: as a bearer token it would serve a thief as well.
  if (claims.cnf !== undefined) throw new TokenRejected('proof_required', { debug: 'cnf' });
}

/**
 * @param option that a longer life would take
 * @throws TokenRejected `claim_missing`, `claim_malformed`, `lifetime_too_long`
 */
export function validTimes(
  claims: Members,
  maxLifetimeSeconds: number,
  option = 'maxLifetimeSeconds, dangerouslyMaxLifetimeSeconds',
) {
  const expiresAt = time(claims, 'exp');
  const issuedAt = time(claims, 'iat');
  const notBefore = claims.nbf === undefined ? 0 : time(claims, 'nbf');
  if (expiresAt <= issuedAt) throw new TokenRejected('claim_malformed', { debug: 'exp' });
  if (expiresAt - issuedAt > maxLifetimeSeconds) {
    throw new TokenRejected('lifetime_too_long', { debug: option });
  }
  return { expiresAt, issuedAt, notBefore };
}

/** @throws TokenRejected `claim_missing`, `claim_malformed`, `audience_mismatch` */
export function matchingAudience(claims: Members, issuer: IssuerPolicy): string {
  const { audience: names } = PROFILES[issuer.profile];
  const aud = firstOf(claims, names);
  if (aud === undefined) throw new TokenRejected('claim_missing', { debug: names[0] });
  const listed: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (listed.length > MAX_AUDIENCES || !listed.every((entry) => typeof entry === 'string')) {
    throw new TokenRejected('claim_malformed', { debug: 'aud' });
  }
  const match = listed.find((entry) => issuer.audience.has(entry));
  if (match === undefined) throw new TokenRejected('audience_mismatch', { debug: 'audience' });
  return match;
}

/** @throws TokenRejected `claim_malformed` */
export function scopes(claims: Members, names: readonly string[]): readonly string[] {
  const name = names.find((candidate) => claims[candidate] !== undefined);
  const scope = name && claims[name];
  if (name === undefined || scope === '') return NONE;
  // A list only where issuers send one: RFC 9068 knows none.
  const listed: unknown = typeof scope === 'string' ? scope.split(' ') : name === 'scp' ? scope : undefined;
  if (!Array.isArray(listed) || !listed.every((entry) => typeof entry === 'string' && SCOPE_TOKEN.test(entry))) {
    throw new TokenRejected('claim_malformed', { debug: name });
  }
  return Object.freeze([...(listed as string[])]);
}

const NONE: readonly string[] = Object.freeze([]);

/**
 * `act` and what is nested in it, outermost – the current actor – first.
 *
 * @throws TokenRejected `claim_malformed`
 */
export function actorChain(outermost: unknown): readonly string[] {
  if (outermost === undefined) return NONE;
  const chain: string[] = [];
  for (let act: unknown = outermost; act !== undefined; act = (act as Members).act) {
    const { sub } = (typeof act === 'object' && act !== null ? act : {}) as Members;
    if (!isIdentifier(sub) || chain.length === MAX_ACTOR_DEPTH) {
      throw new TokenRejected('claim_malformed', { debug: 'act' });
    }
    chain.push(sub);
  }
  return Object.freeze(chain);
}

/**
 * The text of the first of these claims that is there.
 *
 * @throws TokenRejected `claim_missing` when it is required, `claim_malformed` for anything but an identifier
 */
export function text(claims: Members, names: readonly string[], required: true): string;
export function text(claims: Members, names: readonly string[], required: boolean): string | undefined;
export function text(claims: Members, names: readonly string[], required: boolean): string | undefined {
  const value = firstOf(claims, names);
  if (value === undefined) {
    if (required) throw new TokenRejected('claim_missing', { debug: names.join(' or ') });
    return undefined;
  }
  if (!isIdentifier(value)) throw new TokenRejected('claim_malformed', { debug: names.join(' or ') });
  return value;
}

function requiredText(claims: Members, name: string): string {
  return text(claims, [name], true);
}

function firstOf(claims: Members, names: readonly string[]): unknown {
  for (const name of names) if (claims[name] !== undefined) return claims[name];
  return undefined;
}

/** A text that is the same to everybody who compares it: no control character, no half of a surrogate pair. */
function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !CONTROL.test(value) && value.isWellFormed();
}

/**
 * A list of names, or of objects that hold them as `value`, which is how SCIM has them (RFC 9068, section 2.2.3.1;
 * RFC 7643, section 2.4).
 *
 * @throws TokenRejected `claim_malformed`
 */
export function roles(value: unknown): readonly string[] {
  if (value === undefined) return NONE;
  const names = Array.isArray(value) ? value.map((entry: unknown) => (isObject(entry) ? entry.value : entry)) : [value];
  if (!Array.isArray(value) || !names.every((name) => typeof name === 'string')) {
    throw new TokenRejected('claim_malformed', { debug: 'roles' });
  }
  return Object.freeze(names);
}

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null;

/**
 * A NumericDate (RFC 7519, section 2): seconds, and a date that a calendar can hold.
 *
 * @throws TokenRejected `claim_missing`, `claim_malformed`
 */
export function time(claims: Members, name: string): number {
  const value = claims[name];
  if (value === undefined) throw new TokenRejected('claim_missing', { debug: name });
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 8.64e12) {
    throw new TokenRejected('claim_malformed', { debug: name });
  }
  return value;
}
