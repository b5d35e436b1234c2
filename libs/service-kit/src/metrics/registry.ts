import { Registry } from 'prom-client';

export { type Registry } from 'prom-client';

/** What one service counts and measures; each of its series says by `service` whose it is. */
export function metricsRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  return registry;
}
