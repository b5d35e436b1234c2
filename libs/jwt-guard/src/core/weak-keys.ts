const GENERATOR = 65_537;
/** What the flawed primes are built on whatever their length: the odd ones of the first 39 primes. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
/** By prime, what the powers of the generator leave when they are divided by it. */
const POWERS: readonly (readonly [prime: bigint, powers: ReadonlySet<bigint>])[] = PRIMES.map((prime) => {
  const powers = new Set<bigint>();
  for (let power = 1; !powers.has(BigInt(power)); power = (power * GENERATOR) % prime) powers.add(BigInt(power));
  return [BigInt(prime), powers];
});

/**
 * Whether an RSA modulus shows that its key was made by the library of CVE-2017-15361 ("ROCA"), so that its private
 * key can be computed from it. That library's primes are powers of 65537 modulo every small prime, and so is their
 * product (Nemec et al., "The Return of Coppersmith's Attack", section 2.3); of other keys one in 2^27 looks so.
 */
export function hasRocaMark(modulus: bigint): boolean {
  return POWERS.every(([prime, powers]) => powers.has(modulus % prime));
}

/**
 * The y coordinates, little-endian, of the points of Ed25519 whose order divides eight, as they may be written
 * (RFC 8032, section 5.1.3 asks for less than p; OpenSSL doesn't).
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** Whether an Ed25519 public key is one of the few for which one signature is right for many messages. */
export function hasSmallOrder(publicKey: Uint8Array): boolean {
  const y = Buffer.from(publicKey);
  // The highest bit is the sign of the other coordinate.
  const last = y.length - 1;
  if (last >= 0) y[last] = (y[last] ?? 0) & 0x7f;
  return SMALL_ORDER.has(y.toString('hex'));
}
