import { type AlgorithmName, TokenVerifier } from '@token-relay/jwt-guard';
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { distinct } from '../parse-file';

/** What clients may sign with, each of their keys in one of these ways. */
export const CLIENT_ALGORITHMS = [
  'ES256',
  'ES384',
  'PS256',
  'RS256',
  'EdDSA',
  'Ed25519',
] as const satisfies readonly AlgorithmName[];

/** A public key of a client, for one algorithm. */
export interface ClientKey {
  readonly kid: string;
  readonly algorithm: (typeof CLIENT_ALGORITHMS)[number];
  readonly publicKey: KeyObject;
}

const clientKey = z
  .looseObject({ kid: z.string(), kty: z.string(), alg: z.enum(CLIENT_ALGORITHMS) })
  .refine(isUsable)
  .transform((jwk): ClientKey => ({
    kid: jwk.kid,
    algorithm: jwk.alg,
    publicKey: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
  }));

/** Public keys as a JWKS (RFC 7517, section 5): one, or two while the client changes from one to the other. */
export const clientKeys = z.strictObject({
  keys: z
    .array(clientKey)
    .min(1)
    .max(2)
    .refine((keys) => distinct(keys.map(({ kid }) => kid))),
});

/** What tells a key from every other, whatever it is called and for. */
export function pointOf({ publicKey }: ClientKey): string {
  return publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
}

/** Not private, not weak, and for its algorithm: what a verifier of tokens refuses isn't registered either. */
function isUsable(jwk: Readonly<Record<string, unknown>> & { readonly alg: AlgorithmName }): boolean {
  const client = { issuer: 'client', audience: 'auth', algorithms: [jwk.alg], jwks: { keys: [jwk] } };
  try {
    TokenVerifier.create({ issuers: [client] });
    return true;
  } catch {
    return false;
  }
}
