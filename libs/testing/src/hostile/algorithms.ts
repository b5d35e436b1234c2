import { createHmac, createPublicKey } from 'node:crypto';
import { type Forge } from '../forge';
import { otherCase } from '../json-text';
import { signatureOf, signingAlgorithm, TEST_ALGORITHMS, type TestKey } from '../test-key';
import { type HostileToken, type Material, refusedAt, type Row } from './hostile-token';

/** What `alg` must not be (RFC 8725, sections 2.1 and 3.1), but for what belongs to another key: see keys.ts. */
export function algorithms({ forge, allowed }: Material): HostileToken[] {
  const others = TEST_ALGORITHMS.filter((name) => !allowed.has(name));
  return refusedAt('decode', [
    ...unsigned(forge),
    ...values(forge),
    ...hmacs(forge),
    ...others.map((alg) => notAllowed(`alg ${alg}, which is not on the list`, signedAs(forge, alg))),
  ]);
}

const notAllowed = (name: string, token: string): Row => [name, token, 'alg_not_allowed'];

function unsigned(forge: Forge): Row[] {
  const input = (alg: string) => forge.token({}, { alg }).replace(/[^.]+$/, '');
  return [
    notAllowed('alg none, no signature', input('none')),
    notAllowed('alg None, no signature', input('None')),
    notAllowed('alg NONE, no signature', input('NONE')),
    notAllowed('alg nOnE, no signature', input('nOnE')),
    notAllowed('alg none and a space, no signature', input('none ')),
    notAllowed('alg none, and the signature of another header', `${input('none')}${forge.parts[2]}`),
  ];
}

/** Every one of them signed as it should be: it is only `alg` that is wrong. */
function values(forge: Forge): Row[] {
  const { algorithm } = forge.key;
  const asked: [name: string, alg: unknown][] = [
    ['alg none, and signed nevertheless', 'none'],
    ['alg NONE, and signed nevertheless', 'NONE'],
    ['alg none with a letter that only looks like it', 'nоne'],
    ['no alg', undefined],
    ['an empty alg', ''],
    ['alg null', null],
    ['alg true', true],
    ['alg as a number, as in COSE', -7],
    ['alg as a list', [algorithm]],
    ['alg as an object', { name: algorithm }],
    ['alg as a list of two', [algorithm, 'none']],
    ['alg as a choice', `${algorithm},none`],
    ['alg *', '*'],
    ['alg in lower case', algorithm.toLowerCase()],
    ['alg with one letter in the other case', algorithm.replace(/(?<=^.)[a-z]/i, otherCase)],
    ['alg and a space', `${algorithm} `],
    ['a space and alg', ` ${algorithm}`],
    ['alg and a NUL', `${algorithm}\0`],
    ['alg and a line feed', `${algorithm}\n`],
    ['alg that begins like ours', algorithm.slice(0, -1)],
    ['alg that goes on where ours ends', `${algorithm}0`],
    ['alg with a Cyrillic letter', algorithm.includes('S') ? algorithm.replace('S', 'Ѕ') : algorithm.replace('E', 'Е')],
    [
      'alg in full-width letters',
      algorithm.replace(/./g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0)),
    ],
    ['alg __proto__', '__proto__'],
    ['alg constructor', 'constructor'],
    ['alg toString', 'toString'],
    ['alg ES256K, of the curve of Bitcoin', 'ES256K'],
    ['alg Ed448', 'Ed448'],
    ['alg ML-DSA-44', 'ML-DSA-44'],
    ['alg RS1', 'RS1'],
    ['alg RSA1_5, for encryption', 'RSA1_5'],
    ['alg RSA-OAEP-256, for encryption', 'RSA-OAEP-256'],
    ['alg ECDH-ES, for encryption', 'ECDH-ES'],
    ['alg dir, for encryption', 'dir'],
    ['alg PBES2-HS256+A128KW, for encryption', 'PBES2-HS256+A128KW'],
    ['alg as XML signatures name it', 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'],
    ['alg as Java names it', 'SHA256withECDSA'],
    ['alg as the name of a hash', 'sha256'],
  ];
  return asked.map(([name, alg]) => notAllowed(name, forge.token({}, { alg })));
}

/**
 * The public key as a secret that both sides know: what a verifier with one function for both kinds of key falls for
 * (CVE-2015-9235). In each form that a verifier may hold the key in.
 */
function hmacs(forge: Forge): Row[] {
  const publicKey = createPublicKey(forge.key.privateKey);
  const { publicJwk } = forge.key;
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const secrets: [name: string, secret: string | Uint8Array][] = [
    ['the public key as PEM', pem],
    ['the public key as PEM, without its last line feed', pem.trimEnd()],
    ['the public key as PEM, with the line breaks of Windows', pem.replaceAll('\n', '\r\n')],
    ['the public key as PEM, all in one line', pem.replaceAll('\n', '')],
    ['the base64 inside of the PEM', pem.replace(/-.*-|\s/g, '')],
    ['the public key as DER', publicKey.export({ format: 'der', type: 'spki' })],
    ['the public key as JWK', JSON.stringify(publicJwk)],
    ['the public key as JWK, as crypto exports it', JSON.stringify(publicKey.export({ format: 'jwk' }))],
    ['the whole key set', JSON.stringify(forge.issuer.jwks)],
    ['the modulus, or x', Buffer.from(publicJwk.n ?? publicJwk.x ?? '', 'base64url')],
    ['the modulus, or x, as text', publicJwk.n ?? publicJwk.x ?? ''],
    ['the kid', publicJwk.kid],
    ['an empty secret', ''],
    ['a secret that everybody tries first', 'secret'],
  ];
  if (publicKey.asymmetricKeyType === 'rsa') {
    secrets.push(
      ['the public key as PEM of PKCS #1', publicKey.export({ format: 'pem', type: 'pkcs1' })],
      ['the public key as DER of PKCS #1', publicKey.export({ format: 'der', type: 'pkcs1' })],
    );
  }
  const hmac = (bits: number, secret: string | Uint8Array) => {
    const input = forge.token({}, { alg: `HS${bits}` }).replace(/\.[^.]+$/, '');
    return `${input}.${createHmac(`sha${bits}`, secret).update(input).digest('base64url')}`;
  };
  return [
    ...secrets.map(([name, secret]) => notAllowed(`HS256 with ${name}`, hmac(256, secret))),
    notAllowed('HS384 with the public key as PEM', hmac(384, pem)),
    notAllowed('HS512 with the public key as PEM', hmac(512, pem)),
  ];
}

/** Our key's token with another `alg`: signed that way, if the key can do it at all. */
export function signedAs(forge: Forge, alg: string): string {
  const able = signingAlgorithm(alg).pair === signingAlgorithm(forge.key.algorithm).pair;
  const key: TestKey = able ? { ...forge.key, algorithm: alg } : forge.key;
  const input = forge.token({}, { alg }).replace(/\.[^.]+$/, '');
  return `${input}.${signatureOf(input, key).toString('base64url')}`;
}
