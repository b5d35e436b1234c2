import { Injectable } from '@nestjs/common';
import { ProblemException } from '@token-relay/service-kit';
import fastq from 'fastq';
import { PASSWORDS_AT_ONCE, PASSWORDS_WAITING } from './password-capacity';

/**
 * Bounds how many passwords are verified, or wait for it: 2 × cores at once, and 50. Those of one account are verified
 * one after the other, so that right ones at the same time aren't counted as failures before they are looked at.
 */
@Injectable()
export class PasswordQueue {
  readonly #queue = fastq.promise((task: () => Promise<unknown>) => task(), PASSWORDS_AT_ONCE);
  /** The last one of each account. */
  readonly #last = new Map<string, Promise<void>>();
  #pending = 0;

  /**
   * Runs it when it is its turn.
   *
   * @throws ProblemException 503 `login_busy`, and it isn't run
   */
  async run<Result>(account: string, task: () => Promise<Result>): Promise<Result> {
    if (this.#pending >= PASSWORDS_AT_ONCE + PASSWORDS_WAITING) {
      throw new ProblemException(503, 'login_busy', 'Too many log in at the moment: try again soon.');
    }
    this.#pending++;
    const before = this.#last.get(account);
    const result = before ? before.then(() => this.#queue.push(task)) : this.#queue.push(task);
    const ended = result.then(ignore, ignore);
    this.#last.set(account, ended);
    try {
      return (await result) as Result;
    } finally {
      this.#pending--;
      if (this.#last.get(account) === ended) this.#last.delete(account);
    }
  }
}

const ignore = (): void => undefined;
