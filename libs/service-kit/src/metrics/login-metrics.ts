import { Counter, type Registry } from 'prom-client';

/** Logins by what became of them. */
export class LoginMetrics {
  readonly #logins: Counter<'result'>;

  constructor(registry: Registry) {
    this.#logins = new Counter({
      name: 'token_relay_logins_total',
      help: 'Logins: succeeded, or the code of the refusal.',
      labelNames: ['result'],
      registers: [registry],
    });
    for (const result of ['succeeded', 'invalid_credentials', 'too_many_attempts', 'login_busy']) {
      this.#logins.inc({ result }, 0);
    }
  }

  /** @param result `succeeded`, or a code of docs/errors.md */
  count(result: string): void {
    this.#logins.inc({ result });
  }
}
