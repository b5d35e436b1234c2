import { Logger } from '@nestjs/common';
import { type RevocationSource } from '../core/check-revocation';
import { type Principal } from '../core/principal';
import { isRefusal, TokenRejected } from '../core/refusals';
import { type TokenVerifier } from '../core/token-verifier';
import { bindContext, runInContext } from '../relay/relay-context';

const LOOK_MS = 1_000;
/** A thousand revocations in a row are two looks: one for the first, one for all the others. */
const PAUSE_MS = 10;

const logger = new Logger('JwtGuard');

const report = (error: unknown): void => logger.error(error);

interface Watched {
  readonly principal: Principal;
  readonly end: (refusal: TokenRejected) => void;
}

/**
 * Ends what outlives the call that it was opened by – a socket, an event stream – when the token does that it was
 * opened with. Looks each second, and at once when something was revoked. Provided, and closed, by `JwtGuardModule`.
 */
export class StandingWatch {
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #changedInPause = false;
  #isClosed = false;
  readonly #unsubscribe: (() => void) | undefined;

  /**
   * @param now the verifier's clock: seconds since 1970-01-01T00:00:00Z
   * @param revocation the verifier's source, which says when something was revoked
   */
  constructor(
    private readonly verifier: Pick<TokenVerifier, 'recheck'>,
    private readonly now: () => number = () => Date.now() / 1000,
    revocation?: RevocationSource,
  ) {
    this.#unsubscribe = revocation?.subscribe?.(() => this.#changed());
  }

  /** How many are being watched. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Calls `end`, once and never before this returns, when the principal's token has expired, was revoked, or its key is
   * the issuer's no more. What can't be told ends nothing.
   *
   * @param principal that the verifier of this app has made
   * @returns what ends the watch itself; for what was closed for another reason
   * @throws TypeError for a principal that another verifier made
   */
  watch(principal: Principal, end: (refusal: TokenRejected) => void): () => void {
    // Asked for the sake of the TypeError: it must not come up in a timer, where nobody would know whose fault it is.
    this.#refusalOf(principal);
    // In the context of whoever watches, and not of the one whose timer it is.
    const watched: Watched = { principal, end: bindContext(end) };
    if (this.#isClosed) return () => undefined;
    this.#watched.add(watched);
    this.#timer ??= runInContext(undefined, () => setInterval(() => this.#look(), LOOK_MS).unref());
    return () => this.#forget(watched);
  }

  /** Ends all watching, and nothing that is watched. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe?.();
    clearTimeout(this.#pause);
    for (const watched of this.#watched) this.#forget(watched);
  }

  #changed(): void {
    this.#changedInPause = this.#pause !== undefined;
    if (this.#changedInPause) return;
    this.#look();
    const pause = () =>
      setTimeout(() => {
        this.#pause = undefined;
        if (this.#changedInPause) this.#changed();
      }, PAUSE_MS).unref();
    this.#pause = runInContext(undefined, pause);
  }

  #look(): void {
    const now = this.now();
    for (const watched of this.#watched) {
      // Whatever goes wrong with one, the others are to be ended as well; and there is nobody to throw it to.
      try {
        const refusal = this.#refusalOf(watched.principal, now);
        if (!refusal) continue;
        this.#forget(watched);
        const ending: unknown = watched.end(refusal);
        if (ending instanceof Promise) ending.catch(report);
      } catch (error) {
        report(error);
      }
    }
  }

  #refusalOf(principal: Principal, nowSeconds = -Infinity): TokenRejected | undefined {
    try {
      this.verifier.recheck(principal);
      // Without the tolerance that clocks get: whoever holds the token knows the time, and can renew before it.
      return nowSeconds >= principal.expiresAt ? new TokenRejected('token_expired') : undefined;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return error instanceof TokenRejected ? error : undefined;
    }
  }

  #forget(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
