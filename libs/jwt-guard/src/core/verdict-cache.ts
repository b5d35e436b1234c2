import { LRUCache } from 'lru-cache';
import { recallFrom } from './recall-from';
import { type RawToken, type ValidatedToken } from './token-states';

/** Of a signature: as good as random, so that tokens rarely meet, and short, so that it is hashed quickly. */
const LOOKUP_CHARACTERS = 32;

/** What an object takes, however little is in it: `[]` is two characters of a token. */
const BYTES_PER_OBJECT = 48;

export interface VerdictCacheLimits {
  readonly entries: number;
  /** Of tokens and what was made of them, roughly. */
  readonly bytes: number;
}

/**
 * Remembers the tokens of one verifier, and of one kind, that were found good, so that their signatures are computed once. It
 * knows nothing about bad ones: those can be made up without end.
 *
 * What it remembers never changes for a given token and key. What does change – the time, revocation, whether
 * the key is still the issuer's – is asked each time; the last of these here.
 */
export class VerdictCache<Token extends ValidatedToken = ValidatedToken> {
  readonly #verdicts: LRUCache<string, Token>;
  /** What is behind each of what was made of a token, for as long as somebody holds that. */
  readonly #behind = new WeakMap<object, Token>();

  /** @param made what is made of a token: its principal, unless said otherwise */
  constructor(
    private readonly limits: VerdictCacheLimits,
    private readonly made: (verdict: Token) => object = ({ principal }) => principal,
  ) {
    this.#verdicts = new LRUCache({
      max: limits.entries || 1,
      maxSize: limits.bytes,
      sizeCalculation: ({ raw, principal }) => 2 * raw.length + BYTES_PER_OBJECT * objectsIn(principal.claims),
    });
  }

  recall(raw: RawToken): Token | undefined {
    const lookup = raw.slice(-LOOKUP_CHARACTERS);
    const verdict = recallFrom(this.#verdicts, lookup);
    // In full: the end alone could be put behind other claims.
    if (verdict === undefined || verdict.raw !== raw) return undefined;
    if (isCurrent(verdict)) return verdict;
    this.#verdicts.delete(lookup);
    return undefined;
  }

  remember(verdict: Token): void {
    this.note(verdict);
    // The key may have left while the token was on its way through the stages.
    if (this.limits.entries > 0 && isCurrent(verdict))
      this.#verdicts.set(verdict.raw.slice(-LOOKUP_CHARACTERS), verdict);
  }

  /** Keeps in mind what is behind what was made of the token, and gives that to nobody else who sends it. */
  note(verdict: Token): void {
    this.#behind.set(this.made(verdict), verdict);
  }

  /** The token that it was made of; `undefined` for what was made elsewhere. */
  behind(made: object): Token | undefined {
    return this.#behind.get(made);
  }

  /** Drops what was verified with keys that are their issuers' no more, for the sake of memory. */
  prune(): void {
    for (const [lookup, verdict] of this.#verdicts.entries()) {
      if (!isCurrent(verdict)) this.#verdicts.delete(lookup);
    }
  }

  get size(): number {
    return this.#verdicts.size;
  }
}

/** The key *object*: a key that was replaced by another under its id is not it. */
export function isCurrent({ issuer, key }: ValidatedToken): boolean {
  return issuer.keys.known(key.kid) === key;
}

function objectsIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 1;
  for (const member of Object.values(value)) count += objectsIn(member);
  return count;
}
