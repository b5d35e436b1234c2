import { generateKeyPairSync, sign } from 'node:crypto';
import { signatureOf, signingAlgorithm, type TestKey } from '../test-key';
import { type Forgery } from './hostile-token';

// The order of each curve's group (SEC 2, sections 2.4.2, 2.5.1 and 2.6.1).
const ORDERS: Readonly<Record<string, string>> = {
  'P-256': 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'P-384': 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  'P-521': `01${'ff'.repeat(32)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
};

/** RFC 7518, section 3.4. Not among them: n - s for s. By mathematics that is a signature as well. */
export function ecdsaForgeries(input: string, key: TestKey): Forgery[] {
  const { hash, pair } = signingAlgorithm(key.algorithm);
  const { privateKey } = key;
  const signature = signatureOf(input, key);
  const half = signature.length / 2;
  const [r, s] = [signature.subarray(0, half), signature.subarray(half)];
  const zero = Buffer.alloc(half);
  const one = Buffer.from([...zero.subarray(1), 1]);
  const order = Buffer.from(ORDERS[pair] ?? '', 'hex');
  const joined = (...numbers: Uint8Array[]) => Buffer.concat(numbers);
  const withHash = (other: string) => sign(other, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const otherCurve = pair === 'P-384' ? 'P-256' : 'P-384';
  const elsewhere = generateKeyPairSync('ec', { namedCurve: otherCurve }).privateKey;
  return [
    ['an ECDSA signature in DER', sign(hash, Buffer.from(input), { key: privateKey, dsaEncoding: 'der' })],
    ['r alone is zero', joined(zero, s)],
    ['s alone is zero', joined(r, zero)],
    ['r and s are one', joined(one, one)],
    ['r and s are the order of the curve', joined(order, order)],
    ['r is the order of the curve', joined(order, s)],
    ['s is the order of the curve', joined(r, order)],
    ['r twice', joined(r, r)],
    ['r and s with a zero byte before each', joined(Buffer.alloc(1), r, Buffer.alloc(1), s)],
    ['r and s with their lowest byte first', joined(Buffer.from(r).reverse(), Buffer.from(s).reverse())],
    [
      's negated as a number of fixed length',
      joined(
        r,
        s.map((byte) => byte ^ 0xff),
      ),
    ],
    ['a key of another curve', sign(hash, Buffer.from(input), { key: elsewhere, dsaEncoding: 'ieee-p1363' })],
    ...['sha256', 'sha384', 'sha512']
      .filter((other) => other !== hash)
      .map((other): Forgery => [`an ECDSA signature with ${other}`, withHash(other)]),
  ];
}
