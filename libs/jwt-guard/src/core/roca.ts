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
