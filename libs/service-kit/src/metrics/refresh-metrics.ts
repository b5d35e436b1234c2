import { Counter, type Registry } from 'prom-client';

/** What an auth can find that a refresh token is. */
const RESULTS = [
  'rotated',
  'repeated',
  'repeated_late',
  'valid',
  'replayed',
  'too_often',
  'unknown',
  'malformed',
  'other_client',
  'ended',
  'revoked',
] as const;
export type RefreshResult = (typeof RESULTS)[number];

/** Refresh tokens by what they were found to be. */
export class RefreshMetrics {
  readonly #tokens: Counter<'result'>;

  constructor(registry: Registry) {
    this.#tokens = new Counter({
      name: 'token_relay_refresh_tokens_total',
      help: 'Refresh tokens that were shown, by what they were found to be; replayed: two have had it.',
      labelNames: ['result'],
      registers: [registry],
    });
    for (const result of RESULTS) this.#tokens.inc({ result }, 0);
  }

  count(result: RefreshResult): void {
    this.#tokens.inc({ result });
  }
}
