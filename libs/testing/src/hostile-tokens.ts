import { createHmac } from 'node:crypto';
import { exportSPKI, importJWK } from 'jose';
import { type TestIssuer } from './test-issuer';
import { generateTestKey } from './test-key';

/** A token that must be refused, and the code that must say why. */
export interface HostileToken {
  readonly name: string;
  readonly token: string;
  readonly code: string;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What an attacker, or a mistake, makes of an issuer's tokens. */
export async function hostileTokens(issuer: TestIssuer): Promise<HostileToken[]> {
  const good = await issuer.token();
  const [header = '', payload = '', signature = ''] = good.split('.');
  const stranger = await generateTestKey(issuer.key.algorithm);
  const now = issuer.clock.now();
  const claims = issuer.claims();
  const unsigned = (alg: unknown) => `${encode({ alg, typ: 'at+jwt', kid: issuer.key.kid })}.${payload}.`;

  const publicKey = await importJWK(issuer.key.publicJwk, issuer.key.algorithm, { extractable: true });
  const pem = await exportSPKI(publicKey as Parameters<typeof exportSPKI>[0]);
  const hmacInput = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: issuer.key.kid })}.${payload}`;
  const hmac = (secret: string) => createHmac('sha256', secret).update(hmacInput).digest('base64url');

  const hostile: [name: string, token: string | Promise<string>, code: string][] = [
    ['alg none, no signature', unsigned('none'), 'alg_not_allowed'],
    ['no signature', `${header}.${payload}.`, 'token_malformed'],
    ['alg none, with a signature', `${unsigned('none')}${signature}`, 'alg_not_allowed'],
    ['alg nOnE', `${unsigned('nOnE')}${signature}`, 'alg_not_allowed'],
    ['alg not a string', `${unsigned(['ES256'])}${signature}`, 'alg_not_allowed'],
    ['HS256 with the public key as PEM', `${hmacInput}.${hmac(pem)}`, 'alg_not_allowed'],
    [
      'HS256 with the public key as JWK',
      `${hmacInput}.${hmac(JSON.stringify(issuer.key.publicJwk))}`,
      'alg_not_allowed',
    ],
    ['a tampered payload', `${header}.${encode({ ...claims, sub: 'admin' })}.${signature}`, 'signature_invalid'],
    [
      'the signature of another token',
      `${header}.${payload}.${(await issuer.token({ jti: 'other' })).split('.')[2]}`,
      'signature_invalid',
    ],
    ["a stranger's key under our kid", issuer.token({}, { kid: issuer.key.kid }, stranger), 'signature_invalid'],
    ['an unknown kid', issuer.token({}, { kid: 'unknown' }), 'key_unknown'],
    ['no kid', issuer.token({}, { kid: undefined }), 'kid_missing'],
    ['an empty kid', issuer.token({}, { kid: '' }), 'kid_missing'],
    ['an embedded key', issuer.token({}, { jwk: stranger.publicJwk }, stranger), 'header_not_allowed'],
    ...['crit', 'b64', 'zip', 'enc', 'x5u', 'x5c'].map((name): [string, Promise<string>, string] => [
      `the header parameter ${name}`,
      Promise.resolve(
        `${encode({ alg: issuer.key.algorithm, typ: 'at+jwt', kid: issuer.key.kid, [name]: 'x' })}.${payload}.${signature}`,
      ),
      'header_not_allowed',
    ]),
    ['a key address', issuer.token({}, { jku: 'https://evil.test/jwks' }), 'header_not_allowed'],
    ['typ JWT', issuer.token({}, { typ: 'JWT' }), 'typ_not_allowed'],
    ['no typ', issuer.token({}, { typ: undefined }), 'typ_not_allowed'],
    ['another issuer', issuer.token({ iss: 'https://evil.test' }), 'issuer_not_trusted'],
    ['no issuer', issuer.token({ iss: undefined }), 'claim_missing'],
    ['another audience', issuer.token({ aud: `not-${issuer.audience}` }), 'audience_mismatch'],
    ['an audience that only begins like ours', issuer.token({ aud: `${issuer.audience}-2` }), 'audience_mismatch'],
    ['no audience', issuer.token({ aud: undefined }), 'claim_missing'],
    ['an empty list of audiences', issuer.token({ aud: [] }), 'audience_mismatch'],
    ['expired', issuer.token({ iat: now - 600, exp: now - 300 }), 'token_expired'],
    ['no exp', issuer.token({ exp: undefined }), 'claim_missing'],
    ['exp as text', issuer.token({ exp: String(now + 300) }), 'claim_malformed'],
    ['no iat', issuer.token({ iat: undefined }), 'claim_missing'],
    ['issued in the future', issuer.token({ iat: now + 60, exp: now + 360 }), 'token_issued_in_future'],
    ['not valid yet', issuer.token({ nbf: now + 60 }), 'token_not_yet_valid'],
    ['lives for a day', issuer.token({ exp: now + 86_400 }), 'lifetime_too_long'],
    ['exp in milliseconds', issuer.token({ exp: (now + 300) * 1000 }), 'lifetime_too_long'],
    ['no subject', issuer.token({ sub: undefined }), 'claim_missing'],
    ['subject is a number', issuer.token({ sub: 1 }), 'claim_malformed'],
    ['no jti', issuer.token({ jti: undefined }), 'claim_missing'],
    ['no client_id', issuer.token({ client_id: undefined }), 'claim_missing'],
    ['scope as a list', issuer.token({ scope: ['documents:read'] }), 'claim_malformed'],
    ['six actors', issuer.token({ act: nest(6) }), 'claim_malformed'],
    ['the payload is a list', issuer.sign('[]'), 'token_malformed'],
    ['the payload is no JSON', issuer.sign('{"iss":'), 'token_malformed'],
    [
      'a payload that is no UTF-8',
      `${header}.${Buffer.from('{"iss":"\xff"}', 'latin1').toString('base64url')}.${signature}`,
      'token_malformed',
    ],
    ['trailing bits in the signature', `${header}.${payload}.${otherSpelling(signature)}`, 'token_malformed'],
    ['33 audiences', issuer.token({ aud: Array.from({ length: 33 }, () => issuer.audience) }), 'claim_malformed'],
    ['two spaces in the scope', issuer.token({ scope: 'documents:read  documents:write' }), 'claim_malformed'],
    ['exp out of every calendar', issuer.token({ exp: 1e300 }), 'claim_malformed'],
    ['iat before all time', issuer.token({ iat: -1 }), 'claim_malformed'],
    ['two parts', `${header}.${payload}`, 'token_malformed'],
    ['four parts', `${good}.${signature}`, 'token_malformed'],
    ['padding', `${header}.${payload}.${signature}==`, 'token_malformed'],
    ['a character of plain base64', `${header}.${payload}.+${signature.slice(1)}`, 'token_malformed'],
    ['white space inside', `${header}. ${payload}.${signature}`, 'token_malformed'],
    ['not a token', 'undefined', 'token_malformed'],
    ['9 KiB', issuer.token({ padding: 'x'.repeat(9_000) }), 'token_too_large'],
  ];
  return Promise.all(hostile.map(async ([name, token, code]) => ({ name, token: await token, code })));
}

/**
 * The same bytes in other letters: the last one of 64 bytes in base64url stands for two bits that count – it is A,
 * Q, g or w – and four that nobody reads.
 */
function otherSpelling(signature: string): string {
  return `${signature.slice(0, -1)}${String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1)}`;
}

function nest(depth: number): unknown {
  return depth === 0 ? undefined : { sub: `service-${depth}`, act: nest(depth - 1) };
}
