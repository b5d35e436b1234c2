import { TestIssuer } from '@token-relay/testing';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Algorithm = 'ES256' | 'RS256' | 'EdDSA';

/** What everybody who is compared verifies, and what with: in a file, since each has a process of its own. */
export interface Tokens {
  readonly algorithm: Algorithm;
  readonly issuer: string;
  readonly audience: string;
  /** The public key, as a JWKS has it. */
  readonly jwk: Readonly<Record<string, string>> & { readonly kid: string; readonly kty: string };
  /** Each of another user, session and token id. */
  readonly tokens: readonly string[];
}

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'gateway';
/** As long as the profile of RFC 9068 lets a token live here, in seconds: longer than they are measured. */
const LIFETIME_SECONDS = 900;

/** @returns the path of the file */
export async function writeTokens(folder: string, algorithm: Algorithm, count: number): Promise<string> {
  const issuer = await TestIssuer.create({ issuer: ISSUER, audience: AUDIENCE, algorithm });
  const exp = issuer.clock.now() + LIFETIME_SECONDS;
  const tokens: string[] = [];
  for (let made = 0; made < count; made++) {
    tokens.push(await issuer.token({ sub: randomUUID(), jti: randomUUID(), sid: randomUUID(), sub_epoch: 0, exp }));
  }
  const file = join(folder, `${algorithm}.json`);
  const content: Tokens = { algorithm, issuer: ISSUER, audience: AUDIENCE, jwk: issuer.key.publicJwk, tokens };
  await writeFile(file, JSON.stringify(content));
  return file;
}

export function readTokens(file: string): Tokens {
  return JSON.parse(readFileSync(file, 'utf8')) as Tokens;
}

/** The parts of a token that a signature is verified with. */
export function signed(token: string): { readonly input: string; readonly signature: Buffer } {
  const end = token.lastIndexOf('.');
  return { input: token.slice(0, end), signature: Buffer.from(token.slice(end + 1), 'base64url') };
}

/**
 * The same tokens with another signature: random, of the right length, and in the range in which it has to be computed
 * with, so that none is refused for less than it costs to verify it.
 */
export function garbled({ algorithm, tokens }: Tokens): string[] {
  return tokens.map((token) => {
    const { input, signature } = signed(token);
    return `${input}.${inRange(algorithm, randomBytes(signature.length)).toString('base64url')}`;
  });
}

function inRange(algorithm: Algorithm, signature: Buffer): Buffer {
  const last = signature.length - 1;
  // Less than the modulus, whose first bit is set; less than the order of the curve, which is a little above 2^252. Two
  // numbers that are no right ones for P-256 are as good as never met.
  if (algorithm === 'RS256') signature[0] = (signature[0] ?? 0) & 0x7f;
  if (algorithm === 'EdDSA') signature[last] = (signature[last] ?? 0) & 0x0f;
  return signature;
}
