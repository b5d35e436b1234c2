import { Forge } from './forge';
import { type Stage } from './hostile/hostile-token';
import { type Claims, type Header, type TestIssuer } from './test-issuer';
import { generateTestKey, type TestKey } from './test-key';

/** What must be refused as a transaction token, and the code that must say why. */
export interface HostileTransaction {
  /** What is wrong with it, in plain English. */
  readonly name: string;
  readonly token: string;
  /** What its sender is told. */
  readonly code: 'transaction_invalid' | 'transaction_expired';
  readonly stage: Stage;
  /** Why, for the log: a code of the verifier's. */
  readonly reason: string;
}

type Row = readonly [name: string, token: string, reason: string];

/**
 * What an attacker, or a mistake, makes of an issuer's transaction tokens. Each has one thing wrong with it, and is signed
 * as well as any wherever it isn't the signature that is wrong.
 *
 * For a verifier that lives by draft-ietf-oauth-transaction-tokens, with the issuer's `trustDomain`, lifetimes of up to
 * 300 seconds, 5 seconds of tolerance, and 8 KiB for a token.
 */
export async function hostileTransactions(issuer: TestIssuer): Promise<HostileTransaction[]> {
  const mint = new Mint(issuer);
  const stranger = await generateTestKey(issuer.key.algorithm);
  return [
    ...refusedAt('decode', shapes(mint)),
    ...refusedAt('select_issuer', [...kinds(mint), ...headers(mint, stranger)]),
    ...refusedAt('resolve_key', keys(mint, stranger)),
    ...refusedAt('verify_signature', signatures(mint, stranger)),
    ...refusedAt('validate_claims', [...claims(mint), ...times(mint)]),
  ];
}

/** What a verifier must not refuse as a transaction token, each next to a hostile one. */
export function legitimateTransactions(
  issuer: TestIssuer,
): readonly { readonly name: string; readonly token: string }[] {
  const mint = new Mint(issuer);
  const { now } = mint;
  const rows: [name: string, claims: Claims][] = [
    ['with all claims that there are', {}],
    ['without details and context', { tctx: undefined, rctx: undefined }],
    ['with details and context that are empty', { tctx: {}, rctx: {} }],
    ['without a session', { sid: undefined, sub_epoch: undefined }],
    ['without a lineage', { origin_jti: undefined, origin_kid: undefined, origin_iat: undefined }],
    ['with one scope', { scope: 'a' }],
    ['txn of 8 letters', { txn: 'aA0._-zZ' }],
    ['txn of 64 letters', { txn: 't'.repeat(64) }],
    ['lives for five minutes', { exp: now + 300 }],
    ['expired less long ago than the tolerance', { iat: now - 60, exp: now - 4.999 }],
    ['issued as far ahead as the tolerance', { iat: now + 5, exp: now + 65 }],
    ['claims that nobody asks for', { purp: 'x', azd: {}, act: { sub: 'x' }, client_id: 'gateway', jti: 'x' }],
  ];
  return rows.map(([name, overrides]) => ({ name, token: mint.token(overrides) }));
}

function refusedAt(stage: Stage, rows: readonly Row[]): HostileTransaction[] {
  return rows.map(([name, token, reason]) => {
    const code = reason === 'token_expired' ? 'transaction_expired' : 'transaction_invalid';
    return { name, token, code, stage, reason };
  });
}

class Mint {
  readonly forge: Forge;
  readonly now: number;

  constructor(readonly issuer: TestIssuer) {
    this.forge = new Forge(issuer);
    this.now = this.forge.now;
  }

  token(claims: Claims = {}, header: Header = {}, key: TestKey = this.issuer.key): string {
    const { issuer } = this;
    return issuer.signRaw(
      JSON.stringify(issuer.transactionHeader(header, key)),
      JSON.stringify(issuer.transactionClaims(claims)),
      key,
    );
  }
}

function shapes(mint: Mint): Row[] {
  const good = mint.token();
  const malformed: [name: string, token: string][] = [
    ['nothing at all', ''],
    ['a space', ' '],
    ['a text', 'transaction'],
    ['the word Bearer before it', `Bearer ${good}`],
    ['two with a comma between, as one header', `${good},${good}`],
    ['two with a comma and a space between, as one header', `${good}, ${good}`],
    ['a comma behind it', `${good},`],
    ['a space behind it', `${good} `],
    ['in quotation marks', `"${good}"`],
    ['its claims alone', Buffer.from(JSON.stringify(mint.issuer.transactionClaims())).toString('base64url')],
    ['its claims as JSON', JSON.stringify(mint.issuer.transactionClaims())],
    ['without its signature', good.replace(/[^.]*$/, '')],
    ['with a fourth part', `${good}.e30`],
    ['with its signature padded', `${good}=`],
  ];
  return [
    ...malformed.map(([name, token]): Row => [name, token, 'token_malformed']),
    ['alg none', unsigned(mint), 'alg_not_allowed'],
    ['crit', mint.token({}, { crit: ['x'], x: 1 }), 'header_not_allowed'],
    ['zip', mint.token({}, { zip: 'DEF' }), 'header_not_allowed'],
    ['larger than 8 KiB', mint.token({ tctx: { filling: 'x'.repeat(8_192) } }), 'token_too_large'],
    ['no iss', mint.token({ iss: undefined }), 'claim_missing'],
    ['iss as a list', mint.token({ iss: [mint.issuer.issuer] }), 'claim_malformed'],
  ];
}

function unsigned({ issuer }: Mint): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(issuer.transactionHeader({ alg: 'none' }))}.${part(issuer.transactionClaims())}.`;
}

/** Every other kind of token, and near misses: one system mints and reads these, so there is but one spelling. */
function kinds(mint: Mint): Row[] {
  const types: [name: string, typ: unknown][] = [
    ['no typ', undefined],
    ['typ null', null],
    ['an empty typ', ''],
    ['typ as a list', ['txntoken+jwt']],
    ['typ JWT', 'JWT'],
    ['typ of an access token', 'at+jwt'],
    ['typ of an access token, with its top level', 'application/at+jwt'],
    ['typ of a logout token', 'logout+jwt'],
    ['typ of a security event', 'secevent+jwt'],
    ['typ of a workload identity', 'wit+jwt'],
    ['typ in capitals', 'TXNTOKEN+JWT'],
    ['typ with its top level', 'application/txntoken+jwt'],
    ['typ of an older draft', 'txn_token'],
    ['typ of an older draft, with its suffix', 'txn-token+jwt'],
    ['typ and a space', 'txntoken+jwt '],
    ['typ with a parameter', 'txntoken+jwt;v=1'],
    ['typ with a Cyrillic letter', 'txntоken+jwt'],
  ];
  return [
    ['an access token', mint.forge.token(), 'typ_not_allowed'],
    [
      'the access token of a service',
      mint.forge.token({ sub: 'gateway', client_id: 'gateway', scope: undefined }),
      'typ_not_allowed',
    ],
    [
      'an access token for the trust domain',
      mint.forge.token({ ...mint.issuer.transactionClaims(), client_id: 'gateway', jti: '1' }),
      'typ_not_allowed',
    ],
    ...types.map(([name, typ]): Row => [name, mint.token({}, { typ }), 'typ_not_allowed']),
  ];
}

function headers(mint: Mint, stranger: TestKey): Row[] {
  const { issuer } = mint.issuer;
  return [
    ['jwk of a stranger', mint.token({}, { jwk: stranger.publicJwk }, stranger), 'header_not_allowed'],
    ['jku', mint.token({}, { jku: 'https://evil.test/jwks.json' }), 'header_not_allowed'],
    ['x5c', mint.token({}, { x5c: ['MIIB'] }), 'header_not_allowed'],
    ['no kid', mint.token({}, { kid: undefined }), 'kid_missing'],
    ['another issuer', mint.token({ iss: 'https://evil.test' }), 'issuer_not_trusted'],
    ['an issuer that differs in a slash', mint.token({ iss: `${issuer}/` }), 'issuer_not_trusted'],
  ];
}

function keys(mint: Mint, stranger: TestKey): Row[] {
  return [['signed by a stranger, with its own kid', mint.token({}, {}, stranger), 'key_unknown']];
}

function signatures(mint: Mint, stranger: TestKey): Row[] {
  const [header = '', payload = '', signature = ''] = mint.token().split('.');
  const other = Buffer.from(JSON.stringify(mint.issuer.transactionClaims({ sub: 'admin' }))).toString('base64url');
  const invalid: [name: string, token: string][] = [
    ['signed by a stranger, with our kid', mint.token({}, { kid: mint.issuer.key.kid }, stranger)],
    ['with other claims than were signed', `${header}.${other}.${signature}`],
    ['with the signature of an access token', `${header}.${payload}.${mint.forge.parts[2]}`],
  ];
  return invalid.map(([name, token]) => [name, token, 'signature_invalid']);
}

const NO_TEXT: [name: string, value: unknown][] = [
  ['that is empty', ''],
  ['null', null],
  ['as a number', 1],
  ['as a list', ['a']],
  ['as an object', { a: 'a' }],
];

function claims(mint: Mint): Row[] {
  const { audience, trustDomain } = mint.issuer;
  const missing = ['aud', 'sub', 'txn', 'scope', 'req_wl'].map((claim): Row => [
    `no ${claim}`,
    mint.token({ [claim]: undefined }),
    'claim_missing',
  ]);
  const malformed = (claim: string, values: [name: string, value: unknown][]): Row[] =>
    values.map(([name, value]) => [`${claim} ${name}`, mint.token({ [claim]: value }), 'claim_malformed']);
  const audiences: [name: string, aud: string][] = [
    ['the audience of a service', audience],
    ['another trust domain', `not-${trustDomain}`],
    ['a trust domain that ours is part of', `${trustDomain}.evil.test`],
    ['our trust domain in other case', trustDomain.toUpperCase()],
    ['our trust domain and a slash', `${trustDomain}/`],
    ['an empty aud', ''],
  ];
  return [
    ...missing,
    ...['sub', 'req_wl', 'sid'].flatMap((claim) => malformed(claim, NO_TEXT)),
    ...['sub', 'req_wl'].flatMap((claim) => malformed(claim, [['with a line feed', 'a\nb']])),
    ...audiences.map(([name, aud]): Row => [name, mint.token({ aud }), 'audience_mismatch']),
    ...malformed('aud', [
      ['as a list of ours', [trustDomain]],
      ['as a list of ours and a service', [trustDomain, audience]],
      ['as an empty list', []],
      ['null', null],
    ]),
    ...malformed('txn', [
      ...NO_TEXT,
      ['of 7 letters', 't'.repeat(7)],
      ['of 65 letters', 't'.repeat(65)],
      ['with a space', 'a transaction'],
      ['with a line feed', 'transaction\n'],
      ['with a letter that is not ASCII', 'transactión'],
      ['with a slash', '../../../etc'],
    ]),
    ...malformed('scope', [
      ['that is empty', ''],
      ['that is one space', ' '],
      ['with two spaces between', 'a  b'],
      ['as a list', ['a']],
      ['null', null],
    ]),
    ...['tctx', 'rctx'].flatMap((claim) =>
      malformed(claim, [
        ['null', null],
        ['as text', '{}'],
        ['as a list', [{}]],
        ['as a number', 1],
        ['false', false],
      ]),
    ),
    ['bound to a key', mint.token({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } }), 'proof_required'],
  ];
}

function times(mint: Mint): Row[] {
  const { now } = mint;
  const row = (name: string, overrides: Claims, reason: string): Row => [name, mint.token(overrides), reason];
  return [
    row('no exp', { exp: undefined }, 'claim_missing'),
    row('no iat', { iat: undefined }, 'claim_missing'),
    row('exp as text', { exp: String(now + 60) }, 'claim_malformed'),
    row('iat null', { iat: null }, 'claim_malformed'),
    row('expires before it is issued', { exp: now - 1 }, 'claim_malformed'),
    row('lives a second too long', { exp: now + 301 }, 'lifetime_too_long'),
    row('lives a second too long, and most of it has passed', { iat: now - 299, exp: now + 2 }, 'lifetime_too_long'),
    row('lives for a day', { exp: now + 86_400 }, 'lifetime_too_long'),
    row('expired as long ago as the tolerance', { iat: now - 65, exp: now - 5 }, 'token_expired'),
    row('expired an hour ago', { iat: now - 3_660, exp: now - 3_600 }, 'token_expired'),
    row('issued later than the tolerance allows', { iat: now + 5.001, exp: now + 65 }, 'token_issued_in_future'),
    row('issued in an hour', { iat: now + 3_600, exp: now + 3_660 }, 'token_issued_in_future'),
    row('not valid yet', { nbf: now + 30 }, 'token_not_yet_valid'),
  ];
}
