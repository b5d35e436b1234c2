import { checkTimes } from './check-times';
import { describeForm, escaped, isTime, words } from './describe-token';
import { PROFILES, type ProfileName } from './profiles';
import { isRefusal, type Refusal } from './refusals';
import { type KeyReport } from './resolve-key';
import { KEY_PARAMETERS, selectIssuer } from './select-issuer';
import { ACCESS_TOKEN } from './token-kinds';
import {
  type AttributedToken,
  type Members,
  type RawToken,
  type UnverifiedToken,
  type VerifiedToken,
} from './token-states';
import { validateClaims } from './validate-claims';
import { TRANSACTION_TYPE } from './validate-transaction';
import { type IssuerPolicy, type VerifierPolicy } from './verifier-options';

interface Situation {
  readonly raw: RawToken;
  readonly refusal: (Error & Pick<Refusal, 'code'>) | undefined;
  readonly policy: VerifierPolicy;
  readonly now: number;
  readonly unverified: UnverifiedToken | undefined;
  readonly attributed: AttributedToken | undefined;
  readonly report: KeyReport | undefined;
}

/** What may be behind a refusal, and which option would have let the token pass. */
export function hintsFor(situation: Situation): string[] {
  const { raw, refusal, unverified } = situation;
  if (!refusal) return [];
  const hints = unverified
    ? [...headerHints(situation), ...timeHints(situation), ...keyHints(situation), ...optionHints(situation)]
    : formHints(raw, refusal.code);
  return hints.map(escaped);
}

function formHints(raw: RawToken, code: string): string[] {
  const hints: string[] = [];
  if (/^\s*bearer\s/i.test(raw)) hints.push('It begins with "Bearer": pass only what stands behind that word.');
  if (/^["']|["']$/.test(raw)) hints.push('It stands in quotes.');
  if (/\s/.test(raw)) hints.push('There is white space in it: was it broken into lines when it was copied?');
  if (raw.includes('%')) hints.push('It is percent-encoded.');
  const parts = raw.split('.').length;
  if (parts === 5) hints.push('Five parts are an encrypted token (JWE, RFC 7516): the issuer has to send signed ones.');
  if (parts === 1) {
    hints.push('An opaque token has no parts. Some issuers send one unless the client asks for an audience.');
  }
  const { header } = describeForm(raw);
  if (code === 'alg_not_allowed' && typeof header?.alg === 'string') {
    if (/^none$/i.test(header.alg)) hints.push('It is not signed: no option accepts that.');
    else if (/^HS\d{3}$/.test(header.alg)) {
      hints.push('It is signed with a shared secret: that takes an issuer with sharedSecret, and no other keys.');
    } else hints.push('If the issuer is to sign with this algorithm, put it on its list: algorithms.');
  }
  return hints;
}

function headerHints({ refusal, unverified, policy }: Situation): string[] {
  const claimed = unverified?.unverifiedIssuer ?? '';
  if (refusal?.code === 'issuer_not_trusted') {
    const plain = (issuer: string) =>
      issuer
        .toLowerCase()
        .replace(/^https?:/, '')
        .replace(/\/+$/, '');
    const near = [...policy.issuers.keys()].find((issuer) => plain(issuer) === plain(claimed));
    return near === undefined ? [] : [`It differs from ${near} in its scheme, its case or the slash at its end only.`];
  }
  if (refusal?.code === 'typ_not_allowed' && unverified?.header.typ === TRANSACTION_TYPE) {
    return [
      'It is a transaction token: it belongs into Txn-Token, and an access token of the calling service beside it.',
    ];
  }
  if (refusal?.code === 'alg_not_allowed') return ['The option algorithms of this issuer does not list it.'];
  return [];
}

function timeHints({ refusal, unverified, policy, now, report }: Situation): string[] {
  const hints: string[] = [];
  const { exp, iat, nbf } = unverified?.unverifiedClaims ?? {};
  for (const name of inMilliseconds({ exp, iat, nbf })) {
    hints.push(`${name} looks like milliseconds: RFC 7519 wants seconds.`);
  }
  const skew = report?.clockSkewSeconds;
  if (skew !== undefined && Math.abs(skew) > policy.clockToleranceSeconds) {
    hints.push(
      `By its answers, the issuer's clock is ${words(Math.abs(skew))} ${skew > 0 ? 'behind' : 'ahead of'} this one.`,
    );
  }
  const early = Math.max(isTime(iat) ? iat - now : 0, isTime(nbf) ? nbf - now : 0);
  if ((refusal?.code === 'token_issued_in_future' || refusal?.code === 'token_not_yet_valid') && early < 86_400) {
    hints.push(
      `Is this machine's clock ${words(early)} behind the issuer's? clockToleranceSeconds allows for up to 60 s.`,
    );
  }
  if (refusal?.code === 'token_expired' && isTime(exp) && now - exp < 60) {
    hints.push('It has only just expired: was it sent late, or is this clock ahead? See clockToleranceSeconds.');
  }
  return hints;
}

/** 1e11 seconds are the year 5138; 1e11 milliseconds are 1973, and 1e14 are the year 5138 again. */
function inMilliseconds(times: Members): string[] {
  const named = Object.entries(times).filter(([, value]) => isTime(value) && value > 1e11 && value < 1e14);
  return named.map(([name]) => name);
}

function keyHints({ refusal, attributed, report }: Situation): string[] {
  if (!attributed || !report) return [];
  const hints: string[] = [];
  const unusable = report.unusable.find(({ kid }) => kid === attributed.kid);
  if (refusal?.code === 'key_unknown' && unusable) hints.push(`The key is in the set, but ${unusable.reason}.`);
  else if (refusal?.code === 'key_unknown') {
    hints.push('Is the token from another environment, or was its key withdrawn?');
  }
  if (refusal?.code === 'key_revoked') {
    hints.push('The issuer has withdrawn the key with all that it has signed: a new token will be signed by another.');
  }
  if (refusal?.code === 'keys_unavailable' && report.lastFailure !== undefined) {
    hints.push(`Asking ${report.source} for keys failed: ${report.lastFailure}.`);
  }
  if (refusal?.code === 'signature_invalid') {
    hints.push('Either the token was changed after it was signed, or another key has the same id.');
  }
  return hints;
}

/** What an option can be about. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'typ_not_allowed',
  'header_not_allowed',
  'claim_missing',
  'claim_malformed',
  'lifetime_too_long',
  'audience_mismatch',
]);

/** Options that would change the verdict, found by trying them. */
function optionHints({ refusal, unverified, policy, now }: Situation): string[] {
  const issuer = unverified && policy.issuers.get(unverified.unverifiedIssuer);
  if (!refusal || !issuer || !OPTIONAL.has(refusal.code)) return [];
  const { exp = 0, iat = 0 } = unverified.unverifiedClaims as { exp?: number; iat?: number };
  // No option mends those.
  if (inMilliseconds({ exp, iat }).length > 0) return [];
  const hints: string[] = [];
  const passes = (changed: Partial<IssuerPolicy>) => wouldPass(unverified, { ...issuer, ...changed }, policy, now);
  const among = (changed: Partial<IssuerPolicy>) =>
    (Object.keys(PROFILES) as ProfileName[])
      .filter((profile) => passes({ profile, maxLifetimeSeconds: PROFILES[profile].maxLifetimeSeconds, ...changed }))
      .join(', ');
  const anyLifetime = { maxLifetimeSeconds: Infinity };
  const pass = 'would have let its claims pass';
  if (passes(anyLifetime)) {
    const option =
      exp - iat > PROFILES[issuer.profile].maxLifetimeSeconds ? 'dangerouslyMaxLifetimeSeconds' : 'maxLifetimeSeconds';
    hints.push(`${option}: ${exp - iat} ${pass}.`);
  }
  if (among({})) hints.push(`The option profile ${pass} as: ${among({})}.`);
  else if (among(anyLifetime)) hints.push(`profile (${among(anyLifetime)}), with a longer lifetime, ${pass}.`);
  if (passes({ ignoredHeaderParameters: new Set(KEY_PARAMETERS) })) {
    hints.push(`ignoredHeaderParameters ${pass}; what it ignores is never used.`);
  }
  if (refusal.code === 'audience_mismatch') {
    hints.push('If it is meant for this service, the option audience lacks the name that the issuer knows it by.');
  }
  return hints;
}

function wouldPass(unverified: UnverifiedToken, issuer: IssuerPolicy, policy: VerifierPolicy, now: number): boolean {
  try {
    const { raw, unverifiedClaims: claims } = selectIssuer(
      unverified,
      new Map([[issuer.issuer, issuer]]),
      ACCESS_TOKEN,
    );
    // For a hint only: nothing that comes of it leaves this function.
    const token = {
      raw,
      issuer,
      claims,
      key: { kid: '', algorithm: unverified.algorithm },
    } as unknown as VerifiedToken;
    checkTimes(validateClaims(token), policy, now);
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return false;
  }
}
