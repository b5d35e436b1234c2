import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

/** What a header must not say, each in a token that is signed well and has good claims. */
export function headers(material: Material): HostileToken[] {
  const { forge } = material;
  const withTyp = ([name, typ]: readonly [string, unknown]): Row => [name, forge.token({}, { typ }), 'typ_not_allowed'];
  const withKid = ([name, kid]: readonly [string, unknown]): Row => [name, forge.token({}, { kid }), 'kid_missing'];
  return [
    ...refusedAt('decode', extensions(material)),
    ...refusedAt('decode', KIDS.map(withKid)),
    ...refusedAt('select_issuer', keysOfItsOwn(material)),
    ...refusedAt('select_issuer', TYPES.map(withTyp)),
    ...refusedAt('select_issuer', [withKid(['no kid', undefined])]),
  ];
}

/** What changes the meaning of a token for those who know it (RFC 7515, section 4.1.11; RFC 7797; RFC 7516). */
function extensions({ forge }: Material): Row[] {
  const parameters: [name: string, header: Record<string, unknown>][] = [
    ['crit, and what it names', { crit: ['https://issuer.test/x'], 'https://issuer.test/x': true }],
    ['crit that names what is not there', { crit: ['x'] }],
    ['crit that names what is registered', { crit: ['exp'] }],
    ['an empty crit', { crit: [] }],
    ['crit null', { crit: null }],
    ['b64 false', { b64: false }],
    ['b64 true', { b64: true }],
    ['b64 false, made critical', { b64: false, crit: ['b64'] }],
    ['zip', { zip: 'DEF' }],
    ['zip null', { zip: null }],
    ['enc', { enc: 'A256GCM' }],
    ['an empty enc', { enc: '' }],
  ];
  return parameters.map(([name, header]) => [name, forge.token({}, header), 'header_not_allowed']);
}

/** A token that brings its key along, or says where to fetch it: the attacker's, in the end (CVE-2018-0114). */
function keysOfItsOwn({ forge, stranger }: Material): Row[] {
  const jku = 'https://evil.test/jwks.json';
  const ours = { kid: forge.key.kid };
  const certificate = 'MIIB';
  const parameters: [name: string, token: string][] = [
    ['jku', forge.token({}, { jku })],
    ["jku at the issuer's own host", forge.token({}, { jku: `${forge.issuer.issuer}/jwks.json` })],
    ['jku of a file', forge.token({}, { jku: 'file:///dev/null' })],
    ['an empty jku', forge.token({}, { jku: '' })],
    ["jku of a stranger, and the stranger's signature", forge.token({}, { ...ours, jku }, stranger)],
    ['jwk, another than the one that signed', forge.token({}, { jwk: stranger.publicJwk })],
    ['jwk, the one that signed, and it is ours', forge.token({}, { jwk: forge.key.publicJwk })],
    [
      "jwk of a stranger, and the stranger's signature",
      forge.token({}, { ...ours, jwk: stranger.publicJwk }, stranger),
    ],
    ['jwk, a symmetric one', forge.token({}, { jwk: { kty: 'oct', k: 'AAAA' } })],
    ['jwk null', forge.token({}, { jwk: null })],
    ['x5u', forge.token({}, { x5u: 'https://evil.test/chain.pem' })],
    ['x5c', forge.token({}, { x5c: [certificate] })],
    ['an empty x5c', forge.token({}, { x5c: [] })],
  ];
  return parameters.map(([name, token]) => [name, token, 'header_not_allowed']);
}

const KIDS: [name: string, kid: unknown][] = [
  ['an empty kid', ''],
  ['kid null', null],
  ['kid as a number', 1],
  ['kid true', true],
  ['kid as a list', ['1']],
  ['kid as an object', { kid: '1' }],
  ['kid of 257 letters', 'k'.repeat(257)],
];

/** Every other kind of token that an issuer may sign with the same key (RFC 8725, section 3.11), and near misses. */
const TYPES: [name: string, typ: unknown][] = [
  ['no typ', undefined],
  ['an empty typ', ''],
  ['typ null', null],
  ['typ true', true],
  ['typ as a number', 1],
  ['typ as a list', ['at+jwt']],
  ['typ as an object', { typ: 'at+jwt' }],
  ['typ JWT', 'JWT'],
  ['typ jwt', 'jwt'],
  ['typ application/jwt', 'application/jwt'],
  ['typ JOSE', 'JOSE'],
  ['typ of a logout token', 'logout+jwt'],
  ['typ of a security event', 'secevent+jwt'],
  ['typ of a proof of possession', 'dpop+jwt'],
  ['typ of a transaction token', 'txntoken+jwt'],
  ['typ of an authorization request', 'oauth-authz-req+jwt'],
  ['typ of an introspection answer', 'token-introspection+jwt'],
  ['typ of a client that authenticates', 'client-authentication+jwt'],
  ['typ of a verifiable credential', 'dc+sd-jwt'],
  ['typ of a key binding', 'kb+jwt'],
  ['typ of an identity token', 'id+jwt'],
  ['typ of a refresh token', 'rt+jwt'],
  ['typ and a space', 'at+jwt '],
  ['a space and typ', ' at+jwt'],
  ['typ and a NUL', 'at+jwt\0'],
  ['typ with a space for the plus', 'at jwt'],
  ['typ with the plus percent-encoded', 'at%2Bjwt'],
  ['typ with a hyphen for the plus', 'at-jwt'],
  ['typ with a Cyrillic letter', 'аt+jwt'],
  ['typ with a parameter', 'at+jwt;x'],
  ['typ with a character set', 'application/at+jwt; charset=utf-8'],
  ['typ of two types', 'JWT, at+jwt'],
  ['typ that ends like ours', 'x-at+jwt'],
  ['typ that begins like ours', 'at+jwt+x'],
  ['typ of another top level', 'text/at+jwt'],
  ['typ with an empty top level', '/at+jwt'],
  ['typ with two top levels', 'application/application/at+jwt'],
];
