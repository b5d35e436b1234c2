import { parseStrictObject } from '@token-relay/jwt-guard';
import { OAuthError } from './oauth-error';

const MAX_BYTES = 4_096;
/** In a token it is a level further down, and verifiers take 16. */
const MAX_DEPTH = 8;
/** A number that is written with more of them than any that is exact needs isn't looked at. */
const MAX_DIGITS = 40;

const STRINGS = /"(?:[^"\\]|\\.)*"/g;
const NUMBERS = /-?\d[\d.eE+-]*/g;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * A JSON object that is sent as a parameter, as it is: what readers would take for different things – a name twice, half
 * of a surrogate pair, a number with more digits than 64 bits hold or beyond 2^53 (RFC 7493, section 2) – is refused, never
 * changed. It is signed as it comes out of here.
 *
 * @throws OAuthError `invalid_request`
 */
export function jsonParameter(name: string, text: string): JsonObject {
  const bytes = Buffer.from(text);
  if (bytes.length > MAX_BYTES) throw new OAuthError('invalid_request', `The parameter ${name} is too large.`);
  // U+FFFD is what decoding a form leaves of bytes that are no UTF-8: what they were nobody knows any more.
  const object = text.isWellFormed() && !text.includes('\ufffd') ? parseStrictObject(bytes) : undefined;
  if (!object || !isUnambiguous(object, 1) || !hasExactNumbers(text)) {
    throw new OAuthError(
      'invalid_request',
      `The parameter ${name} must be a JSON object of ${MAX_DEPTH} levels at most, in UTF-8, without a name twice or a number beyond 2^53 or with more digits than 64 bits hold.`,
    );
  }
  return object;
}

function isUnambiguous(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  if (depth > MAX_DEPTH) return false;
  return Object.entries(value).every(([name, member]) => name.isWellFormed() && isUnambiguous(member, depth + 1));
}

/** Whether each number is written again with the value that it was written with. */
function hasExactNumbers(text: string): boolean {
  const numbers = text.replace(STRINGS, '').match(NUMBERS) ?? [];
  return numbers.every((written) => {
    const value = valueOf(written);
    return value !== undefined && value === valueOf(String(Number(written)));
  });
}

/** The value that is written, as its digits and a power of ten; of what is no number, or a long one, none. */
function valueOf(written: string): string | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(written);
  if (!parts || written.length > MAX_DIGITS) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = parts;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  const exponent = significant === '' ? 0 : Number(power) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${exponent}`;
}
