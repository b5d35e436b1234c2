import { Forge } from './forge';
import { actors, listsInside, objectsInside, withMember } from './json-text';
import { type Claims, type Header, type TestIssuer } from './test-issuer';

/** A token that must be accepted, however odd it looks. */
export interface LegitimateToken {
  /** What is odd about it, in plain English. */
  readonly name: string;
  readonly token: string;
  /** Whether a few seconds more or less would make it a bad one: a token for a clock that stands still. */
  readonly momentary: boolean;
}

/**
 * What a verifier must not refuse for all its strictness: each of these is next to a hostile token, on the right side
 * of the line. Without them a verifier that refuses everything would pass.
 *
 * For a verifier with the rules of RFC 9068 that allows the algorithms of all keys of the issuer, with 8 KiB for
 * a token, 5 seconds of tolerance, 900 of lifetime.
 */
export function legitimateTokens(issuer: TestIssuer): LegitimateToken[] {
  const forge = new Forge(issuer);
  const lasting = [
    ...ofEveryKey(forge),
    ...HEADERS.map(([name, header]) => [name, forge.token({}, header)] as const),
    ...[...TEXTS, ...OPTIONAL, ...audiences(issuer.audience), ...times(forge)].map(
      ([name, claims]) => [name, forge.token(claims)] as const,
    ),
    ...texts(forge),
  ];
  const atTheEdge = edges(forge).map(([name, claims]) => [name, forge.token(claims)] as const);
  return [
    ...lasting.map(([name, token]) => ({ name, token, momentary: false })),
    ...atTheEdge.map(([name, token]) => ({ name, token, momentary: true })),
  ];
}

type Good = readonly [name: string, token: string];

function ofEveryKey(forge: Forge): Good[] {
  return forge.issuer.keys.map((key): Good => [`signed with ${key.algorithm}`, forge.token({}, {}, key)]);
}

const HEADERS: [name: string, header: Header][] = [
  ['typ with its top level', { typ: 'application/at+jwt' }],
  ['typ in capitals', { typ: 'AT+JWT' }],
  ['typ with its top level, in mixed case', { typ: 'Application/At+Jwt' }],
  ['the thumbprint of a certificate', { x5t: 'dGhlIGNlcnRpZmljYXRlIQ' }],
  ['the SHA-256 thumbprint of a certificate', { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }],
  ['a header parameter that nobody knows', { foo: 'bar' }],
  ['header parameters with the names of claims', { iss: 'https://issuer.test', exp: 1 }],
  ['a header parameter that is null', { foo: null }],
  ['a header parameter constructor', { constructor: 'x' }],
  ['a header parameter whose name begins like one that is refused', { critical: true, jwks: 'x' }],
];

const TEXTS: [name: string, claims: Claims][] = [
  ['a subject of one letter', { sub: 'a' }],
  ['a subject of a thousand letters', { sub: 'a'.repeat(1_000) }],
  ['a subject with letters of many scripts', { sub: 'Ægir Ünsal 李小龍 Ελένη' }],
  ['a subject with a surrogate pair', { sub: '😀' }],
  ['a subject with spaces and quotation marks', { sub: 'auth0|the "one" \\ only' }],
  ['a subject that is an address', { sub: 'https://issuer.test/users/1?x=%20' }],
  ['a subject that looks like markup', { sub: '<b>&amp;</b>' }],
  ['a subject __proto__', { sub: '__proto__' }],
  ['a subject that spells a control character', { sub: 'a\\u0000' }],
  ['a subject with the first letter behind the control characters', { sub: ' a~\u0080' }],
  ['a client that is an address', { client_id: 'https://client.test/' }],
  ['a token id with every sign there is', { jti: `!"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~` }],
  ['no scope', { scope: undefined }],
  ['an empty scope', { scope: '' }],
  ['one scope', { scope: 'documents:read' }],
  ['a hundred scopes', { scope: Array.from({ length: 100 }, (_, i) => `s${i}`).join(' ') }],
  ['a scope with every sign that it may have', { scope: `!#$%&'()*+,-./:;<=>?@[]^_\`{|}~` }],
  ['the same scope twice', { scope: 'documents:read documents:read' }],
];

const OPTIONAL: [name: string, claims: Claims][] = [
  ['a session', { sid: '08a5019c-17e1-4977-8f42-65a12843ea02' }],
  ['a transaction', { txn: '97053963-771d-49cc-a4e3-20aad399c312' }],
  ['no roles', { roles: [] }],
  ['roles', { roles: ['reader', 'the "writer"', ''] }],
  ['groups and entitlements', { groups: ['staff'], entitlements: ['a', 'b'] }],
  ['how and when the user authenticated', { auth_time: 1, acr: 'urn:mace:incommon:iap:silver', amr: ['pwd', 'otp'] }],
  ['authorization details', { authorization_details: [{ type: 'payment', locations: ['https://a.test'] }] }],
  ['who may act', { may_act: { sub: 'admin' } }],
  ['one actor', { act: actors(1) }],
  ['five actors', { act: actors(5) }],
  ['an actor with more than a sub', { act: { sub: 'gateway', iss: 'https://issuer.test', client_id: 'gateway' } }],
  ['the payload typ of an access token of Keycloak', { typ: 'Bearer' }],
  ['the token_use of an access token of Cognito', { token_use: 'access' }],
  ['Keycloak roles', { realm_access: { roles: ['a'] }, resource_access: { gateway: { roles: ['b'] } } }],
  ['the user by name', { name: 'Zoë', email: 'zoe@example.test', email_verified: true, address: { country: 'CH' } }],
  ['claims with the names of what every object has', { constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: 4 }],
  ['a claim with an empty name', { '': 1 }],
  ['claims that differ but in case', { SUB: 'admin', Sub: 'admin' }],
  ['claims that differ but in how a letter is composed', { '\u00e9': 1, 'e\u0301': 2 }],
  ['claims named by many scripts', { größe: 1, 名前: 2, '😀': 3 }],
  ['a claim that is null', { nothing: null }],
  ['a number that is too large to be exact', { large: 2 ** 60 }],
  [
    'the names of other claims, one level down',
    { data: { sub: 'admin', iss: 'x', aud: [], exp: 0, cnf: {}, events: {} } },
  ],
  ['one name in objects side by side', { data: [{ a: 1 }, { a: 2 }, { a: { a: 3 } }] }],
  ['a text that holds a name twice', { data: '{"a":1,"a":2}' }],
  ['a text that ends in a backslash', { data: 'C:\\', more: '\\"' }],
  ['a text of a hundred brackets', { data: '['.repeat(50) + '{'.repeat(50) }],
  ['a text that holds a token', { data: 'eyJhbGciOiJub25lIn0.e30.' }],
  ['five hundred empty lists side by side', { data: Array.from({ length: 500 }, () => []) }],
];

function audiences(ours: string): [name: string, claims: Claims][] {
  return [
    ['a list of our audience', { aud: [ours] }],
    ['our audience behind another', { aud: [`not-${ours}`, ours] }],
    ['our audience last of 32', { aud: [...Array.from({ length: 31 }, (_, i) => `${ours}-${i}`), ours] }],
    ['our audience twice', { aud: [ours, ours] }],
    ['our audience next to an empty one', { aud: ['', ours] }],
  ];
}

function times({ now }: Forge): [name: string, claims: Claims][] {
  return [
    ['lives for as long as it may', { iat: now, exp: now + 900 }],
    ['lives for as long as it may, and most of it has passed', { iat: now - 840, exp: now + 60 }],
    ['times with fractions', { iat: now - 0.25, nbf: now - 0.5, exp: now + 299.999 }],
    ['valid since long ago', { nbf: 0 }],
    ['valid from a time before it was issued', { nbf: now - 60 }],
  ];
}

/** Each a second, or less, away from being refused. */
function edges({ now }: Forge): [name: string, claims: Claims][] {
  return [
    ['expired, a second less ago than the tolerance', { iat: now - 300, exp: now - 4 }],
    ['expired, a quarter of a second less ago than the tolerance', { iat: now - 300, exp: now - 4.75 }],
    ['expires now', { iat: now - 300, exp: now }],
    ['issued as far ahead as the tolerance', { iat: now + 5, exp: now + 305 }],
    ['issued as far ahead as the tolerance, and lives for as long as it may', { iat: now + 5, exp: now + 905 }],
    ['valid from as far ahead as the tolerance', { nbf: now + 5 }],
    ['lives for a second', { iat: now, exp: now + 1 }],
    ['lives for a quarter of a second', { iat: now, exp: now + 0.25 }],
  ];
}

/** What two writers of JSON write in two ways, and every reader reads in one. */
function texts(forge: Forge): Good[] {
  const header = forge.headerJson();
  const payload = forge.payloadJson();
  const spaced = (json: string) => `\r\n\t ${JSON.stringify(JSON.parse(json), null, 4)} \n`;
  const reversed = (json: string) =>
    JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json) as object).reverse()));
  const member = (text: string) => forge.raw(header, withMember(payload, text));
  return [
    ['the header in another order', forge.raw(reversed(header), payload)],
    ['the payload in another order', forge.raw(header, reversed(payload))],
    ['white space in the header', forge.raw(spaced(header), payload)],
    ['white space in the payload', forge.raw(header, spaced(payload))],
    ['names in the header spelled with escapes', forge.raw(escaped(header), payload)],
    ['names in the payload spelled with escapes', forge.raw(header, escaped(payload))],
    ['an escaped slash', member('"a":"https:\\/\\/a.test"')],
    ['an emoji spelled with escapes', member('"a":"\\ud83d\\ude00"')],
    ['an escaped backslash before what looks like an escape', member('"a":1,"\\\\u0061":2')],
    ['a name that ends in an escaped quotation mark', member('"a":1,"a\\"":2')],
    ['numbers in every way to write them', member('"a":[-0,0.0,1e3,1E+3,1e-3,-1.5e-300]')],
    ['a time with an exponent', forge.raw(header, payload.replace(/"iat":(\d+)/, '"iat":$1.0e0'))],
    ['a header that is 16 deep', forge.raw(withMember(header, `"a":${objectsInside(15)}`), payload)],
    ['16 objects deep', member(`"a":${objectsInside(15)}`)],
    ['16 deep with its lists', member(`"a":${listsInside(15)}`)],
    ['just 8 KiB', forge.ofSize(8192)],
    ['one byte less than 8 KiB', forge.ofSize(8191)],
  ];
}

/** Every name with its first letter as an escape. */
function escaped(json: string): string {
  return json.replace(/"(\w)(\w+)":/g, (_name, first: string, rest: string) => {
    return `"\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}${rest}":`;
  });
}
