import { compactDecrypt, CompactEncrypt } from 'jose';
import { type Ring } from './key-ring';

/** AES-256-GCM with the key itself (RFC 7518, sections 4.5 and 5.3). */
const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const;

/** None of the keys that are known here opens it, or it is none of ours. */
export class SealBroken extends Error {}

/**
 * Encrypts a ring as a whole, states and times with it: whoever can write the store can neither read a key, nor add one,
 * nor change what one may do.
 */
export class RingSeal {
  readonly #current: Uint8Array;
  readonly #others: readonly Uint8Array[];

  /**
   * @param current 32 bytes in base64: encrypts and decrypts
   * @param others decrypt only: those of before, or of those who have been changed already
   */
  constructor(current: string, others: readonly string[] = []) {
    this.#current = Buffer.from(current, 'base64');
    this.#others = others.map((key) => Buffer.from(key, 'base64'));
  }

  seal(ring: Ring): Promise<string> {
    const text = Buffer.from(JSON.stringify(ring));
    return new CompactEncrypt(text).setProtectedHeader(ENCRYPTION).encrypt(this.#current);
  }

  /** @throws SealBroken */
  async open(sealed: string): Promise<{ readonly ring: Ring; readonly isCurrent: boolean }> {
    for (const key of [this.#current, ...this.#others]) {
      const text = await decrypt(sealed, key);
      if (text !== undefined) return { ring: JSON.parse(text) as Ring, isCurrent: key === this.#current };
    }
    throw new SealBroken('no key that is known here decrypts it');
  }
}

async function decrypt(sealed: string, key: Uint8Array): Promise<string | undefined> {
  try {
    const { plaintext } = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: [ENCRYPTION.alg],
      contentEncryptionAlgorithms: [ENCRYPTION.enc],
    });
    return Buffer.from(plaintext).toString('utf8');
  } catch {
    return undefined;
  }
}
