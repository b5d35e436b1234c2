import { type Forge } from '../forge';
import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

const encode = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** What isn't three parts of canonical base64url, or is too much of it: RFC 7515, sections 2 and 7.1. */
export function shapes({ forge }: Material): HostileToken[] {
  return [
    ...refusedAt('decode', sizes(forge)),
    ...refusedAt('decode', malformed([...parts(forge), ...foreign(forge), ...spellings(forge)])),
  ];
}

type Shape = readonly [name: string, token: string];

const malformed = (shapes: readonly Shape[]): Row[] =>
  shapes.map(([name, token]) => [name, token, 'token_malformed'] as const);

function sizes(forge: Forge): Row[] {
  return [
    ['one byte more than 8 KiB', forge.ofSize(8193), 'token_too_large'],
    ['9 KiB, all in the header', forge.token({}, { filling: 'x'.repeat(6_600) }), 'token_too_large'],
    ['100 KiB', forge.ofSize(100 * 1024), 'token_too_large'],
    ['9,000 dots', '.'.repeat(9_000), 'token_too_large'],
    ['9,000 letters and no dot', 'e'.repeat(9_000), 'token_too_large'],
  ];
}

function parts(forge: Forge): Shape[] {
  const [header, payload, signature] = forge.parts;
  const json = forge.payloadJson();
  return [
    ['nothing at all', ''],
    ['a header alone', header],
    ['a payload alone', payload],
    ['a header and a payload, and no second dot', `${header}.${payload}`],
    ['a payload and a signature without a header', `${payload}.${signature}`],
    ['an empty signature under an algorithm that is allowed', `${header}.${payload}.`],
    ['an empty header', forge.spelled('', payload)],
    ['an empty payload, signed', forge.spelled(header, '')],
    ['detached content: signed, then left out', `${header}..${signature}`],
    ['dots and nothing between them', '..'],
    ['a dot before the header', `.${forge.good}`],
    ['a dot behind the signature', `${forge.good}.`],
    ['two dots between header and payload', `${header}..${payload}.${signature}`],
    ['four parts, the signature twice', `${forge.good}.${signature}`],
    ['five parts, as an encrypted token has them', `${header}.${signature}.${signature}.${payload}.${signature}`],
    ['two tokens with a comma between them', `${forge.good},${forge.good}`],
    ['a selective disclosure token without a disclosure', `${forge.good}~`],
    ['a selective disclosure token', `${forge.good}~${encode('["salt","sub","admin"]')}~`],
    ['JSON serialization, flattened', JSON.stringify({ protected: header, payload, signature })],
    ['JSON serialization, general', JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
    ['header and payload as bare JSON', `${forge.headerJson()}.${json}.${signature}`],
    ['the whole token in base64url once more', encode(forge.good)],
    ['each part in base64url once more', forge.spelled(encode(header), encode(payload))],
    ['each part in hexadecimal', forge.spelled(hex(header), hex(payload))],
    ['the parts from back to front', `${signature}.${payload}.${header}`],
  ];
}

const hex = (part: string): string => Buffer.from(part, 'base64url').toString('hex');

/** What gets in between a client's token and its request. */
function foreign(forge: Forge): Shape[] {
  const [header, payload, signature] = forge.parts;
  const { good } = forge;
  const middle = Math.floor(good.length / 2);
  return [
    ['the text "undefined"', 'undefined'],
    ['the text "null"', 'null'],
    ['the text "[object Object]"', '[object Object]'],
    ['a variable that nobody filled in', '{{access_token}}'],
    ['an opaque token', 'SlAV32hkKG'],
    ['a PASETO', `v4.public.${payload}`],
    ['a macaroon', 'MDAxY2xvY2F0aW9uIGh0dHBzOi8vaXNzdWVyLnRlc3QK'],
    ['the scheme twice', `Bearer ${good}`],
    ['quotation marks around it', `"${good}"`],
    ['apostrophes around it', `'${good}'`],
    ['angle brackets around it', `<${good}>`],
    ['the name of a form field before it', `access_token=${good}`],
    ['a comma behind it', `${good},`],
    ['a semicolon and a parameter behind it', `${good};charset=utf-8`],
    ['a fragment behind it', `${good}#x`],
    ['the dots percent-encoded', good.replaceAll('.', '%2E')],
    ['full-width dots', good.replaceAll('.', '．')],
    ['colons for dots', good.replaceAll('.', ':')],
    ['a space before it', ` ${good}`],
    ['a space behind it', `${good} `],
    ['a tab before it', `\t${good}`],
    ['a line feed behind it', `${good}\n`],
    ['a line break behind it', `${good}\r\n`],
    ['a carriage return in its middle', `${good.slice(0, middle)}\r${good.slice(middle)}`],
    ['wrapped after 76 letters', good.replace(/.{76}/g, '$&\n')],
    ['a space behind the first dot', `${header}. ${payload}.${signature}`],
    ['a space before the last dot', `${header}.${payload} .${signature}`],
    ['a space for each plus', `${header}.${payload}. ${signature.slice(1)}`],
    ['a NUL behind it', `${good}\0`],
    ['a NUL in the payload', `${header}.${payload.slice(0, 8)}\0${payload.slice(8)}.${signature}`],
    ['a byte order mark before it', `\ufeff${good}`],
    ['a no-break space behind it', `${good}\u00a0`],
    ['a space of no width in its middle', `${good.slice(0, middle)}\u200b${good.slice(middle)}`],
    ['a full-width digit in the signature', `${header}.${payload}.１${signature.slice(1)}`],
    ['a Cyrillic letter in the header', `${header.replace('e', 'е')}.${payload}.${signature}`],
    // U+0165 is "e" to whoever keeps but the lower byte of a letter.
    ['a letter that is another once it is cut to a byte', `${header.replace('e', 'ť')}.${payload}.${signature}`],
    ['an exclamation mark in the payload', `${header}.${payload.slice(0, 8)}!${payload.slice(8)}.${signature}`],
  ];
}

/** The same bytes in other letters: each would be a second name for a token that is listed as revoked by its first. */
function spellings(forge: Forge): Shape[] {
  const [header, payload, signature] = forge.parts;
  const input = `${header}.${payload}`;
  const odd = {
    header: encode(ofLength(1, (filling) => forge.headerJson({ filling }))),
    payload: encode(ofLength(1, (filling) => forge.payloadJson({ filling }))),
  };
  const whole = {
    header: encode(ofLength(0, (filling) => forge.headerJson({ filling }))),
    payload: encode(ofLength(0, (filling) => forge.payloadJson({ filling }))),
  };
  // Every letter of plain base64 that base64url has another one for.
  const special = '>>>???>>>???';
  const plain = (json: string) => Buffer.from(json).toString('base64').replaceAll('=', '');
  const signed = withSpecialLetter(forge);
  return [
    ['padding behind the header, and signed with it', forge.spelled(`${odd.header}==`, payload)],
    ['padding behind the payload, and signed with it', forge.spelled(header, `${odd.payload}==`)],
    [
      'padding behind the header, but not signed',
      `${odd.header}==.${payload}.${forge.spelled(odd.header, payload).split('.')[2]}`,
    ],
    ['padding behind the signature', `${input}.${signature}${'='.repeat((4 - (signature.length % 4)) % 4 || 4)}`],
    ['padding behind the signature, percent-encoded', `${input}.${signature}%3D%3D`],
    ['padding where there is nothing to pad', forge.spelled(`${whole.header}=`, payload)],
    ['padding inside the payload', forge.spelled(header, `${odd.payload.slice(0, 8)}=${odd.payload.slice(8)}`)],
    ['a header in plain base64', forge.spelled(plain(forge.headerJson({ special })), payload)],
    ['a payload in plain base64', forge.spelled(header, plain(forge.payloadJson({ special })))],
    ['a signature in plain base64', signed.replace(/[^.]+$/, (part) => part.replaceAll('-', '+').replaceAll('_', '/'))],
    ['bits that nobody reads at the end of the header', forge.spelled(otherSpelling(odd.header), payload)],
    ['bits that nobody reads at the end of the payload', forge.spelled(header, otherSpelling(odd.payload))],
    ...(signature.length % 4 === 0
      ? []
      : [['bits that nobody reads at the end of the signature', `${input}.${otherSpelling(signature)}`] as const]),
    ['a letter too many behind the header', forge.spelled(`${whole.header}A`, payload)],
    ['a letter too many behind the payload', forge.spelled(header, `${whole.payload}A`)],
    ['a signature of one letter', `${input}.A`],
  ];
}

/** The JSON that is longer than a multiple of three bytes by `rest`, and so – but for 0 – has unused bits at its end. */
function ofLength(rest: number, json: (filling: string) => string): string {
  const fitting = ['x', 'xx', 'xxx'].map(json).find((text) => Buffer.byteLength(text) % 3 === rest);
  return fitting ?? json('');
}

/** The last letter of a text of 4n + 2 or 4n + 3 has bits that don't count: they are 0, unless somebody sets them. */
function otherSpelling(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return `${part.slice(0, -1)}${alphabet[alphabet.indexOf(part.slice(-1)) + 1]}`;
}

function withSpecialLetter(forge: Forge): string {
  for (let i = 0; ; i++) {
    const token = forge.token({ jti: `token-${i}` });
    if (/[-_]/.test(token.split('.')[2] ?? '')) return token;
  }
}
