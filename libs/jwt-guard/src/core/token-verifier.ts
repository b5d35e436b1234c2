import { type Principal } from './principal';
import { rawToken } from './token-states';
import { resolveVerifierOptions, type TokenVerifierOptions, type VerifierPolicy } from './verifier-options';
import { verifyToken } from './verify-token';

/** Verifies access tokens of the issuers that it was made for. Knows no framework. */
export class TokenVerifier {
  readonly #policy: VerifierPolicy;

  private constructor(policy: VerifierPolicy) {
    this.#policy = policy;
  }

  /** @throws TypeError naming the option that is missing or makes no sense */
  static create(options: TokenVerifierOptions): TokenVerifier {
    return new TokenVerifier(resolveVerifierOptions(options));
  }

  /**
   * @returns for whom the token speaks; frozen
   * @throws TokenRejected when the token is bad: 401
   * @throws VerifierUnavailable when that can't be decided: 503
   */
  verify(token: string): Promise<Principal> {
    return verifyToken(rawToken(token), this.#policy);
  }

  /** Whether there are keys of every issuer, so that tokens can be judged. */
  get ready(): boolean {
    return this.#sources.every((keys) => keys.ready);
  }

  /** Fetches the first keys of every issuer; what can't be had is tried again in the background. */
  async load(): Promise<void> {
    await Promise.all(this.#sources.map((keys) => keys.load()));
  }

  /** Ends what goes on in the background. */
  close(): void {
    for (const keys of this.#sources) keys.close();
  }

  get #sources() {
    return [...this.#policy.issuers.values()].map((issuer) => issuer.keys);
  }
}
