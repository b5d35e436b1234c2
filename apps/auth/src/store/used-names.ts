import { hash } from 'node:crypto';
import { flat } from './embedded-strings';

const SWEPT_AT_LEAST = 1_000;
const DIGEST_LENGTH = 16;

/** Names that may be used once, in memory: each is forgotten when nobody takes it any more. */
export class UsedNames {
  /** By digests of the names, which may be long. */
  readonly #until = new Map<string, number>();
  #sweepAt = SWEPT_AT_LEAST;

  /** @param now seconds since 1970-01-01T00:00:00Z */
  constructor(private readonly now: () => number) {}

  /** @returns whether it wasn't used before */
  use(name: string, until: number): boolean {
    const digest = digestOf(name);
    if (this.#isUsed(digest)) return false;
    this.#until.set(digest, until);
    if (this.#until.size >= this.#sweepAt) this.#sweep();
    return true;
  }

  has(name: string): boolean {
    return this.#isUsed(digestOf(name));
  }

  get size(): number {
    return this.#until.size;
  }

  #isUsed(digest: string): boolean {
    return (this.#until.get(digest) ?? -Infinity) > this.now();
  }

  #sweep(): void {
    const now = this.now();
    for (const [digest, until] of this.#until) if (until <= now) this.#until.delete(digest);
    this.#sweepAt = Math.max(SWEPT_AT_LEAST, 2 * this.#until.size);
  }
}

/** Half of a SHA-256, a character for each byte: nobody finds a name that has the digest of another one. */
function digestOf(name: string): string {
  return flat(hash('sha256', name, 'binary').slice(0, DIGEST_LENGTH));
}
