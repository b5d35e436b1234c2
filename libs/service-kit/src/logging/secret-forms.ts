import { backslashesBefore } from './json-text';
import { CENSORED, wordOf } from './secret-names';

const TOKEN = '[token]';

/**
 * What looks like a secret, and what it becomes. Each pattern takes time in proportion to the text: what may fail after a
 * part of any length is bounded, and what is not bounded can't fail. `x{8}x*` and not `x{8,}`: that takes memory each time.
 */
const FORMS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // A refresh token; a cut-off one too.
  [new RegExp(String.raw`${wordOf('rt_')}[\w-]{12}[\w-]*`, 'g'), TOKEN],
  [new RegExp(String.raw`${wordOf('Basic|Bearer')}( |%20|\+)[\w.~+/%-]{16}[\w.~+/%=-]*`, 'gi'), `$1$2${CENSORED}`],
  [/\$argon2[a-z]{1,2}\$[^\s"\\]+/g, CENSORED],
  [/(__(?:Host|Secure)-[\w-]{1,64}(?:=|%3d))[^;\s"'\\]+/gi, `$1${CENSORED}`],
  // Whoever is named in an URL, and by which password.
  [/(:\/\/)[^\s/"'@\\]+@/g, `$1${CENSORED}@`],
  // A private member of a JWK: long, and of base64url.
  [/("(?:d|dp|dq|k|p|q|qi)\\*":\s?\\*")[\w-]{22}[\w-]*/g, `$1${CENSORED}`],
];

/** Whatever begins like a JWT: what is joined to it belongs to it. */
const JWT = /eyJ[\w-]{8}[\w.%-]*/g;
const DOT = /\.|%2e/i;
/** A digest, or an id, in base64url is that long, and may begin the same way by chance. */
const LONGEST_DIGEST = 43;

const PRIVATE_KEY = /-----BEGIN[A-Z\d %+]{1,40}PRIVATE[ %+\d]{1,3}KEY-----/g;
const END_OF_KEY = /-----END|"/g;

/** Cuts out what looks like a secret. */
export function withoutForms(text: string): string {
  // Two parts are enough, so that a cut-off one is found too; so is the first one with all that a token says.
  let clean = text.replace(JWT, (found) => (DOT.test(found) || found.length > LONGEST_DIGEST ? TOKEN : found));
  for (const [pattern, replacement] of FORMS) clean = clean.replace(pattern, replacement);
  return withoutKeys(clean);
}

/** Keys in PEM, to their end or to that of the text that they are quoted in. */
function withoutKeys(text: string): string {
  let clean = '';
  let told = 0;
  PRIVATE_KEY.lastIndex = 0;
  for (let begun = PRIVATE_KEY.exec(text); begun; begun = PRIVATE_KEY.exec(text)) {
    END_OF_KEY.lastIndex = PRIVATE_KEY.lastIndex;
    const at = END_OF_KEY.exec(text)?.index ?? text.length;
    clean += text.slice(told, begun.index) + CENSORED;
    told = at - backslashesBefore(text, at);
    PRIVATE_KEY.lastIndex = told;
  }
  return told === 0 ? text : clean + text.slice(told);
}
