import { compactDecrypt, type JWK } from 'jose';
import { type RedisSystem } from './redis-system';

export interface StoredKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly state: string;
  /** The private half as long as it may sign. */
  readonly jwks?: { readonly public: JWK; readonly private?: JWK };
}

interface StoredRing {
  readonly version: number;
  readonly keys: readonly StoredKey[];
  readonly history: readonly { readonly what: string; readonly by: string; readonly kid?: string }[];
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const;

/** The signing keys as they are in Redis, for whoever has what they are encrypted with. */
export async function storedRing(
  system: RedisSystem,
  keyEncryptionKey: string = system.keyEncryptionKey,
): Promise<StoredRing> {
  const { sealed = '' } = await sealedRing(system);
  const { plaintext } = await compactDecrypt(sealed, Buffer.from(keyEncryptionKey, 'base64'));
  return JSON.parse(Buffer.from(plaintext).toString('utf8')) as StoredRing;
}

/** As it is stored, byte for byte. */
export function sealedRing(system: RedisSystem): Promise<Record<string, string>> {
  return system.withRedis((redis) => redis.hgetall('tr:{keys}:ring'));
}

/** What nobody may ever get to see of these keys. */
export function privateValues(keys: readonly StoredKey[]): string[] {
  return keys.flatMap(({ jwks }) => PRIVATE_MEMBERS.flatMap((member) => jwks?.private?.[member] ?? []));
}
