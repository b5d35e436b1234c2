import { LRUCache } from 'lru-cache';
import { type TokenVerifier } from '../core/token-verifier';
import { type Signer, signerOf } from './signer-of';
import { type GrantedToken } from './token-endpoint';

const MAX_CACHED = 10_000;
const MAX_CACHED_CHARACTERS = 32 * 1024 * 1024;

export type KeyRevocations = Pick<TokenVerifier, 'isKeyRevoked'>;

interface Kept {
  readonly token: string;
  readonly signer: Signer | undefined;
  /** By `performance.now()`. */
  readonly fetchedAt: number;
}

/**
 * Tokens that the issuer has given, kept until they expire. Callers who ask for the same at the same time share one
 * request.
 */
export class TokenCache {
  readonly #kept = new LRUCache<string, Kept>({
    max: MAX_CACHED,
    maxSize: MAX_CACHED_CHARACTERS,
    sizeCalculation: ({ token }, key) => token.length + key.length,
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
  recall(key: string, maxAgeSeconds: number, verifier: KeyRevocations | undefined): string | undefined {
    const kept = this.#kept.get(key);
    // By whoever asks: of two contracts for the same token each has an age of its own.
    if (kept && performance.now() - kept.fetchedAt >= maxAgeSeconds * 1000) return undefined;
    if (!kept?.signer || !verifier?.isKeyRevoked(kept.signer.issuer, kept.signer.kid)) return kept?.token;
    this.#kept.delete(key);
    return undefined;
  }

  /** Asks the issuer, even if there is a token already. */
  fetch(key: string, ask: () => Promise<GrantedToken>): Promise<string> {
    let inFlight = this.#inFlight.get(key);
    if (!inFlight) {
      inFlight = ask()
        .then(({ token, expiresInSeconds }) => {
          const kept = { token, signer: signerOf(token), fetchedAt: performance.now() };
          this.#kept.set(key, kept, { ttl: Math.ceil(expiresInSeconds * 1000) });
          return token;
        })
        .finally(() => this.#inFlight.delete(key));
      this.#inFlight.set(key, inFlight);
    }
    return inFlight;
  }

  forget(key: string): void {
    this.#kept.delete(key);
  }
}
