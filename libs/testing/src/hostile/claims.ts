import { actors } from '../json-text';
import { type Claims } from '../test-issuer';
import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

type Case = readonly [name: string, claims: Claims, code: string];

/** What an access token must say, and say well (RFC 9068, section 2.2), but for its issuer and its times. */
export function claims({ forge }: Material): HostileToken[] {
  const cases: Case[] = [
    ...['sub', 'client_id', 'jti'].flatMap(requiredText),
    ...['sid', 'txn'].flatMap(optionalText),
    ...audiences(forge.issuer.audience),
    ...scopes(),
    ...roles(forge.issuer.audience),
    ...actorChains(),
    ...boundToAKey(),
    ...otherTokens(),
  ];
  return refusedAt(
    'validate_claims',
    cases.map(([name, overrides, code]): Row => [name, forge.token(overrides), code]),
  );
}

const malformed = (claim: string, values: readonly (readonly [name: string, value: unknown])[]): Case[] =>
  values.map(([name, value]) => [`${claim} ${name}`, { [claim]: value }, 'claim_malformed']);

const NO_TEXT: [name: string, value: unknown][] = [
  ['that is empty', ''],
  ['null', null],
  ['true', true],
  ['as a number', 1],
  ['zero', 0],
  ['as a list', ['a']],
  ['as an object', { a: 'a' }],
];

// In a log, a header or a file name each of them means something else than a letter.
const CONTROLS: [name: string, value: unknown][] = [
  ['with a NUL', 'admin\0'],
  ['with a line feed', 'admin\nadmin'],
  ['with a carriage return', 'admin\r'],
  ['with a tab', 'a\tb'],
  ['with an escape character', '\u001b[2K'],
  ['with the last control character before the space', 'a\u001f'],
  ['with a delete character', 'a\u007f'],
];

// Two of them, different ones, are the same replacement character once they are written as UTF-8.
const SURROGATES: [name: string, value: unknown][] = [
  ['with the first half of a surrogate pair', 'a\ud800'],
  ['with the second half of a surrogate pair', 'a\udc00'],
  ['with the halves of a surrogate pair in the wrong order', '\ude00\ud83d'],
];

const requiredText = (claim: string): Case[] => [
  [`no ${claim}`, { [claim]: undefined }, 'claim_missing'],
  ...malformed(claim, [...NO_TEXT, ...CONTROLS, ...SURROGATES]),
];

const optionalText = (claim: string): Case[] => malformed(claim, [...NO_TEXT, ...CONTROLS]);

function audiences(ours: string): Case[] {
  const others: [name: string, aud: unknown][] = [
    ['another audience', `not-${ours}`],
    ['an empty aud', ''],
    ['an empty list of audiences', []],
    ['a list of other audiences', [`not-${ours}`, `${ours}-2`]],
    ['32 other audiences', Array.from({ length: 32 }, (_, i) => `${ours}-${i}`)],
    ['an audience that begins like ours', `${ours}-2`],
    ['an audience that ends like ours', `https://evil.test/${ours}`],
    ['an audience that ours begins with', ours.slice(0, -1)],
    ['our audience in other case', ours.toUpperCase() === ours ? ours.toLowerCase() : ours.toUpperCase()],
    ['our audience and a slash', `${ours}/`],
    ['our audience and a space', `${ours} `],
    ['our audience and a NUL', `${ours}\0`],
    ['our audience and a line feed', `${ours}\n`],
    ['our audience in a text of several, with spaces', `audit ${ours} other`],
    ['our audience in a text of several, with commas', `audit,${ours},other`],
    ['our audience as a list in a text', JSON.stringify([ours])],
    ['our audience, percent-encoded', ours.replace(/./g, (letter) => `%${Buffer.from(letter).toString('hex')}`)],
    ['our audience with a Cyrillic letter', `${ours.slice(0, -1)}е`],
    ['aud *', '*'],
    ['a list with aud *', ['*']],
    ['aud __proto__', '__proto__'],
  ];
  return [
    ['no aud', { aud: undefined }, 'claim_missing'],
    ...others.map(([name, aud]): Case => [name, { aud }, 'audience_mismatch']),
    ...malformed('aud', [
      ['null', null],
      ['true', true],
      ['as a number', 1],
      ['as an object', { aud: ours }],
      ['as an object that looks like a list', { 0: ours, length: 1 }],
      ['with ours and a number', [ours, 1]],
      ['with ours and null', [ours, null]],
      ['with ours and an object', [ours, {}]],
      ['with ours in a list in a list', [[ours]]],
      ['with 33 entries, all ours', Array.from({ length: 33 }, () => ours)],
      ['with 33 entries, one ours', [...Array.from({ length: 32 }, (_, i) => `${ours}-${i}`), ours]],
    ]),
  ];
}

/** `scope-token` is of %x21, %x23-5B and %x5D-7E, and between two of them is one space (RFC 6749, section 3.3). */
function scopes(): Case[] {
  return malformed('scope', [
    ['as a list', ['documents:read']],
    ['as an empty list', []],
    ['as a number', 1],
    ['as an object', { 'documents:read': true }],
    ['true', true],
    ['null', null],
    ['that is one space', ' '],
    ['with two spaces between', 'documents:read  documents:write'],
    ['with a space before', ' documents:read'],
    ['with a space behind', 'documents:read '],
    ['with a tab between', 'documents:read\tdocuments:write'],
    ['with a line feed between', 'documents:read\ndocuments:write'],
    ['with a line feed behind', 'documents:read\n'],
    ['with a no-break space between', 'documents:read\u00a0documents:write'],
    ['with a quotation mark', 'documents:"read"'],
    ['with a backslash', 'documents\\read'],
    ['with a letter that is not ASCII', 'documents:lesé'],
    ['with a NUL', 'documents:read\0'],
    ['with a delete character', 'documents:read\u007f'],
  ]);
}

function roles(audience: string): Case[] {
  return malformed('roles', [
    ['as text', 'admin'],
    ['as a number', 1],
    ['true', true],
    ['null', null],
    ['as an object', { [audience]: ['admin'] }],
    ['as an object that looks like a list', { 0: 'admin', length: 1 }],
    ['with a number', ['admin', 1]],
    ['with null', ['admin', null]],
    ['with a list', [['admin']]],
    ['with an object without a value', [{ display: 'admin' }]],
    ['with an object whose value is a number', [{ value: 1 }]],
  ]);
}

/** RFC 8693, section 4.1. */
function actorChains(): Case[] {
  return malformed('act', [
    ['null', null],
    ['true', true],
    ['as text', 'gateway'],
    ['as a number', 1],
    ['as a list', [{ sub: 'gateway' }]],
    ['as an empty list', []],
    ['without sub', {}],
    ['with another claim, and no sub', { client_id: 'gateway' }],
    ['with an empty sub', { sub: '' }],
    ['with sub null', { sub: null }],
    ['with sub as a number', { sub: 1 }],
    ['with sub as a list', { sub: ['gateway'] }],
    ['with sub as an object', { sub: { sub: 'gateway' } }],
    ['with an act inside that is null', actors(1, null)],
    ['with an act inside that is text', actors(1, 'gateway')],
    ['with an act inside that is a list', actors(1, [{ sub: 'gateway' }])],
    ['with an act inside that has no sub', actors(1, {})],
    ['with an act inside whose sub is empty', actors(1, { sub: '' })],
    ['whose fifth has no sub', actors(4, {})],
    ['of six', actors(6)],
    ['of twelve', actors(12)],
  ]);
}

/** Bound to a key (RFC 7800), whose proof nobody checks: to take it is to take a stolen one as well. */
function boundToAKey(): Case[] {
  const confirmations: [name: string, cnf: unknown][] = [
    ['bound to a key by its thumbprint, as DPoP does', { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }],
    ['bound to a certificate', { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }],
    ['bound to a key that it names', { kid: '1' }],
    ['bound to a key that it holds', { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } }],
    ['bound to a key at an address', { jku: 'https://evil.test/jwks.json', kid: '1' }],
    ['bound to a key in a way that there is not', { other: true }],
    ['cnf that is empty', {}],
    ['cnf null', null],
    ['cnf false', false],
    ['cnf as text', 'jkt'],
    ['cnf as empty text', ''],
    ['cnf as an empty list', []],
  ];
  return confirmations.map(([name, cnf]) => [name, { cnf }, 'proof_required']);
}

/** Tokens of the same issuer for something else, whose header doesn't tell. */
function otherTokens(): Case[] {
  const marks: [name: string, mark: Claims][] = [
    ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
    ['a security event', { events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} } }],
    ['a security event of no kind', { events: {} }],
    ['events null', { events: null }],
    ['events as a list', { events: [] }],
    ['an identity token of Keycloak', { typ: 'ID' }],
    ['a refresh token of Keycloak', { typ: 'Refresh' }],
    ['an offline token of Keycloak', { typ: 'Offline' }],
    ['a logout token of Keycloak', { typ: 'Logout' }],
    ['an identity token of Cognito', { token_use: 'id' }],
  ];
  return marks.map(([name, mark]) => [name, mark, 'not_an_access_token']);
}
