import { checkRevocation } from './check-revocation';
import { checkTimes } from './check-times';
import { decodeToken } from './decode-token';
import { type Ages, ages, describeForm, escaped, hintsFor, printable, redacted, WELL_FORMED } from './describe-token';
import { type Principal } from './principal';
import { PROFILES } from './profiles';
import { isRefusal, type OutageCode, type RejectionCode, TokenRejected } from './refusals';
import { type KeyReport, resolveKey } from './resolve-key';
import { KEY_PARAMETERS, selectIssuer } from './select-issuer';
import { type AttributedToken, type Members, type RawToken, type UnverifiedToken } from './token-states';
import {
  actorChain,
  matchingAudience,
  requireAccessToken,
  roles,
  scopes,
  text,
  time,
  validateClaims,
  validTimes,
} from './validate-claims';
import { type IssuerPolicy, type VerifierPolicy } from './verifier-options';
import { verifySignature } from './verify-signature';

export type StageName =
  'decode' | 'select_issuer' | 'resolve_key' | 'verify_signature' | 'validate_claims' | 'check_revocation';

type Code = RejectionCode | OutageCode;

export type CheckOutcome = 'passed' | 'failed' | 'skipped';

/** One thing that a stage looks at. */
export interface CheckTrace {
  readonly check: string;
  readonly outcome: CheckOutcome;
  /** Why it failed. */
  readonly code?: Code;
  readonly expected: string;
  /** What the token has, as JSON where it is a claim or a header parameter. */
  readonly actual: string;
}

export interface StageTrace {
  readonly stage: StageName;
  /** `skipped`: a stage before it failed. Its checks may have been made all the same, on claims that nobody verified. */
  readonly outcome: CheckOutcome;
  readonly code?: Code;
  /** Of the check that failed. */
  readonly expected?: string | undefined;
  readonly actual?: string | undefined;
  readonly checks: readonly CheckTrace[];
}

/** Why a token is accepted, refused, or neither, for whoever holds it. */
export interface DecisionTrace {
  readonly outcome: 'accepted' | 'rejected' | 'undecided';
  readonly code?: Code;
  /** What the code says. */
  readonly reason?: string;
  /** HTTP status of the answer that the code leads to. */
  readonly status?: number;
  readonly stages: readonly StageTrace[];
  /** What could be the cause, and what would help; not proven. */
  readonly hints: readonly string[];
  readonly token: {
    /** Without its signature. */
    readonly redacted: string;
    readonly bytes: number;
    /** Whether header and claims were verified; otherwise anybody may have written them. */
    readonly verified: boolean;
    readonly header?: Members;
    readonly claims?: Members;
  };
  /** Age and time left, in seconds and in words. */
  readonly times?: Ages;
  /** The issuer's keys, where they came from, and the one that the token names. */
  readonly key?: KeyReport & { readonly kid: string };
  readonly principal?: Principal;
}

/** Runs every stage as `verifyToken` does, and writes down what it looked at. */
export async function explainToken(raw: RawToken, policy: VerifierPolicy): Promise<DecisionTrace> {
  const now = policy.now();
  const trace = new Trace();
  const unverified = await trace.stage('decode', decodeChecks(raw, policy), () => decodeToken(raw, policy));
  const attributed = await trace.stage('select_issuer', issuerChecks(unverified, policy), () =>
    selectIssuer(unverified as UnverifiedToken, policy.issuers),
  );
  const key = await trace.stage(
    'resolve_key',
    () => keyChecks(attributed),
    () => resolveKey(attributed as AttributedToken),
  );
  const verified = await trace.stage(
    'verify_signature',
    () => signatureChecks(attributed),
    () => verifySignature(attributed as AttributedToken, key as NonNullable<typeof key>),
  );
  const issuer = unverified && policy.issuers.get(unverified.unverifiedIssuer);
  const claimChecks = issuer ? claimsChecks(unverified.unverifiedClaims, issuer, policy, now) : [];
  const validated = await trace.stage('validate_claims', claimChecks, () => {
    const token = validateClaims(verified as NonNullable<typeof verified>);
    checkTimes(token, policy, now);
    return token;
  });
  await trace.stage('check_revocation', revocationChecks(policy), () =>
    checkRevocation((validated as NonNullable<typeof validated>).principal, policy.revocation),
  );

  const report = issuer?.keys.report();
  const { refusal } = trace;
  return {
    outcome: refusal === undefined ? 'accepted' : refusal instanceof TokenRejected ? 'rejected' : 'undecided',
    ...(refusal && { code: refusal.code, reason: refusal.message, status: refusal.status }),
    stages: trace.stages,
    hints: hintsFor({ raw, refusal, policy, now, unverified, attributed, report }),
    token: {
      redacted: redacted(raw),
      bytes: raw.length,
      verified: verified !== undefined,
      ...(unverified && { header: unverified.header, claims: unverified.unverifiedClaims }),
    },
    ...(unverified && { times: ages(unverified.unverifiedClaims, now) }),
    ...(attributed && report && { key: { kid: attributed.kid, ...report } }),
    ...(refusal === undefined && validated && { principal: validated.principal }),
  };
}

/** A check before it is made: the codes of a failed stage that mean this one, or the check by itself. */
interface Check {
  readonly check: string;
  readonly expected: string;
  readonly actual: string;
  readonly fails: readonly Code[] | (() => unknown);
}

class Trace {
  readonly stages: StageTrace[] = [];
  refusal: (Error & { readonly code: Code; readonly status: number }) | undefined;

  /** The stage's result; `undefined` when it, or one before it, failed. */
  async stage<Result>(
    stage: StageName,
    checks: readonly Check[] | (() => readonly Check[]),
    run: () => Result | Promise<Result>,
  ): Promise<Result | undefined> {
    if (this.refusal) {
      this.#write(stage, 'skipped', checks);
      return undefined;
    }
    try {
      const result = await run();
      this.#write(stage, 'passed', checks);
      return result;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.refusal = error;
      this.#write(stage, 'failed', checks);
      return undefined;
    }
  }

  #write(stage: StageName, outcome: CheckOutcome, listed: readonly Check[] | (() => readonly Check[])): void {
    const checks = made(typeof listed === 'function' ? listed() : listed, outcome, this.refusal?.code);
    if (outcome !== 'failed') return void this.stages.push({ stage, outcome, checks });
    const code = this.refusal?.code;
    const { expected, actual } = checks.find((check) => check.code === code) ?? {};
    this.stages.push({ stage, outcome, ...(code && { code }), ...(expected && { expected, actual }), checks });
  }
}

function made(checks: readonly Check[], stage: CheckOutcome, code: Code | undefined): CheckTrace[] {
  const at = stage === 'failed' ? checks.findIndex(({ fails }) => isAmong(code, fails)) : checks.length;
  return checks.map(({ check, fails, ...texts }, i) => {
    const [expected, actual] = [escaped(texts.expected), escaped(texts.actual)];
    if (typeof fails === 'function') return { check, ...outcomeOf(fails), expected, actual };
    // Made one after the other: those before the one that failed have passed, those after it weren't made.
    if (i === at) return { check, outcome: 'failed', ...(code && { code }), expected, actual };
    return { check, outcome: i < at && stage !== 'skipped' ? 'passed' : 'skipped', expected, actual };
  });
}

function isAmong(code: Code | undefined, fails: Check['fails']): boolean {
  return typeof fails !== 'function' && code !== undefined && fails.includes(code);
}

function outcomeOf(check: () => unknown): { outcome: CheckOutcome; code?: Code } {
  try {
    check();
    return { outcome: 'passed' };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { outcome: 'failed', code: error.code };
  }
}

const list = (values: Iterable<string | undefined>): string =>
  [...values].map((value) => value ?? '(none)').join(', ') || '(none)';

function decodeChecks(raw: RawToken, policy: VerifierPolicy): Check[] {
  const { actual, header, claims } = describeForm(raw);
  const parameters = ['crit', 'b64', 'zip', 'enc'];
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
      expected: `none of ${list(parameters)}`,
      actual: list(parameters.filter((name) => header && Object.hasOwn(header, name))),
      fails: ['header_not_allowed'],
    },
    { check: 'kid', expected: 'a text of 1 to 256 characters', actual: printable(header?.kid), fails: ['kid_missing'] },
    { check: 'iss', expected: 'a text', actual: printable(claims?.iss), fails: ['claim_missing', 'claim_malformed'] },
  ];
}

function issuerChecks(token: UnverifiedToken | undefined, policy: VerifierPolicy): Check[] {
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

function keyChecks(token: AttributedToken | undefined): Check[] {
  if (!token) return [];
  const { source, usable, lastFailure } = token.issuer.keys.report();
  const named = usable.find(({ kid }) => kid === token.kid) ?? (token.issuer.keys.single ? usable[0] : undefined);
  return [
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

function signatureChecks(token: AttributedToken | undefined): Check[] {
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

function claimsChecks(claims: Members, issuer: IssuerPolicy, policy: VerifierPolicy, now: number): Check[] {
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

function revocationChecks(policy: VerifierPolicy): Check[] {
  return [
    {
      check: 'revocation',
      expected: policy.revocation ? 'not revoked' : 'nothing: there is no revocation source',
      actual: policy.revocation ? 'as the revocation source says' : 'not asked',
      fails: ['token_revoked', 'revocation_unavailable'],
    },
  ];
}

function instant(value: unknown): string {
  const date = typeof value === 'number' ? new Date(value * 1000) : undefined;
  return date && Number.isFinite(date.getTime()) ? `${printable(value)} (${date.toISOString()})` : printable(value);
}
