import { backslashesBefore, endOfValue, levelOf, quoteOf } from './json-text';

/** Names of members, parameters and headers that hold a secret, wherever they are. */
export const SECRET_NAMES = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'txn-token',
  'x-api-key',
  'password',
  'newPassword',
  'new_password',
  'token',
  'access_token',
  'accessToken',
  'refresh_token',
  'refreshToken',
  'subject_token',
  'actor_token',
  'id_token',
  'secret',
  'client_secret',
  'clientSecret',
  'assertion',
  'client_assertion',
  'code_verifier',
] as const;

export const CENSORED = '[redacted]';

/**
 * The pattern of a word, captured, that is no end of another one: before it stands nothing of a word, or an escaped
 * character, as JSON and as URLs have them. That is looked at last, for it takes longest.
 */
export function wordOf(pattern: string): string {
  return String.raw`(${pattern})(?<=(?:(?<!\w)|\\[bfnrt]|\\u[\da-fA-F]{4}|%[\da-fA-F]{2})\1)`;
}

const NAMES = SECRET_NAMES.join('|');
/** Blanks in JSON, quoted ones too. Bounded: a group that is repeated takes memory each time. */
const BLANKS = String.raw`(?:\s|\\+[nrt]){0,64}`;

/** Whether it may be worth looking for names: most lines have none. */
const MAY_NAME = /auth|cookie|password|token|secret|assertion|verifier|api-key/i;

const MEMBER = new RegExp(String.raw`"(${NAMES})(\\*)"${BLANKS}:${BLANKS}`, 'gi');
const PARAMETER = new RegExp(String.raw`${wordOf(NAMES)}(=|%3d)[^&;\s"'\\]+`, 'gi');
const HEADER = new RegExp(
  String.raw`${wordOf('cookie|authorization|txn-token|x-api-key')}(:|%3a)(?: |%20|\+)?[^"\\]+`,
  'gi',
);

/** What auth says of a token under that name, in place of one. */
const WORDS = /^\\*"[a-z]+(?:[ _][a-z]+)*\\*"$/;
const LONGEST_WORDS = 40;

/** Cuts out what stands under a secret's name: as a member of JSON, however deep, a parameter, a header. */
export function withoutNamed(text: string): string {
  if (!MAY_NAME.test(text)) return text;
  return withoutMembers(text).replace(PARAMETER, `$1$2${CENSORED}`).replace(HEADER, `$1$2 ${CENSORED}`);
}

function withoutMembers(text: string): string {
  let clean = '';
  let told = 0;
  MEMBER.lastIndex = 0;
  for (let found = MEMBER.exec(text); found; found = MEMBER.exec(text)) {
    const [{ length }, name = '', { length: backslashes } = ''] = found;
    // Else it is no member: the quotes aren't each other's.
    if (backslashesBefore(text, found.index) !== backslashes) continue;
    const level = levelOf(backslashes);
    const start = found.index + length;
    const end = endOfValue(text, start, level);
    MEMBER.lastIndex = end;
    if (name === 'token' && end - start < LONGEST_WORDS && WORDS.test(text.slice(start, end))) continue;
    const quote = quoteOf(level);
    clean += `${text.slice(told, found.index - backslashes)}${quote}${name}${quote}:${quote}${CENSORED}${quote}`;
    told = end;
  }
  return told === 0 ? text : clean + text.slice(told);
}
