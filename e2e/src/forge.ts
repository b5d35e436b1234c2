import { compactDecrypt, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import { type RedisSystem } from './redis-system';

/**
 * Makes another token out of one, with the key that auth signs with: what only somebody could who has both Redis and
 * the key that it is encrypted with.
 */
export async function resigned(system: RedisSystem, token: string, claims: JWTPayload): Promise<string> {
  const sealed = await system.withRedis((redis) => redis.get('tr:{keys}:signing'));
  const { plaintext } = await compactDecrypt(sealed ?? '', Buffer.from(system.keyEncryptionKey, 'base64'));
  const key = await importJWK(JSON.parse(Buffer.from(plaintext).toString('utf8')) as JWK, 'ES256');
  return new SignJWT({ ...decodeJwt(token), ...claims })
    .setProtectedHeader({ ...decodeProtectedHeader(token), alg: 'ES256' })
    .sign(key);
}
