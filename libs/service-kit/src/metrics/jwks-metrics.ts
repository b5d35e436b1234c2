import { type JwksFetchEvent, type TokenVerifier, type VerifierObserver } from '@token-relay/jwt-guard';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const OUTCOMES = ['changed', 'unchanged', 'failed'] as const;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3];

/** How issuers' keys are fetched. */
export function jwksFetchMetrics(registry: Registry): Required<Pick<VerifierObserver, 'jwksFetched'>> {
  const registers = [registry];
  const fetches = new Counter({
    name: 'token_relay_jwks_fetches_total',
    help: 'Requests for the keys of an issuer, by what came of them.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of OUTCOMES) fetches.inc({ outcome }, 0);
  const seconds = new Histogram({
    name: 'token_relay_jwks_fetch_duration_seconds',
    help: 'Time that requests for the keys of an issuer took.',
    buckets: SECONDS,
    registers,
  });
  return {
    jwksFetched({ outcome, durationSeconds }: JwksFetchEvent): void {
      fetches.inc({ outcome });
      seconds.observe(durationSeconds);
    },
  };
}

/** The keys of each issuer as a verifier has them now; nothing of those that it doesn't fetch. */
export function jwksMetrics(registry: Registry, verifier: Pick<TokenVerifier, 'keyReports'>): void {
  const registers = [registry];
  new Gauge({
    name: 'token_relay_jwks_age_seconds',
    help: 'Time since the keys of an issuer were fetched, or found to be the same.',
    labelNames: ['issuer'],
    registers,
    collect() {
      this.reset();
      for (const [issuer, { ageSeconds }] of verifier.keyReports) {
        if (ageSeconds !== undefined) this.set({ issuer }, ageSeconds);
      }
    },
  });
  new Gauge({
    name: 'token_relay_jwks_keys',
    help: 'Keys of an issuer that tokens can be verified with.',
    labelNames: ['issuer'],
    registers,
    collect() {
      this.reset();
      for (const [issuer, { usable }] of verifier.keyReports) this.set({ issuer }, usable.length);
    },
  });
  new Gauge({
    name: 'token_relay_clock_skew_seconds',
    help: 'How far the clock here is ahead of an issuer’s; negative where it is behind.',
    labelNames: ['issuer'],
    registers,
    collect() {
      this.reset();
      for (const [issuer, { clockSkewSeconds }] of verifier.keyReports) {
        if (clockSkewSeconds !== undefined) this.set({ issuer }, clockSkewSeconds);
      }
    },
  });
}
