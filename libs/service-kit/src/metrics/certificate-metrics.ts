import { Gauge, type Registry } from 'prom-client';

/** @param expiresAt when the certificate expires that is in use now; `undefined` where there is none */
export function certificateMetrics(registry: Registry, expiresAt: () => Date | undefined): void {
  new Gauge({
    name: 'token_relay_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of the service expires, in seconds since 1970-01-01T00:00:00Z.',
    labelNames: [],
    registers: [registry],
    collect() {
      const date = expiresAt();
      if (date) this.set(date.getTime() / 1000);
      else this.remove();
    },
  });
}
