import { Counter, type Registry } from 'prom-client';

/** Tokens with a good signature that were never issued: whoever has made one has a signing key. */
export class NeverIssuedMetrics {
  readonly #tokens: Counter;

  constructor(registry: Registry) {
    this.#tokens = new Counter({
      name: 'token_relay_jti_never_issued_total',
      help: 'Tokens with a good signature that were never issued: somebody else can sign.',
      registers: [registry],
    });
  }

  count(): void {
    this.#tokens.inc();
  }
}
