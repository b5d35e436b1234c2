import { compactDecrypt, CompactEncrypt, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { type RedisClient, StartRefused } from '@token-relay/service-kit';
import { signingKeyOf, type SigningKey } from './signing-key';

const REDIS_KEY = 'tr:{keys}:signing';
/** AES-256-GCM with the key itself (RFC 7518, sections 4.5 and 5.3). */
const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const;

/**
 * The signing key that all auths share: kept in Redis, encrypted, so that it outlives each of them. The first one
 * makes it.
 */
export class StoredSigningKey {
  readonly #redis: RedisClient;
  readonly #kek: Uint8Array;

  /** @param keyEncryptionKey 32 bytes, in base64 */
  constructor(redis: RedisClient, keyEncryptionKey: string) {
    this.#redis = redis;
    this.#kek = Buffer.from(keyEncryptionKey, 'base64');
  }

  /** @throws StartRefused when it can't be had, or was encrypted with another key */
  async load(): Promise<{ readonly key: SigningKey; readonly sealed: string }> {
    const sealed = await this.#keep(await this.#seal());
    return { key: await this.#open(sealed), sealed };
  }

  /**
   * Puts the key back where it was lost.
   *
   * @returns whether it is the key that is there now
   */
  async restore(sealed: string): Promise<boolean> {
    return (await this.#keep(sealed)) === sealed;
  }

  /** @returns what is there: this, or what was there before */
  async #keep(sealed: string): Promise<string> {
    try {
      if ((await this.#redis.set(REDIS_KEY, sealed, 'NX')) === 'OK') return sealed;
      const found = await this.#redis.get(REDIS_KEY);
      if (found !== null) return found;
    } catch (cause) {
      throw new StartRefused('REDIS_URL: the signing key can not be had', { cause });
    }
    throw new StartRefused('REDIS_URL: the signing key does not stay in Redis');
  }

  async #seal(): Promise<string> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const text = JSON.stringify(await exportJWK(privateKey));
    return new CompactEncrypt(Buffer.from(text)).setProtectedHeader(ENCRYPTION).encrypt(this.#kek);
  }

  async #open(sealed: string): Promise<SigningKey> {
    let jwk: JWK;
    try {
      const { plaintext } = await compactDecrypt(sealed, this.#kek, {
        keyManagementAlgorithms: [ENCRYPTION.alg],
        contentEncryptionAlgorithms: [ENCRYPTION.enc],
      });
      jwk = JSON.parse(Buffer.from(plaintext).toString('utf8')) as JWK;
    } catch (cause) {
      throw new StartRefused('KEY_ENCRYPTION_KEY: the signing key in Redis was encrypted with another one', { cause });
    }
    const privateKey = await importJWK(jwk, 'ES256', { extractable: false });
    if (privateKey instanceof Uint8Array) throw new StartRefused('REDIS_URL: the signing key in Redis is none');
    const { kty, crv, x, y } = jwk;
    return signingKeyOf(privateKey, { kty, crv, x, y });
  }
}
