import { type RevocationSource } from './check-revocation';
import { checkTimes } from './check-times';
import { REFUSED_PARAMETERS } from './decode-token';
import { describeForm, printable, WELL_FORMED, words } from './describe-token';
import { revocationAge } from './follow-revocation';
import { PROFILES } from './profiles';
import { type Code, TokenRejected } from './refusals';
import { KEY_PARAMETERS } from './select-issuer';
import { STALENESS_BOUND_SECONDS } from './staleness';
import { type AttributedToken, type Members, type RawToken, type UnverifiedToken } from './token-states';
import {
  actorChain,
  matchingAudience,
  requireAccessToken,
  roles,
  scopes,
  text,
  time,
  validTimes,
} from './validate-claims';
import { type IssuerPolicy, type VerifierPolicy } from './verifier-options';

/** A check before it is made: the codes of a failed stage that mean this one, or the check by itself. */
export interface Check {
  readonly check: string;
  readonly expected: string;
  readonly actual: string;
  readonly fails: readonly Code[] | (() => unknown);
}

const list = (values: Iterable<string | undefined>): string =>
  [...values].map((value) => value ?? '(none)').join(', ') || '(none)';

export function decodeChecks(raw: RawToken, policy: VerifierPolicy): Check[] {
  const { actual, header, claims } = describeForm(raw);
  return [
    {
      check: 'size',
      expected: `at most ${policy.maxTokenBytes} bytes`,
      actual: `${raw.length} bytes`,
      fails: ['token_too_large'],
    },
    {
      check: 'form',
      expected: `header, payload and signature ${WELL_FORMED}`,
      actual,
      fails: () => {
        if (actual !== WELL_FORMED) throw new TokenRejected('token_malformed');
      },
    },
    {
      check: 'alg',
      expected: `one of ${list(policy.algorithms)}`,
      actual: printable(header?.alg),
      fails: ['alg_not_allowed'],
    },
    {
      check: 'parameters',
      expected: `none of ${list(REFUSED_PARAMETERS)}`,
      actual: list(REFUSED_PARAMETERS.filter((name) => header && Object.hasOwn(header, name))),
      fails: ['header_not_allowed'],
    },
    { check: 'kid', expected: 'a text of 1 to 256 characters', actual: printable(header?.kid), fails: ['kid_missing'] },
    { check: 'iss', expected: 'a text', actual: printable(claims?.iss), fails: ['claim_missing', 'claim_malformed'] },
  ];
}

export function issuerChecks(token: UnverifiedToken | undefined, policy: VerifierPolicy): Check[] {
  if (!token) return [];
  const issuer = policy.issuers.get(token.unverifiedIssuer);
  const { header } = token;
  return [
    {
      check: 'iss',
      expected: `one of ${list(policy.issuers.keys())}`,
      actual: printable(token.unverifiedIssuer),
      fails: ['issuer_not_trusted'],
    },
    ...(issuer ? headerChecks(header, issuer) : []),
  ];
}

function headerChecks(header: Members, issuer: IssuerPolicy): Check[] {
  const refused = KEY_PARAMETERS.filter((name) => !issuer.ignoredHeaderParameters.has(name));
  return [
    {
      check: 'alg',
      expected: `one of ${list(issuer.algorithms)}`,
      actual: printable(header.alg),
      fails: ['alg_not_allowed'],
    },
    {
      check: 'parameters',
      expected: `none of ${list(refused)}`,
      actual: list(refused.filter((name) => Object.hasOwn(header, name))),
      fails: ['header_not_allowed'],
    },
    {
      check: 'typ',
      expected: `${list(PROFILES[issuer.profile].types)} (profile ${issuer.profile})`,
      actual: printable(header.typ),
      fails: ['typ_not_allowed'],
    },
    { check: 'kid', expected: 'the id of a key', actual: printable(header.kid), fails: ['kid_missing'] },
  ];
}

export function keyChecks(token: AttributedToken | undefined, { revocation }: VerifierPolicy): Check[] {
  if (!token) return [];
  const { source, usable, lastFailure } = token.issuer.keys.report();
  const named = usable.find(({ kid }) => kid === token.kid) ?? (token.issuer.keys.single ? usable[0] : undefined);
  return [
    ...(revocation?.isKeyRevoked && !token.issuer.keys.single ? [KEY_REVOCATION_CHECK] : []),
    {
      check: 'keys',
      expected: `keys from ${source}`,
      actual: lastFailure ?? `${usable.length} that can be used`,
      fails: ['keys_unavailable', 'key_not_yet_known'],
    },
    {
      check: 'kid',
      expected: `one of ${list(usable.map(({ kid }) => kid))}`,
      actual: printable(token.header.kid),
      fails: ['key_unknown'],
    },
    {
      check: 'alg',
      expected: named ? `${named.algorithm}, which the key is for` : 'what the key is for',
      actual: printable(token.algorithm),
      fails: ['key_alg_mismatch'],
    },
  ];
}

const KEY_REVOCATION_CHECK: Check = {
  check: 'key_revocation',
  expected: 'a key that is not revoked',
  actual: 'as the revocation source says',
  fails: ['key_revoked', 'revocation_unavailable'],
};

export function signatureChecks(token: AttributedToken | undefined): Check[] {
  if (!token) return [];
  const { signature, algorithm, kid } = token;
  return [
    {
      check: 'signature',
      expected: `an ${algorithm} signature of header and payload by the key ${printable(kid)}`,
      actual: `${signature.length} bytes`,
      fails: ['signature_invalid'],
    },
  ];
}

export function claimsChecks(claims: Members, issuer: IssuerPolicy, policy: VerifierPolicy, now: number): Check[] {
  const profile = PROFILES[issuer.profile];
  const tolerance = policy.clockToleranceSeconds;
  const times = { expiresAt: Infinity, issuedAt: 0, notBefore: 0 };
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  const claim = (names: readonly string[]) => printable(claims[names.find((name) => claims[name] !== undefined) ?? '']);
  const identifier = (check: string, names: readonly string[], required: boolean): Check => ({
    check,
    expected: `${required ? 'a text' : 'a text, if present'}${names[0] === check ? '' : ` in ${names.join(' or ')}`}`,
    actual: claim(names),
    fails: () => text(claims, names, required),
  });
  return [
    {
      check: 'kind',
      expected: `an access token (profile ${issuer.profile}) that is not bound to a key`,
      actual: printable({
        ...Object.fromEntries(
          ['events', 'typ', 'token_use', 'nonce', 'at_hash', 'c_hash', 's_hash', 'cnf']
            .filter((name) => claims[name] !== undefined)
            .map((name) => [name, claims[name]]),
        ),
      }),
      fails: () => requireAccessToken(claims, issuer),
    },
    identifier('sub', ['sub'], true),
    {
      check: 'exp',
      expected: `later than ${at(now - tolerance)} (now, less ${tolerance} s)`,
      actual: instant(claims.exp),
      fails: () => checkTimes({ ...times, expiresAt: time(claims, 'exp') }, policy, now),
    },
    {
      check: 'iat',
      expected: `not later than ${at(now + tolerance)} (now, plus ${tolerance} s)`,
      actual: instant(claims.iat),
      fails: () => checkTimes({ ...times, issuedAt: time(claims, 'iat') }, policy, now),
    },
    {
      check: 'nbf',
      expected: `if present, not later than ${at(now + tolerance)}`,
      actual: instant(claims.nbf),
      fails: () => claims.nbf === undefined || checkTimes({ ...times, notBefore: time(claims, 'nbf') }, policy, now),
    },
    ...lifetimeChecks(claims, issuer),
    {
      check: 'aud',
      expected: `one of ${list(issuer.audience)}`,
      actual: claim(profile.audience),
      fails: () => matchingAudience(claims, issuer),
    },
    {
      check: 'scope',
      expected: `a text of words, if present, in ${profile.scope.join(' or ')}`,
      actual: claim(profile.scope),
      fails: () => scopes(claims, profile.scope),
    },
    {
      check: 'roles',
      expected: 'a list of names, if present',
      actual: printable(profile.roles(claims)),
      fails: () => roles(profile.roles(claims)),
    },
    identifier('client_id', profile.client, profile.clientRequired),
    identifier('jti', profile.tokenId, profile.tokenIdRequired),
    identifier('sid', profile.session, false),
    identifier('txn', ['txn'], false),
    {
      check: 'act',
      expected: 'if present, at most five actors, each with a sub',
      actual: printable(claims.act),
      fails: () => actorChain(claims.act),
    },
  ];
}

/** Of times that are none by themselves, nothing can be said together. */
function lifetimeChecks(claims: Members, { maxLifetimeSeconds }: IssuerPolicy): Check[] {
  const { exp, iat, nbf } = claims;
  if (typeof exp !== 'number' || typeof iat !== 'number') return [];
  return [
    {
      check: 'lifetime',
      expected: `exp later than iat and nbf, by at most ${maxLifetimeSeconds} s`,
      actual: `${exp - iat} s after iat${typeof nbf === 'number' ? `, ${exp - nbf} s after nbf` : ''}`,
      fails: () => {
        const { expiresAt, notBefore } = validTimes(claims, maxLifetimeSeconds);
        if (notBefore >= expiresAt) throw new TokenRejected('claim_malformed', { debug: 'nbf' });
      },
    },
  ];
}

export function revocationChecks(policy: VerifierPolicy): Check[] {
  return [
    {
      check: 'revocation',
      expected: policy.revocation ? 'not revoked' : 'nothing: there is no revocation source',
      actual: policy.revocation ? 'as the revocation source says' : 'not asked',
      fails: ['key_revoked', 'token_revoked', 'revocation_unavailable'],
    },
    // Refuses no token: what is too old depends on the handler that is called with it.
    ...(policy.revocation
      ? [{ check: 'revocation_age', expected: EXPECTED_AGE, actual: ageText(policy.revocation), fails: [] }]
      : []),
  ];
}

const EXPECTED_AGE = `at most ${STALENESS_BOUND_SECONDS} s; past that, as the handler has it (WhenStale)`;

function ageText(source: RevocationSource): string {
  const age = revocationAge(source);
  return age === Infinity ? 'unknown: the source was never complete, or gives no age' : words(age);
}

function instant(value: unknown): string {
  const date = typeof value === 'number' ? new Date(value * 1000) : undefined;
  return date && Number.isFinite(date.getTime()) ? `${printable(value)} (${date.toISOString()})` : printable(value);
}
