import { decodeJwt, decodeProtectedHeader, importJWK, type JWTPayload, SignJWT } from 'jose';
import { type RedisSystem } from './redis-system';
import { storedRing } from './stored-ring';

/**
 * Makes another token out of one, with the key that this one was signed with, which signs still: what only somebody could
 * who has both Redis and the key that it is encrypted with.
 */
export async function resigned(system: RedisSystem, token: string, claims: JWTPayload): Promise<string> {
  const header = decodeProtectedHeader(token);
  const { keys } = await storedRing(system);
  const { algorithm = '', jwks } = keys.find(({ kid }) => kid === header.kid) ?? {};
  const key = await importJWK(jwks?.private ?? {}, algorithm);
  return new SignJWT({ ...decodeJwt(token), ...claims }).setProtectedHeader({ ...header, alg: algorithm }).sign(key);
}
