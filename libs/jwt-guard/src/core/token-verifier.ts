import { type RequestHeaders, tokenOf } from './authorization-header';
import { type DecisionTrace, explainToken } from './explain-token';
import { isKeyRevoked } from './check-revocation';
import { closeRevocation, followKeys, isRevocationReady, revocationAge, startRevocation } from './follow-revocation';
import { tell } from './observer';
import { type Principal } from './principal';
import { isRefusal, TokenRejected, VerifierUnavailable } from './refusals';
import { rawToken, type ValidatedToken } from './token-states';
import { resolveVerifierOptions, type TokenVerifierOptions, type VerifierPolicy } from './verifier-options';
import { isCurrent } from './verdict-cache';
import { checkStanding, recallToken, verifyToken } from './verify-token';

/** Verifies access tokens of the issuers that it was made for. Knows no framework. */
export class TokenVerifier {
  readonly #policy: VerifierPolicy;
  /** What is behind each principal, for as long as somebody holds it. */
  readonly #validated = new WeakMap<Principal, ValidatedToken>();
  #unfollowKeys: (() => void) | undefined;
  #closed = false;

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
  async verify(token: string): Promise<Principal> {
    const remembered = this.recall(token);
    if (remembered) return remembered;
    try {
      const validated = await verifyToken(rawToken(token), this.#policy);
      this.#validated.set(validated.principal, validated);
      this.#accepted(token, validated.principal, false);
      return validated.principal;
    } catch (error) {
      throw this.#refused(token, error, false);
    }
  }

  /**
   * The verdict for a token that was verified before, at once; `undefined` for one that `verify` has to be asked
   * about.
   *
   * @throws TokenRejected when it has expired or was revoked since
   * @throws VerifierUnavailable when that can't be decided
   */
  recall(token: string): Principal | undefined {
    try {
      const principal = recallToken(rawToken(token), this.#policy)?.principal;
      if (principal) this.#accepted(token, principal, true);
      return principal;
    } catch (error) {
      throw this.#refused(token, error, true);
    }
  }

  /**
   * Whether the token that this principal was verified by still counts: the time, revocation, and whether its key is
   * still the issuer's. At once, and from memory: for connections that outlive a call.
   *
   * @throws TokenRejected when it doesn't: `token_expired`, `token_revoked`, `key_revoked`, `key_unknown`
   * @throws VerifierUnavailable when that can't be decided
   * @throws TypeError for a principal that another verifier made
   */
  recheck(principal: Principal): void {
    const validated = this.#validated.get(principal);
    if (!validated) throw new TypeError('this principal was made by another verifier');
    checkStanding(validated, this.#policy);
    if (isCurrent(validated)) return;
    // Of keys that can't be had nobody knows whether this one is still among them.
    throw validated.issuer.keys.ready ? new TokenRejected('key_unknown') : new VerifierUnavailable('keys_unavailable');
  }

  /**
   * Whether the revocation source knows a key of this issuer to be revoked; false without a source.
   *
   * @throws VerifierUnavailable when it can't tell
   */
  isKeyRevoked(issuer: string, kid: string): boolean {
    return isKeyRevoked(issuer, kid, this.#policy.revocation);
  }

  /**
   * Verifies the bearer token of an HTTP request, for use without Nest.
   *
   * @throws TokenRejected also for a request without a token (401) and one with two (400)
   * @throws VerifierUnavailable when it can't be decided: 503
   */
  async authenticate(headers: RequestHeaders): Promise<Principal> {
    return this.verify(tokenOf(headers));
  }

  /**
   * Why a token is accepted or refused, stage by stage, for whoever holds it: the trace repeats what is in the
   * token, all but its signature. Verifies anew, remembers nothing, and tells no observer.
   */
  async explain(token: string): Promise<DecisionTrace> {
    return explainToken(rawToken(token), this.#policy);
  }

  /** Whether there are keys of every issuer, and a first word on what was revoked, so that tokens can be judged. */
  get ready(): boolean {
    return this.keysReady && this.revocationReady;
  }

  /** Whether there are keys of every issuer. */
  get keysReady(): boolean {
    return this.#sources.every((keys) => keys.ready);
  }

  /** Whether the revocation source has been complete once; true without one. */
  get revocationReady(): boolean {
    return isRevocationReady(this.#policy.revocation);
  }

  /**
   * How far the revocation source may be behind, in seconds: what was revoked in this time it may not know. Infinity
   * before it was complete once, 0 without one. `verify` refuses nothing for it – what is too old depends on what is
   * asked for –, while what is known to be revoked it refuses however old that knowledge is.
   */
  get revocationAgeSeconds(): number {
    return revocationAge(this.#policy.revocation);
  }

  /**
   * Fetches the first keys of every issuer, and starts the revocation source and waits for what was revoked so far;
   * what can't be had is tried again in the background. From here on keys are fetched anew whenever the source says
   * that they have changed.
   */
  async load(): Promise<void> {
    const { revocation, observer } = this.#policy;
    if (!this.#closed) this.#unfollowKeys ??= followKeys(revocation, () => this.#refreshKeys(), observer);
    await Promise.all([...this.#sources.map((keys) => keys.load()), startRevocation(revocation, observer)]);
  }

  /** Ends what goes on in the background, that of the revocation source too. */
  close(): void {
    this.#closed = true;
    this.#unfollowKeys?.();
    this.#unfollowKeys = undefined;
    for (const keys of this.#sources) keys.close();
    closeRevocation(this.#policy.revocation);
  }

  #refreshKeys(): void {
    for (const keys of this.#sources) keys.refresh();
  }

  get #sources() {
    return [...this.#policy.issuers.values()].map((issuer) => issuer.keys);
  }

  #accepted(token: string, { issuer }: Principal, cached: boolean): void {
    const { observer } = this.#policy;
    if (!observer?.verified) return;
    tell(observer, 'verified', { outcome: 'accepted', issuer, cached, tokenBytes: token.length });
  }

  #refused(token: string, error: unknown, cached: boolean): unknown {
    const { observer } = this.#policy;
    if (!observer?.verified || !isRefusal(error)) return error;
    const { code, debug, cause } = error;
    const outcome = error instanceof TokenRejected ? 'rejected' : 'undecided';
    const tokenBytes = typeof token === 'string' ? token.length : 0;
    const detail = debug ?? (cause instanceof Error ? cause.message : undefined);
    tell(observer, 'verified', { outcome, code, cached, tokenBytes, ...(detail !== undefined && { detail }) });
    return error;
  }
}
