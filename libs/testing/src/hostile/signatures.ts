import { createHash, createHmac, createPublicKey } from 'node:crypto';
import { type Forge } from '../forge';
import { signatureOf, signingAlgorithm } from '../test-key';
import { ecdsaForgeries } from './ecdsa-forgeries';
import { ed25519Forgeries } from './ed25519-forgeries';
import { type Forgery, type HostileToken, type Material, refusedAt } from './hostile-token';
import { rsaForgeries } from './rsa-forgeries';

/** Good headers, good claims, a key that is ours – and a signature that isn't this token's. */
export function signatures(material: Material): HostileToken[] {
  const { key, parts } = material.forge;
  const input = `${parts[0]}.${parts[1]}`;
  const { pair } = signingAlgorithm(key.algorithm);
  const ofItsKind = pair === 'rsa' ? rsaForgeries : pair === 'ed25519' ? ed25519Forgeries : ecdsaForgeries;
  const forged = [...changedBytes(material.forge), ...overSomethingElse(material), ...ofItsKind(input, key)].map(
    ([name, signature]) => [name, `${input}.${signature.toString('base64url')}`] as const,
  );
  const rows = [...changedAfterwards(material.forge), ...byAStranger(material), ...forged];
  return refusedAt(
    'verify_signature',
    rows.map(([name, token]) => [name, token, 'signature_invalid']),
  );
}

function changedAfterwards(forge: Forge): (readonly [name: string, token: string])[] {
  const [header, payload, signature] = forge.parts;
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  const claims = (overrides: Record<string, unknown>) =>
    `${header}.${encode(forge.payloadJson(overrides))}.${signature}`;
  const changedHeader = (text: string) => `${encode(text)}.${payload}.${signature}`;
  const { now } = forge;
  return [
    ['another subject than was signed', claims({ sub: 'admin' })],
    ['more scope than was signed', claims({ scope: 'documents:read documents:write admin' })],
    ['a role that was not signed', claims({ roles: ['admin'] })],
    ['an actor that was not signed', claims({ act: { sub: 'gateway' } })],
    ['an expiry later by a second than was signed', claims({ exp: now + 301 })],
    ['no scope, but one was signed', claims({ scope: undefined })],
    ['a space in the payload that was not signed', `${header}.${encode(`${forge.payloadJson()} `)}.${signature}`],
    ['a header parameter that was not signed', changedHeader(forge.headerJson({ foo: 'bar' }))],
    ['typ in other letters than was signed', changedHeader(forge.headerJson({ typ: 'AT+JWT' }))],
    ['the header in another order than was signed', changedHeader(fromBackToFront(forge.headerJson()))],
  ];
}

function fromBackToFront(json: string): string {
  return JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json) as object).reverse()));
}

function byAStranger({ forge, stranger }: Material): (readonly [name: string, token: string])[] {
  const { kid } = forge.key;
  return [
    ["a stranger's signature under our kid", forge.token({}, { kid }, stranger)],
    [
      'the signature of another token',
      `${forge.parts[0]}.${forge.parts[1]}.${forge.token({ jti: 'other' }).split('.')[2]}`,
    ],
    ['the signature of this token as it was a second ago', aSecondAgo(forge)],
  ];
}

function aSecondAgo(forge: Forge): string {
  const signature = forge.token({ iat: forge.now - 1, exp: forge.now + 299 }).split('.')[2];
  return `${forge.parts[0]}.${forge.parts[1]}.${signature}`;
}

function changedBytes(forge: Forge): Forgery[] {
  const signature = Buffer.from(forge.parts[2], 'base64url');
  const { length } = signature;
  const half = length / 2;
  const flipped = (index: number) => signature.map((byte, i) => (i === index ? byte ^ 1 : byte));
  const forgeries: [name: string, bytes: Uint8Array][] = [
    ['a bit of the first byte of the signature flipped', flipped(0)],
    ['a bit of a byte in the middle of the signature flipped', flipped(Math.floor(half))],
    ['a bit of the last byte of the signature flipped', flipped(length - 1)],
    ['every bit of the signature flipped', signature.map((byte) => byte ^ 0xff)],
    ['the signature without its last byte', signature.subarray(0, -1)],
    ['the signature without its first byte', signature.subarray(1)],
    ['the first half of the signature', signature.subarray(0, half)],
    ['the second half of the signature', signature.subarray(half)],
    ['a zero byte behind the signature', Buffer.concat([signature, Buffer.alloc(1)])],
    ['a zero byte before the signature', Buffer.concat([Buffer.alloc(1), signature])],
    ['the signature twice', Buffer.concat([signature, signature])],
    ['the signature from back to front', Buffer.from(signature).reverse()],
    ['the halves of the signature swapped', Buffer.concat([signature.subarray(half), signature.subarray(0, half)])],
    // For ECDSA that is r = s = 0, which Java took for any token at all (CVE-2022-21449).
    ['a signature of zeros', Buffer.alloc(length)],
    ['a signature of ones', Buffer.alloc(length, 0xff)],
    ['a signature that is one zero byte', Buffer.alloc(1)],
    ['a signature of 4 KiB', Buffer.alloc(4096, signature)],
    ['the signature in hexadecimal', Buffer.from(signature.toString('hex'))],
    ['the signature in base64url once more', Buffer.from(forge.parts[2])],
  ];
  return forgeries.map(([name, bytes]) => [name, Buffer.from(bytes)]);
}

function overSomethingElse({ forge }: Material): Forgery[] {
  const [header, payload] = forge.parts;
  const input = `${header}.${payload}`;
  const signed = (text: string | Uint8Array) => signatureOf(text, forge.key);
  const padded = (part: string) => part.padEnd(Math.ceil(part.length / 4) * 4, '=');
  const pem = createPublicKey(forge.key.privateKey).export({ format: 'pem', type: 'spki' });
  return [
    ['a signature over nothing', signed('')],
    ['a signature over the header alone', signed(header)],
    ['a signature over the payload alone', signed(payload)],
    ['a signature over the payload and then the header', signed(`${payload}.${header}`)],
    ['a signature over both parts without the dot', signed(`${header}${payload}`)],
    ['a signature over both parts and a dot behind them', signed(`${input}.`)],
    ['a signature over both parts and a line feed', signed(`${input}\n`)],
    ['a signature over the JSON, as if b64 were false', signed(`${header}.${forge.payloadJson()}`)],
    ['a signature over both parts as JSON', signed(`${forge.headerJson()}.${forge.payloadJson()}`)],
    ['a signature over both parts, with a padding character', signed(`${padded(header)}.${padded(payload)}=`)],
    ['a signature over both parts in UTF-16', signed(Buffer.from(input, 'utf16le'))],
    ['a signature over the whole token', signed(forge.good)],
    ['a signature over the hash of both parts', signed(createHash('sha256').update(input).digest())],
    ['the hash of both parts for a signature', createHash('sha256').update(input).digest()],
    ['an HMAC with the public key for a signature', createHmac('sha256', pem).update(input).digest()],
  ];
}
