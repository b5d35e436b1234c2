import { ProblemException } from '@token-relay/service-kit';
import { createHash } from 'node:crypto';
import { networkOf } from '../clients/callers';
import { type Reply } from '../clients/client-authentication';
import { type Attempt, type Counters, Throttle, type ThrottleRule } from './throttle';

/** Who wants to log in, and from where. */
export interface LoginAttempt {
  /** As it was typed: it may be a user's, nobody's, or a password. */
  readonly username: string;
  /** IPv4 or IPv6. */
  readonly address: string;
}

/** A login that is counted, and now goes on. */
export interface CountedLogin {
  /** @throws StoreUnavailable */
  succeeded(): Promise<void>;
  failed(): void;
}

export interface LoginRules {
  readonly account: ThrottleRule;
  readonly address: ThrottleRule;
}

/** Where it is told that somebody is slowed down. */
export interface ThrottleLog {
  warn(details: object, message: string): void;
}

export const LOGIN_RULES: LoginRules = {
  // The delay is never long: whoever guesses must not lock the user out.
  account: { free: 5, memorySeconds: 3_600, firstDelaySeconds: 5, longestDelaySeconds: 60 },
  // Many may share an address, and each of them mistypes now and then.
  address: { free: 100, memorySeconds: 6 * 3_600, firstDelaySeconds: 5, longestDelaySeconds: 900 },
};

/**
 * Slows down who guesses passwords: per account, whoever tries it, and per address, whatever it tries. Accounts that
 * there aren't are treated like those that there are.
 */
export class LoginThrottle {
  readonly #accounts: Throttle;
  readonly #addresses: Throttle;

  constructor(
    counters: Counters,
    private readonly log: ThrottleLog,
    rules = LOGIN_RULES,
  ) {
    this.#accounts = new Throttle(rules.account, counters);
    this.#addresses = new Throttle(rules.address, counters);
  }

  /**
   * Lets pass who doesn't have to wait; nothing is counted.
   *
   * @param reply gets `Retry-After` where there is a wait
   * @throws ProblemException 429 `too_many_attempts`
   * @throws StoreUnavailable
   */
  async check(attempt: LoginAttempt, reply: Reply): Promise<void> {
    const { account, address } = thingsOf(attempt);
    const waits = await Promise.all([this.#addresses.wait(address), this.#accounts.wait(account)]);
    refuseDuring(Math.max(...waits), reply);
  }

  /**
   * Counts an attempt, before anything is found out about it: of many at once no more pass than may.
   *
   * @param reply gets `Retry-After` where there is a wait
   * @throws ProblemException 429 `too_many_attempts`
   * @throws StoreUnavailable
   */
  async begin(attempt: LoginAttempt, reply: Reply): Promise<CountedLogin> {
    const { account, address } = thingsOf(attempt);
    // The address first: one that has to wait must not keep the user from the account.
    const ofAddress = await this.#addresses.begin(address);
    refuseDuring(ofAddress.waitMs, reply);
    const ofAccount = await this.#accounts.begin(account);
    if (ofAccount.waitMs > 0) this.#tell({ address: networkOf(attempt.address) }, ofAddress);
    refuseDuring(ofAccount.waitMs, reply);
    return {
      succeeded: async () => {
        // The address' other failures stay: a guesser may have an account of his own.
        await Promise.all([this.#accounts.clear(account), this.#addresses.takeBack(address, ofAddress)]);
      },
      failed: () => {
        this.#tell({ account: digestOf(attempt.username).slice(0, 12) }, ofAccount);
        this.#tell({ address: networkOf(attempt.address) }, ofAddress);
      },
    };
  }

  #tell(thing: object, { delaySeconds }: Attempt): void {
    if (delaySeconds > 0) this.log.warn({ ...thing, delaySeconds }, 'after failed logins the next has to wait');
  }
}

function refuseDuring(waitMs: number, reply: Reply): void {
  if (waitMs <= 0) return;
  reply.header('retry-after', String(Math.ceil(waitMs / 1000)));
  throw new ProblemException(429, 'too_many_attempts', 'There were too many failed logins: try again later.');
}

function thingsOf({ username, address }: LoginAttempt) {
  return { account: `login:account:${digestOf(username)}`, address: `login:address:${networkOf(address)}` };
}

/**
 * Of the name as the directory looks it up, letter by letter: were names that look alike counted as one, the owner of
 * one could clear the count of another's.
 */
function digestOf(username: string): string {
  return createHash('sha256').update(username).digest('hex');
}
