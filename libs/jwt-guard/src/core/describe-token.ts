import { parseStrictObject } from './strict-json';
import { type Members, type RawToken } from './token-states';

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

export const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

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
