import { Injectable } from '@nestjs/common';
import { ProblemException } from '@token-relay/service-kit';
import fastq from 'fastq';
import { PASSWORDS_AT_ONCE, PASSWORDS_WAITING } from './password-capacity';

interface Waiting {
  readonly begin: () => void;
  readonly refuse: () => void;
}

/**
 * Bounds how many passwords are verified, or wait for it: `PASSWORDS_AT_ONCE`, and 50. Those of one account are verified
 * one after the other, so that right ones at the same time aren't counted as failures before they are looked at; and
 * when it is full, the account that has most of them there makes room for another.
 */
@Injectable()
export class PasswordQueue {
  readonly #queue = fastq.promise((task: () => Promise<unknown>) => task(), PASSWORDS_AT_ONCE);
  /** The first of each account has begun. */
  readonly #accounts = new Map<string, Waiting[]>();
  #pending = 0;

  /**
   * Runs it when it is its turn.
   *
   * @throws ProblemException 503 `login_busy`, and it isn't run
   */
  async run<Result>(account: string, task: () => Promise<Result>): Promise<Result> {
    if (this.#pending >= PASSWORDS_AT_ONCE + PASSWORDS_WAITING && !this.#makeRoom(account)) throw busy();
    return new Promise<Result>((resolve, reject) => {
      const begin = async (): Promise<void> => {
        await this.#queue.push(task).then((result) => resolve(result as Result), reject);
        this.#next(account);
      };
      const waiting = this.#accounts.get(account) ?? [];
      this.#accounts.set(account, waiting);
      waiting.push({ begin: () => void begin(), refuse: () => reject(busy()) });
      this.#pending++;
      if (waiting.length === 1) waiting[0]?.begin();
    });
  }

  #next(account: string): void {
    const waiting = this.#accounts.get(account) ?? [];
    waiting.shift();
    this.#pending--;
    if (waiting.length === 0) this.#accounts.delete(account);
    else waiting[0]?.begin();
  }

  /** @returns whether an account has so many more there than this one that it gives a place up */
  #makeRoom(account: string): boolean {
    let most: Waiting[] | undefined;
    const atLeast = (this.#accounts.get(account)?.length ?? 0) + 1;
    for (const waiting of this.#accounts.values()) if (waiting.length > (most?.length ?? atLeast)) most = waiting;
    if (!most) return false;
    // The newest, which never is the first.
    most.pop()?.refuse();
    this.#pending--;
    return true;
  }
}

function busy(): ProblemException {
  return new ProblemException(503, 'login_busy', 'Too many log in at the moment: try again soon.');
}
