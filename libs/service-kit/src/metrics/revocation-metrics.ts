import { type RevocationSource } from '@token-relay/jwt-guard';
import { Counter, Gauge, type Registry } from 'prom-client';

/** How far behind a service is with what was revoked, how much of it there is, and how often it was of use. */
export function revocationMetrics(registry: Registry, source: RevocationSource): void {
  const registers = [registry];
  new Gauge({
    name: 'token_relay_revocation_lag_seconds',
    help: 'What was revoked in this time may not be known here yet; +Inf before anything is.',
    registers,
    collect() {
      this.set(source.ageSeconds ?? 0);
    },
  });
  new Gauge({
    name: 'token_relay_revocation_entries',
    help: 'Revocations that are known here.',
    registers,
    collect() {
      this.set(source.stats?.entries ?? 0);
    },
  });
  new Counter({
    name: 'token_relay_revocation_hits_total',
    help: 'Tokens that were refused because they were revoked.',
    registers,
    collect() {
      this.reset();
      this.inc(source.stats?.hits ?? 0);
    },
  });
}
