import { checkTimes } from './check-times';
import { PROFILES, type ProfileName } from './profiles';
import { isRefusal, type Refusal } from './refusals';
import { type KeyReport } from './resolve-key';
import { KEY_PARAMETERS, selectIssuer } from './select-issuer';
import { parseStrictObject } from './strict-json';
import {
  type AttributedToken,
  type Members,
  type RawToken,
  type UnverifiedToken,
  type VerifiedToken,
} from './token-states';
import { validateClaims } from './validate-claims';
import { type IssuerPolicy, type VerifierPolicy } from './verifier-options';

const MAX_SHOWN = 300;
/** What a terminal would act on, or hide: JSON escapes only some of it. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex
  /[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** A text that is safe to print, on one line. */
export function escaped(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** A value of a token as JSON that is safe to print. */
export function printable(value: unknown): string {
  if (value === undefined) return '(none)';
  const json = escaped(JSON.stringify(value));
  return json.length > MAX_SHOWN ? `${json.slice(0, MAX_SHOWN)}…` : json;
}

/** The token without what makes it one. */
export function redacted(raw: RawToken): string {
  const parts = raw.split('.');
  if (parts.length !== 3) return `(${raw.length} characters that are not three parts)`;
  const [header = '', payload = '', signature = ''] = parts;
  const shown = escaped(`${header}.${payload}`);
  const cut = shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}…` : shown;
  return `${cut}.(signature of ${signature.length} characters)`;
}

/** What `describeForm` says of a token that has the right form. */
export const WELL_FORMED = 'in canonical base64url, the first two strict JSON objects';

/** How a token is formed, in words; its header and payload as far as they can be read. */
export function describeForm(raw: RawToken): { actual: string; header?: Members; claims?: Members } {
  const parts = raw.split('.');
  if (parts.length !== 3) return { actual: parts.length === 1 ? 'no parts' : `${parts.length} parts` };
  const names = ['header', 'payload', 'signature'];
  const foreign = names.find((_name, i) => !/^[A-Za-z0-9_-]*$/.test(parts[i] ?? ''));
  if (foreign !== undefined) return { actual: `a character in the ${foreign} that is not of base64url` };
  const empty = names.find((_name, i) => parts[i] === '');
  const bytes = parts.map((part) => Buffer.from(part, 'base64url'));
  const odd = names.find((_name, i) => bytes[i]?.toString('base64url') !== parts[i]);
  const [header, claims] = bytes.map((part) => parseStrictObject(part));
  const readable = { ...(header && { header }), ...(claims && { claims }) };
  if (empty !== undefined) return { actual: `no ${empty}`, ...readable };
  if (odd !== undefined) return { actual: `${odd} in base64url that is not canonical`, ...readable };
  if (!header || !claims) {
    const part = header ? 'payload' : 'header';
    return { actual: `${part} that is not one JSON object with each name once, at most 16 deep`, ...readable };
  }
  return { actual: WELL_FORMED, ...readable };
}

export interface Ages {
  /** The verifier's clock, in RFC 3339. */
  readonly now: string;
  readonly ageSeconds?: number;
  readonly age?: string;
  /** Negative once it has expired. */
  readonly remainingSeconds?: number;
  readonly remaining?: string;
}

/** How old the token says it is, and how long it says it will last. */
export function ages({ iat, exp }: Members, now: number): Ages {
  return {
    now: new Date(now * 1000).toISOString(),
    ...(isTime(iat) && { ageSeconds: now - iat, age: iat > now ? `issued in ${words(iat - now)}` : words(now - iat) }),
    ...(isTime(exp) && {
      remainingSeconds: exp - now,
      remaining: exp > now ? words(exp - now) : `expired ${words(now - exp)} ago`,
    }),
  };
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

const LONG_SECONDS = 1_000 * 365.25 * 86_400;
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** Seconds as the two largest units that are there: `4 minutes 30 seconds`. */
export function words(seconds: number): string {
  if (seconds > LONG_SECONDS) return 'more than a thousand years';
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
  }
  return parts.slice(0, 2).join(' ') || 'less than a second';
}

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
    const { raw, unverifiedClaims: claims } = selectIssuer(unverified, new Map([[issuer.issuer, issuer]]));
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
