import argon2 from 'argon2';

/** What OWASP's password storage guide asks of argon2id at least: 19 MiB, two passes, one lane. */
export const ARGON2ID = Object.freeze({
  type: argon2.argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
});

/**
 * Whether a hash in the PHC string format has just these parameters. With others a password would take another
 * time to verify than that of nobody, and so tell who is a user.
 */
export function isArgon2id(hash: string): boolean {
  const [, parameters] = /^\$argon2id\$v=19\$([^$]+)\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.exec(hash) ?? [];
  return parameters?.split(',').sort().join() === 'm=19456,p=1,t=2';
}
