import { constants, createHash, privateEncrypt, sign } from 'node:crypto';
import { signatureOf, signingAlgorithm, type TestKey } from '../test-key';
import { type Forgery } from './hostile-token';

/** RFC 8017, sections 8.1 and 8.2: one pair of keys, and a dozen ways to sign with it that aren't the one agreed on. */
export function rsaForgeries(input: string, key: TestKey): Forgery[] {
  const { hash: ownHash, options } = signingAlgorithm(key.algorithm);
  const hash = ownHash ?? 'sha256';
  const { privateKey } = key;
  const modulus = BigInt(`0x${Buffer.from(key.publicJwk.n ?? '', 'base64url').toString('hex')}`);
  const signature = signatureOf(input, key);
  const number = (value: bigint) => Buffer.from(value.toString(16).padStart(signature.length * 2, '0'), 'hex');
  const digest = createHash(hash).update(input).digest();
  const raw = (block: Buffer) => privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, block);
  const signed = (other: string, padding: number, saltLength?: number) =>
    sign(other, Buffer.from(input), { key: privateKey, padding, ...(saltLength === undefined ? {} : { saltLength }) });
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX_SIGN } = constants;
  const pss = options.padding === RSA_PKCS1_PSS_PADDING;
  const otherHashes = ['sha256', 'sha384', 'sha512'].filter((other) => other !== hash);
  const forgeries: Forgery[] = [
    ['an RSA signature that is one', number(1n)],
    ['an RSA signature that is the modulus', number(modulus)],
    ['an RSA signature that is the modulus less one', number(modulus - 1n)],
    ['an RSA signature negated', number(modulus - BigInt(`0x${signature.toString('hex')}`))],
    ['the hash raised to the private exponent, without any padding', raw(filled(signature.length, [], 0, digest))],
  ];
  if (pss) {
    return [
      ...forgeries,
      ['PKCS #1 v1.5 for PSS', signed(hash, RSA_PKCS1_PADDING)],
      ['PSS without salt', signed(hash, RSA_PKCS1_PSS_PADDING, 0)],
      ['PSS with a salt that is shorter by a byte', signed(hash, RSA_PKCS1_PSS_PADDING, digest.length - 1)],
      ['PSS with a salt that is longer by a byte', signed(hash, RSA_PKCS1_PSS_PADDING, digest.length + 1)],
      ['PSS with the longest salt that fits', signed(hash, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX_SIGN)],
      ...otherHashes.map((other): Forgery => [
        `PSS with ${other}`,
        signed(other, RSA_PKCS1_PSS_PADDING, digest.length),
      ]),
    ];
  }
  const info = digestInfo(hash, digest, true);
  const block = (start: number[], filling: number, end: Buffer) => raw(filled(signature.length, start, filling, end));
  // Eight bytes of padding are the least there may be; what is behind the hash is the forger's to choose.
  const short = Buffer.concat([Buffer.from([0, 1, ...Array<number>(8).fill(0xff), 0]), info]);
  return [
    ...forgeries,
    ['PSS for PKCS #1 v1.5', signed(hash, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST)],
    ['garbage behind the hash', raw(Buffer.concat([short, Buffer.alloc(signature.length - short.length, 0xaa)]))],
    ['padding that begins as for encryption', block([0, 2], 0xff, Buffer.concat([Buffer.alloc(1), info]))],
    ['padding of zeros', block([0, 0], 0, Buffer.concat([Buffer.alloc(1), info]))],
    ['padding without its end', block([0, 1], 0xff, info)],
    ['no name of the hash before it', block([0, 1], 0xff, Buffer.concat([Buffer.alloc(1), digest]))],
    [
      'a name of the hash without its NULL',
      block([0, 1], 0xff, Buffer.concat([Buffer.alloc(1), digestInfo(hash, digest, false)])),
    ],
    ...otherHashes.map((other): Forgery => [`PKCS #1 v1.5 with ${other}`, signed(other, RSA_PKCS1_PADDING)]),
  ];
}

function filled(length: number, start: readonly number[], filling: number, end: Buffer): Buffer {
  return Buffer.concat([Buffer.from(start), Buffer.alloc(length - start.length - end.length, filling), end]);
}

/** `DigestInfo` (RFC 8017, section 9.2), with the NULL that has to be there as parameters, or without. */
function digestInfo(hash: string, digest: Buffer, withNull: boolean): Buffer {
  const last = { sha256: 1, sha384: 2, sha512: 3 }[hash] ?? 0;
  const oid = [0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last];
  const name = [...oid, ...(withNull ? [0x05, 0] : [])];
  const start = [0x30, name.length + digest.length + 4, 0x30, name.length, ...name, 0x04, digest.length];
  return Buffer.concat([Buffer.from(start), digest]);
}
