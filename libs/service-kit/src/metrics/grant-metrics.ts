import { Counter, Histogram, type Registry } from 'prom-client';
import { OTHER } from './http-labels';

/** By `grant_type`. */
const GRANTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'urn:ietf:params:oauth:grant-type:token-exchange': 'token_exchange',
    client_credentials: 'client_credentials',
    refresh_token: 'refresh_token',
  }),
);
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What came of requests to the token endpoint. */
export class GrantMetrics {
  readonly #grants: Counter<'grant' | 'outcome'>;
  readonly #seconds: Histogram<'grant'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#grants = new Counter({
      name: 'token_relay_grants_total',
      help: 'Requests to the token endpoint: granted, or the code of the error.',
      labelNames: ['grant', 'outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'token_relay_grant_duration_seconds',
      help: 'Time that requests to the token endpoint took, whatever came of them.',
      labelNames: ['grant'],
      buckets: SECONDS,
      registers,
    });
    // Of a series that appears at 1 nobody sees that it has risen.
    for (const grant of [...GRANTS.values(), OTHER]) {
      for (const outcome of ['granted', 'invalid_client']) this.#grants.inc({ grant, outcome }, 0);
    }
  }

  /**
   * @param grantType as the client has sent it
   * @param outcome `granted`, or a code of docs/errors.md
   */
  count(grantType: unknown, outcome: string, durationSeconds: number): void {
    const grant = GRANTS.get(String(grantType)) ?? OTHER;
    this.#grants.inc({ grant, outcome });
    this.#seconds.observe({ grant }, durationSeconds);
  }
}
