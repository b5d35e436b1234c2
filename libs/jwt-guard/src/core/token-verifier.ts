import { ActingServices } from './acting-service';
import { type RequestHeaders, tokenOf } from './authorization-header';
import { type DecisionTrace, explainToken } from './explain-token';
import { isKeyRevoked } from './check-revocation';
import { closeRevocation, followKeys, isRevocationReady, revocationAge, startRevocation } from './follow-revocation';
import { checkLateSeconds } from './late-handling';
import { tell } from './observer';
import { type Principal } from './principal';
import { isRefusal, TokenRejected, VerifierUnavailable } from './refusals';
import { type KeyReport } from './resolve-key';
import { ACCESS_TOKEN, type TokenKind, TRANSACTION_TOKEN } from './token-kinds';
import { rawToken, type ValidatedToken } from './token-states';
import { type Transaction } from './transaction';
import { resolveVerifierOptions, type TokenVerifierOptions, type VerifierPolicy } from './verifier-options';
import { isCurrent } from './verdict-cache';
import { checkStanding, recallToken, verifyLate, verifyToken } from './verify-token';

const FOREIGN = 'this principal was made by another verifier';

/** Verifies access tokens, and transaction tokens, of the issuers that it was made for. Knows no framework. */
export class TokenVerifier {
  readonly #policy: VerifierPolicy;
  readonly #acceptsTransactions: boolean;
  readonly #acting = new ActingServices();
  #unfollowKeys: (() => void) | undefined;
  #closed = false;

  private constructor(policy: VerifierPolicy) {
    this.#policy = policy;
    this.#acceptsTransactions = [...policy.issuers.values()].some(({ transactions }) => transactions !== undefined);
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
    return this.recall(token) ?? this.#verifyAnew(token);
  }

  /**
   * The verdict for a token that was verified before, at once; `undefined` for one that `verify` has to be asked
   * about.
   *
   * @throws TokenRejected when it has expired or was revoked since
   * @throws VerifierUnavailable when that can't be decided
   */
  recall(token: string): Principal | undefined {
    return this.#recalled(token, ACCESS_TOKEN)?.principal;
  }

  /**
   * Verifies an access token for the handler of an event that may come late: where the token's `exp` is over, by its
   * `iat`. Longer than the issuer announces (`late_handling_seconds` of its JWKS) no token is accepted.
   *
   * @param maxAgeSeconds how old it may be, 1 to 86400
   * @returns for whom the token speaks; with `acceptedLate` where its `exp` is over
   * @throws TokenRejected when the token is bad: 401
   * @throws VerifierUnavailable when that can't be decided: 503
   * @throws TypeError for an age that makes no sense
   */
  async verifyLate(token: string, maxAgeSeconds: number): Promise<Principal> {
    checkLateSeconds('maxAgeSeconds', maxAgeSeconds);
    const verify = () => verifyLate(rawToken(token), this.#policy, maxAgeSeconds);
    return (await this.#verified(token, ACCESS_TOKEN, verify)).principal;
  }

  /** Whether there is an issuer whose transaction tokens are accepted. */
  get acceptsTransactions(): boolean {
    return this.#acceptsTransactions;
  }

  /**
   * Verifies a transaction token, which is never an access token: whoever sends one says for whom it works, and has to
   * prove by a token of its own who it is; `actingFor` puts the two together.
   *
   * @returns frozen
   * @throws TokenRejected `transaction_invalid`, `transaction_expired`, `transaction_not_accepted`: 401
   * @throws VerifierUnavailable when that can't be decided: 503
   */
  async verifyTransaction(token: string): Promise<Transaction> {
    const remembered = this.recallTransaction(token);
    if (remembered) return remembered;
    const verify = () => verifyToken(rawToken(token), this.#policy, TRANSACTION_TOKEN);
    return (await this.#verified(token, TRANSACTION_TOKEN, verify)).transaction;
  }

  /**
   * The verdict for a transaction token that was verified before, at once; `undefined` for one that `verifyTransaction`
   * has to be asked about.
   *
   * @throws TokenRejected when it has expired or was revoked since, and where none are accepted
   * @throws VerifierUnavailable when that can't be decided
   */
  recallTransaction(token: string): Transaction | undefined {
    // Of what is sent in vain nothing is looked at.
    if (!this.#acceptsTransactions) {
      const refusal = new TokenRejected('transaction_not_accepted', { debug: 'transactions' });
      throw this.#refused(token, refusal, false, this.#startOfWatch());
    }
    return this.#recalled(token, TRANSACTION_TOKEN)?.transaction;
  }

  /**
   * For whom a service calls that sends a transaction token beside its own access token. The same for the same two, as
   * long as no other service calls with the token in between.
   *
   * @param service whom its access token speaks for
   * @throws TokenRejected `service_token_required` where that is no service's own, or another issuer's
   * @throws TypeError for what another verifier made
   */
  actingFor(service: Principal, transaction: Transaction): Principal {
    const { verdicts, transactionVerdicts } = this.#policy;
    const validated = transactionVerdicts.behind(transaction);
    if (!validated) throw new TypeError('this transaction was verified by another verifier');
    if (!(verdicts.behind(service) ?? this.#acting.behind(service))) throw new TypeError(FOREIGN);
    return this.#acting.of(service, validated);
  }

  /**
   * Whether the token that this principal was verified by still counts: the time, revocation, and whether its key is
   * still the issuer's; of a principal that two tokens speak for, whether both do. At once, and from memory: for
   * connections that outlive a call.
   *
   * @throws TokenRejected when it doesn't: `token_expired`, `token_revoked`, `key_revoked`, `key_unknown`, and for a
   *   transaction token `transaction_expired`, `transaction_invalid`
   * @throws VerifierUnavailable when that can't be decided
   * @throws TypeError for a principal that another verifier made
   */
  recheck(principal: Principal): void {
    const acting = this.#acting.behind(principal);
    if (acting) {
      this.recheck(acting.service);
      return this.#recheck(acting.transaction, TRANSACTION_TOKEN);
    }
    const validated = this.#policy.verdicts.behind(principal);
    if (!validated) throw new TypeError(FOREIGN);
    this.#recheck(validated, ACCESS_TOKEN);
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
   * Verifies the bearer token of an HTTP request, for use without Nest. Reads no `Txn-Token`: whether that counts depends
   * on who can send it.
   *
   * @throws TokenRejected also for a request without a token (401) and one with two (400)
   * @throws VerifierUnavailable when it can't be decided: 503
   */
  async authenticate(headers: RequestHeaders): Promise<Principal> {
    const token = tokenOf(headers);
    return this.recall(token) ?? this.#verifyAnew(token);
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
    await Promise.all([this.loadKeys(), startRevocation(revocation, observer)]);
  }

  /** Fetches the first keys of every issuer; resolves when they are there, or can't be had at the moment. */
  async loadKeys(): Promise<void> {
    await Promise.all(this.#sources.map((keys) => keys.load()));
  }

  /**
   * By issuer, how long after its `iat` a token may still be handled by what comes late, in seconds, as the issuer
   * announces it; `undefined` where it doesn't, or its keys can't be had.
   */
  get lateHandlingSeconds(): ReadonlyMap<string, number | undefined> {
    return new Map([...this.#policy.issuers].map(([name, { keys }]) => [name, keys.lateHandlingSeconds]));
  }

  /**
   * By issuer, what there is to say about its keys now: their age, why they couldn't be fetched, how far the clocks are
   * apart. Made anew each time, for metrics and for whoever asks.
   */
  get keyReports(): ReadonlyMap<string, KeyReport> {
    return new Map([...this.#policy.issuers].map(([name, { keys }]) => [name, keys.report()]));
  }

  /** Ends what goes on in the background, that of the revocation source too. */
  close(): void {
    this.#closed = true;
    this.#unfollowKeys?.();
    this.#unfollowKeys = undefined;
    for (const keys of this.#sources) keys.close();
    closeRevocation(this.#policy.revocation);
  }

  async #verifyAnew(token: string): Promise<Principal> {
    const verify = () => verifyToken(rawToken(token), this.#policy, ACCESS_TOKEN);
    return (await this.#verified(token, ACCESS_TOKEN, verify)).principal;
  }

  /** What comes of all stages, as it is told: to the caller, and to the observer. */
  async #verified<Token extends ValidatedToken>(
    token: string,
    kind: TokenKind<Token>,
    verify: () => Promise<Token>,
  ): Promise<Token> {
    const begun = this.#startOfWatch();
    try {
      const validated = await verify();
      this.#accepted(token, validated.principal, false, begun);
      return validated;
    } catch (error) {
      throw this.#refused(token, kind.told(error), false, begun);
    }
  }

  #recalled<Token extends ValidatedToken>(token: string, kind: TokenKind<Token>): Token | undefined {
    const begun = this.#startOfWatch();
    try {
      const validated = recallToken(rawToken(token), this.#policy, kind);
      if (validated) this.#accepted(token, validated.principal, true, begun);
      return validated;
    } catch (error) {
      throw this.#refused(token, kind.told(error), true, begun);
    }
  }

  #recheck<Token extends ValidatedToken>(validated: Token, kind: TokenKind<Token>): void {
    try {
      checkStanding(validated, this.#policy);
      if (isCurrent(validated)) return;
      // Of keys that can't be had nobody knows whether this one is still among them.
      const { ready } = validated.issuer.keys;
      throw ready ? new TokenRejected('key_unknown') : new VerifierUnavailable('keys_unavailable');
    } catch (error) {
      throw kind.told(error);
    }
  }

  #refreshKeys(): void {
    for (const keys of this.#sources) keys.refresh();
  }

  get #sources() {
    return [...this.#policy.issuers.values()].map((issuer) => issuer.keys);
  }

  /** By `performance.now()`: nobody looks at the clock unless somebody is told. */
  #startOfWatch(): number {
    return this.#policy.observer?.verified ? performance.now() : 0;
  }

  #accepted(token: string, { issuer }: Principal, cached: boolean, begun: number): void {
    const { observer } = this.#policy;
    if (!observer?.verified) return;
    const durationSeconds = (performance.now() - begun) / 1000;
    tell(observer, 'verified', { outcome: 'accepted', issuer, cached, tokenBytes: token.length, durationSeconds });
  }

  #refused(token: string, error: unknown, cached: boolean, begun: number): unknown {
    const { observer } = this.#policy;
    if (!observer?.verified || !isRefusal(error)) return error;
    const { code, debug, cause } = error;
    tell(observer, 'verified', {
      outcome: error instanceof TokenRejected ? 'rejected' : 'undecided',
      code,
      cached,
      tokenBytes: typeof token === 'string' ? token.length : 0,
      durationSeconds: (performance.now() - begun) / 1000,
      ...detailOf(debug, cause),
    });
    return error;
  }
}

function detailOf(debug: string | undefined, cause: unknown): { readonly detail?: string } {
  const detail = debug ?? (cause instanceof Error ? cause.message : undefined);
  return detail === undefined ? {} : { detail };
}
