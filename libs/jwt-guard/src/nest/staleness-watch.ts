import { type LoggerService } from '@nestjs/common';
import { STALENESS_BOUND_SECONDS, STALENESS_GRACE_SECONDS } from '../core/staleness';
import { type TokenVerifier } from '../core/token-verifier';

type Log = Required<Pick<LoggerService, 'log' | 'warn'>>;

const LOOK_MS = 1_000;

/** Logs when revocations are further behind than the bound, and when they are up to date again: each once. */
export class StalenessWatch {
  readonly #verifier: Pick<TokenVerifier, 'revocationAgeSeconds'>;
  readonly #log: Log;
  readonly #monotonic: () => number;
  #timer: NodeJS.Timeout | undefined;
  #begun = 0;
  #isStale = false;

  /** @param monotonic a clock that nobody sets, in milliseconds */
  constructor(
    verifier: Pick<TokenVerifier, 'revocationAgeSeconds'>,
    log: Log,
    monotonic: () => number = () => performance.now(),
  ) {
    this.#verifier = verifier;
    this.#log = log;
    this.#monotonic = monotonic;
  }

  /** Looks each second, until `close`. Begun again it just goes on. */
  start(): void {
    if (this.#timer) return;
    this.#begun = this.#monotonic();
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  look(): void {
    const age = this.#verifier.revocationAgeSeconds;
    // Before the first copy there is no age: it is as old as the wait for it.
    const behind = Number.isFinite(age) ? age : (this.#monotonic() - this.#begun) / 1000;
    const isStale = behind > STALENESS_BOUND_SECONDS;
    if (isStale === this.#isStale) return;
    this.#isStale = isStale;
    if (!isStale) this.#log.log('Revocations are up to date again');
    else if (Number.isFinite(age)) this.#log.warn(`Revocations are ${Math.floor(age)} s behind: ${CONSEQUENCE}`);
    else this.#log.warn('What was revoked is not known, and so no token can be judged');
  }
}

const CONSEQUENCE = `from ${STALENESS_BOUND_SECONDS + STALENESS_GRACE_SECONDS} s on what changes something is refused, where no @WhenStale says otherwise`;
