import { LRUCache } from 'lru-cache';
import { recallFrom } from '../core/recall-from';
import { type TokenVerifier } from '../core/token-verifier';
import { type Signer, signerOf } from './signer-of';
import { type GrantedToken } from './token-endpoint';

const MAX_CACHED = 10_000;
const MAX_CACHED_CHARACTERS = 32 * 1024 * 1024;

export type KeyRevocations = Pick<TokenVerifier, 'isKeyRevoked'>;

/** What a token is asked for. */
export interface Wanted {
  readonly audience: string;
  readonly scope: string;
  /** The token that it is to be exchanged for; empty for one of this service's own. */
  readonly subject: string;
}

interface Kept {
  readonly subject: string;
  readonly token: string;
  readonly signer: Signer | undefined;
  /** By `performance.now()`, as the next. */
  readonly fetchedAt: number;
  readonly expiresAt: number;
}

/**
 * Tokens that the issuer has given, kept until they expire. Callers who ask for the same at the same time share one
 * request.
 */
export class TokenCache {
  readonly #kept = new LRUCache<string, Kept>({
    max: MAX_CACHED,
    maxSize: MAX_CACHED_CHARACTERS,
    sizeCalculation: ({ token, subject }, key) => token.length + subject.length + key.length,
  });
  readonly #inFlight = new Map<string, Promise<string>>();

  /**
   * What is at hand; `undefined` for what has to be fetched.
   *
   * @param maxAgeSeconds how long ago it may have been fetched
   * @param verifier knows of the key that signed it whether it is revoked, so that nobody is called with what is going to
   *   be refused
   * @throws VerifierUnavailable `revocation_unavailable`
   */
  recall(wanted: Wanted, maxAgeSeconds: number, verifier: KeyRevocations | undefined): string | undefined {
    const key = keyOf(wanted);
    const kept = recallFrom(this.#kept, key);
    if (kept?.subject !== wanted.subject) return undefined;
    const now = performance.now();
    // By whoever asks: of two contracts for the same token each has an age of its own.
    if (now - kept.fetchedAt >= maxAgeSeconds * 1000) return undefined;
    const { signer } = kept;
    // Of what is over nobody has to be asked.
    const counts = now < kept.expiresAt && !(signer && verifier?.isKeyRevoked(signer.issuer, signer.kid));
    if (counts) return kept.token;
    this.#kept.delete(key);
    return undefined;
  }

  /** Asks the issuer, even if there is a token already. */
  fetch(wanted: Wanted, ask: () => Promise<GrantedToken>): Promise<string> {
    const { audience, scope, subject } = wanted;
    const whole = `${audience}\n${scope}\n${subject}`;
    let inFlight = this.#inFlight.get(whole);
    if (!inFlight) {
      inFlight = ask()
        .then(({ token, expiresInSeconds }) => {
          const fetchedAt = performance.now();
          const expiresAt = fetchedAt + expiresInSeconds * 1000;
          this.#kept.set(keyOf(wanted), { token, subject, signer: signerOf(token), fetchedAt, expiresAt });
          return token;
        })
        .finally(() => this.#inFlight.delete(whole));
      this.#inFlight.set(whole, inFlight);
    }
    return inFlight;
  }

  forget(wanted: Wanted): void {
    const key = keyOf(wanted);
    if (this.#kept.peek(key)?.subject === wanted.subject) this.#kept.delete(key);
  }
}

/** To hash a whole token, which is a new text with each request, takes longer than all else: its end is compared then. */
const END = 32;

function keyOf({ audience, scope, subject }: Wanted): string {
  return `${audience}\n${scope}\n${subject.slice(-END)}`;
}
