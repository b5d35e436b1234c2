import { listsInside, objectsInside, withMember } from '../json-text';
import { type HostileToken, type Material, refusedAt } from './hostile-token';

type Damage = readonly [name: string, damaged: (json: string) => string | Uint8Array];

/** What isn't JSON at all to a strict reader, though many a lenient one takes it (RFC 8259). */
const NO_JSON: Damage[] = [
  ['ends early', (json) => json.slice(0, -1)],
  ['is one space', () => ' '],
  ['is followed by a letter', (json) => `${json}x`],
  ['is followed by a second object', (json) => `${json}{}`],
  ['is followed by a NUL', (json) => `${json}\0`],
  ['is in single quotes', (json) => json.replaceAll('"', "'")],
  ['has a comma behind its last member', (json) => `${json.slice(0, -1)},}`],
  ['has a comment in it', (json) => `{/* */${json.slice(1)}`],
  ['has a comment behind it', (json) => `${json}//`],
  ['has a no-break space between two members', (json) => withMember(json, '\u00a0"a":1')],
  ['has a line feed inside a string', (json) => withMember(json, '"a":"\n"')],
  ['has a name without quotes', (json) => withMember(json, 'a:1')],
  ['has an escape that there is not', (json) => withMember(json, '"a":"\\x41"')],
  ['has an escape that is cut short', (json) => withMember(json, '"a":"\\u00"')],
  ['holds NaN', (json) => withMember(json, '"a":NaN')],
  ['holds Infinity', (json) => withMember(json, '"a":Infinity')],
  ['holds undefined', (json) => withMember(json, '"a":undefined')],
  ['holds True, as Python writes it', (json) => withMember(json, '"a":True')],
  ['holds a hexadecimal number', (json) => withMember(json, '"a":0x1f')],
  ['holds a number that begins with zero', (json) => withMember(json, '"a":01')],
  ['holds a number that begins with plus', (json) => withMember(json, '"a":+1')],
  ['holds a number that begins with a point', (json) => withMember(json, '"a":.5')],
  ['holds a number that ends in a point', (json) => withMember(json, '"a":5.')],
];

/** What isn't UTF-8 (RFC 3629), or not without doubt: a reader that repairs it reads what nobody signed. */
const NO_UTF8: Damage[] = [
  ['begins with a byte order mark', (json) => `\ufeff${json}`],
  ['is in UTF-16, lower byte first', (json) => Buffer.from(json, 'utf16le')],
  ['is in UTF-16, upper byte first', (json) => Buffer.from(json, 'utf16le').swap16()],
  ['has a letter of Latin-1', (json) => withBytes(json, [0xe9])],
  ['has a byte that UTF-8 never has', (json) => withBytes(json, [0xff])],
  ['has a letter that is cut short', (json) => withBytes(json, [0xe2, 0x82])],
  ['has a continuation that continues nothing', (json) => withBytes(json, [0x80])],
  ['has an overlong slash', (json) => withBytes(json, [0xc0, 0xaf])],
  ['has an overlong NUL', (json) => withBytes(json, [0xc0, 0x80])],
  ['has half of a surrogate pair as bytes', (json) => withBytes(json, [0xed, 0xa0, 0x80])],
  ['has a letter beyond the end of Unicode', (json) => withBytes(json, [0xf4, 0x90, 0x80, 0x80])],
];

/** JSON, but no object. */
const NO_OBJECT: Damage[] = [
  ['is null', () => 'null'],
  ['is true', () => 'true'],
  ['is a number', () => '1'],
  ['is an empty list', () => '[]'],
  ['is a list that holds the object', (json) => `[${json}]`],
  ['is a string that holds the object', (json) => JSON.stringify(json)],
];

/** Objects that two readers can read in two ways (RFC 8259, section 4; RFC 7515, section 4), or that do harm. */
const NO_GOOD_OBJECT: Damage[] = [
  ['names a member twice', (json) => withMember(json, '"a":1,"a":2')],
  ['names a member twice, with one value', (json) => withMember(json, '"a":1,"a":1')],
  ['names a member twice, once with an escape', (json) => withMember(json, '"a":1,"\\u0061":2')],
  ['names a member twice, with escapes of other letters', (json) => withMember(json, '"\\u006a":1,"\\u006A":2')],
  ['names a member twice, once with an escaped slash', (json) => withMember(json, '"a/b":1,"a\\/b":2')],
  ['names a member twice, once as a surrogate pair', (json) => withMember(json, '"😀":1,"\\ud83d\\ude00":2')],
  ['names a member with an empty name twice', (json) => withMember(json, '"":1,"":2')],
  ['names a member twice in an object inside', (json) => withMember(json, '"a":{"b":1,"b":2}')],
  ['names a member twice in an object in a list', (json) => withMember(json, '"a":[{},{"b":1,"b":2}]')],
  [
    'names a member twice with another in between that has it, too',
    (json) => withMember(json, '"a":1,"b":{"a":2},"a":3'),
  ],
  ['has a member __proto__', (json) => withMember(json, '"__proto__":{"admin":true}')],
  ['has a member __proto__ that is null', (json) => withMember(json, '"__proto__":null')],
  [
    'has a member __proto__, spelled with escapes',
    (json) => withMember(json, '"\\u005f_proto\\u005F_":{"admin":true}'),
  ],
  ['has a member __proto__ in an object inside', (json) => withMember(json, '"a":{"__proto__":{"admin":true}}')],
  ['has a member __proto__ in an object in a list', (json) => withMember(json, '"a":[{"__proto__":{"admin":true}}]')],
  ['is 17 objects deep', (json) => withMember(json, `"a":${objectsInside(16)}`)],
  ['is 17 deep with its lists', (json) => withMember(json, `"a":${listsInside(16)}`)],
  ['is 17 deep behind much that is not', (json) => withMember(json, `"a":[${'[],{},'.repeat(40)}${listsInside(15)}]`)],
  ['is a thousand lists deep', (json) => withMember(json, `"a":${listsInside(999)}`)],
  ['is a list, two thousand deep', () => listsInside(2_000)],
  ['opens a thousand lists and closes none', (json) => withMember(json, `"a":${'['.repeat(1_000)}`)],
];

/** Every damage to the header, and to the payload: they are read at two times, and maybe by two readers. */
export function json({ forge, allowed }: Material): HostileToken[] {
  const header = forge.headerJson();
  const payload = forge.payloadJson();
  const damages = [...NO_JSON, ...NO_UTF8, ...NO_OBJECT, ...NO_GOOD_OBJECT];
  const malformed = (name: string, token: string) => [name, token, 'token_malformed'] as const;
  return refusedAt('decode', [
    ...damages.map(([name, damaged]) => malformed(`the header ${name}`, forge.raw(damaged(header), payload))),
    ...damages.map(([name, damaged]) => malformed(`the payload ${name}`, forge.raw(header, damaged(payload)))),
    ...twoAnswers(header, payload, [...allowed][0] ?? '').map(([name, ...texts]) =>
      malformed(name, forge.raw(...texts)),
    ),
  ]);
}

/** Two answers to a question that decides, of which a reader that takes the first and one that takes the last differ. */
function twoAnswers(
  header: string,
  payload: string,
  alg: string,
): (readonly [name: string, header: string, payload: string])[] {
  const first = (json: string, member: string) => `{${member},${json.slice(1)}`;
  return [
    ['alg none first, then a good one', first(header, '"alg":"none"'), payload],
    ['alg none last, behind a good one', withMember(header, '"alg":"none"'), payload],
    ['alg twice, and the same', withMember(header, `"alg":"${alg}"`), payload],
    ['typ twice', first(header, '"typ":"JWT"'), payload],
    ['kid twice', first(header, '"kid":"other"'), payload],
    ['iss twice', header, first(payload, '"iss":"https://evil.test"')],
    ['sub twice', header, withMember(payload, '"sub":"admin"')],
    ['sub twice, once with an escape', header, withMember(payload, '"\\u0073ub":"admin"')],
    ['aud twice', header, first(payload, '"aud":"elsewhere"')],
    ['exp twice', header, withMember(payload, '"exp":1')],
    ['scope twice', header, withMember(payload, '"scope":"admin"')],
    ['an actor whose sub is there twice', header, withMember(payload, '"act":{"sub":"a","sub":"b"}')],
  ];
}

function withBytes(json: string, bytes: readonly number[]): Uint8Array {
  const [before, behind] = withMember(json, '"a":"|"').split('|') as [string, string];
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(behind)]);
}
