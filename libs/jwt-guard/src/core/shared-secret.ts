import { createPublicKey, createSecretKey } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { SHARED_SECRET_ALGORITHMS, sharedSecretCheck, type SharedSecretAlgorithmName } from './algorithms';
import { type KeyReport, type KeySource } from './resolve-key';
import { type VerificationKey } from './verification-key';

const MIN_ENTROPY_BITS = 256;
const BITS_PER_LETTER_OF_WORDS = 2;
/** Long enough, and in every tutorial. */
const KNOWN_SECRETS =
  /your[-_ ]?(\d{3}[-_ ]?bit|secret|jwt|super)|a-string-secret|change[-_ ]?(me|this|it)|(super|top|very)[-_ ]?secret|secret[-_ ]?key|0123456789|abcdefghij|qwertyuiop|password|^AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow$/i;
/** What a text is written in, and how many letters that has: a secret in hex has half the bytes that it seems to. */
const ALPHABETS: readonly (readonly [letters: RegExp, size: number])[] = [
  [/^\d*$/, 10],
  [/^(?:[\da-f]*|[\dA-F]*)$/, 16],
  [/^[\w+/=-]*$/, 64],
  [/^[\x20-\x7e]*$/, 95],
];

/**
 * One secret that issuer and service share, for one algorithm. It never stands in one policy with signatures:
 * whoever can verify with it can sign with it, and a public key must never be taken for one.
 */
export class SharedSecret implements KeySource {
  readonly single = true;
  readonly ready = true;
  readonly #key: VerificationKey;

  /**
   * @param secret as text its UTF-8 bytes are the key, as with other JWT libraries; pass the decoded bytes of one
   *   that is written down in base64 or hex
   * @throws TypeError for a weak one; the message never shows it
   */
  constructor(secret: string | Uint8Array, algorithm: SharedSecretAlgorithmName) {
    if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
      throw new TypeError('sharedSecret: must be a text or bytes');
    }
    const bytes = Buffer.from(secret as Uint8Array);
    // RFC 7518, section 3.2: a key as long as the hash, or longer.
    const least = SHARED_SECRET_ALGORITHMS[algorithm].bytes;
    if (bytes.length < least) throw new TypeError(`sharedSecret: ${algorithm} takes ${least} bytes or more`);
    if (isPublic(bytes)) throw new TypeError('sharedSecret: it is a public key, which everybody knows');
    if (estimatedBits(secret, bytes) < MIN_ENTROPY_BITS || isKnown(bytes)) {
      throw new TypeError('sharedSecret: it can be guessed; generate 32 random bytes or more');
    }
    const keyObject = createSecretKey(bytes);
    const check = sharedSecretCheck(algorithm, keyObject);
    this.#key = Object.freeze({ kid: 'shared-secret', algorithm, keyObject, check });
  }

  known(): VerificationKey {
    return this.#key;
  }

  find(): VerificationKey {
    return this.#key;
  }

  report(): KeyReport {
    const { kid, algorithm } = this.#key;
    return { source: 'sharedSecret', usable: [{ kid, algorithm }], unusable: [] };
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  refresh(): void {}

  close(): void {}
}

/**
 * An upper bound of what there is to guess: by the letters that it is written in, and by what is left of it when
 * its repetitions are taken out. Chance can't be seen in the result: what looks like words counts as words.
 */
function estimatedBits(secret: string | Uint8Array, bytes: Buffer): number {
  const alphabet = typeof secret === 'string' ? ALPHABETS.find(([letters]) => letters.test(secret)) : undefined;
  if (typeof secret === 'string' && looksLikeWords(secret)) return bytes.length * BITS_PER_LETTER_OF_WORDS;
  // Bytes that count up, or down.
  if (new Set(bytes.subarray(1).map((byte, i) => byte - (bytes[i] ?? 0))).size === 1) return 0;
  const byLetters = bytes.length * Math.log2(alphabet?.[1] ?? 256);
  return Math.min(byLetters, deflateRawSync(bytes, { level: 9 }).length * 8);
}

/** Hardly anything but letters, of which few are capitals, and no two together: by chance that hardly ever happens. */
function looksLikeWords(text: string): boolean {
  const visible = text.replace(/\s/g, '');
  const letters = visible.replace(/[^A-Za-z]/g, '');
  const capitals = letters.replace(/[^A-Z]/g, '');
  return (
    letters.length >= 0.9 * visible.length && capitals.length <= 0.25 * letters.length && !/[A-Z]{2}/.test(letters)
  );
}

function isKnown(bytes: Buffer): boolean {
  return (['latin1', 'base64url'] as const).some((encoding) => KNOWN_SECRETS.test(bytes.toString(encoding)));
}

/** The oldest confusion of them all: a public key, in whichever form, where a secret belongs. */
function isPublic(bytes: Buffer): boolean {
  if (/^\s*-----BEGIN/.test(bytes.toString('latin1')) || isJson(bytes)) return true;
  return (['spki', 'pkcs1'] as const).some((type) => {
    try {
      return createPublicKey({ key: bytes, format: 'der', type }).type === 'public';
    } catch {
      return false;
    }
  });
}

/** A JWK, or a set of them. */
function isJson(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
