import { createHash } from 'node:crypto';
import { signatureOf, type TestKey } from '../test-key';
import { type Forgery } from './hostile-token';

/** RFC 8032, section 5.1.7: numbers are small-endian, and s has to be less than the order of the group. */
export function ed25519Forgeries(input: string, key: TestKey): Forgery[] {
  const signature = signatureOf(input, key);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const value = BigInt(`0x${Buffer.from(s).reverse().toString('hex')}`);
  const number = (of: bigint) => Buffer.from(of.toString(16).padStart(64, '0'), 'hex').reverse();
  const zero = Buffer.alloc(32);
  const neutral = number(1n);
  const joined = (...halves: Uint8Array[]) => Buffer.concat(halves);
  return [
    ['s and once the order of the group', joined(r, number(value + order))],
    ['s and twice the order of the group', joined(r, number(value + 2n * order))],
    ['s is the order of the group', joined(r, number(order))],
    ['s is the order of the group less s', joined(r, number(order - value))],
    [
      's with its highest bit set',
      joined(
        r,
        s.map((byte, i) => (i === 31 ? byte | 0x80 : byte)),
      ),
    ],
    ['s alone is zero', joined(r, zero)],
    ['R alone is zero', joined(zero, s)],
    ['R is the neutral element', joined(neutral, s)],
    ['R is the neutral element, and s is zero', joined(neutral, zero)],
    ['R is the neutral element in another spelling', joined(number(1n + 2n ** 255n), zero)],
    ['R is a point of small order', joined(number(2n ** 255n - 20n), zero)],
    [
      'R with its sign turned',
      joined(
        r.map((byte, i) => (i === 31 ? byte ^ 0x80 : byte)),
        s,
      ),
    ],
    ['R twice', joined(r, r)],
    ['R and s with their highest byte first', joined(Buffer.from(r).reverse(), Buffer.from(s).reverse())],
    [
      'an Ed25519 signature over the SHA-512 of both parts',
      signatureOf(createHash('sha512').update(input).digest(), key),
    ],
    ['the public key for R', joined(Buffer.from(key.publicJwk.x ?? '', 'base64url'), s)],
    ['a signature as long as that of Ed448', joined(signature, Buffer.alloc(50))],
    ['a signature with a byte for the algorithm before it', joined(Buffer.from([0x40]), signature)],
  ];
}
