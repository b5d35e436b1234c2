import { type FastifyInstance } from 'fastify';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { certificateMetrics } from './certificate-metrics';
import { openMetrics, routeMetrics } from './gateway-metrics';
import { GrantMetrics } from './grant-metrics';
import { httpMetrics } from './http-metrics';
import { jwksMetrics } from './jwks-metrics';
import { LoginMetrics } from './login-metrics';
import { NeverIssuedMetrics } from './never-issued-metrics';
import { RefreshMetrics } from './refresh-metrics';
import { metricsRegistry } from './registry';
import { relayMetrics } from './relay-metrics';
import { revocationMetrics } from './revocation-metrics';
import { type SigningKeyReport, signingKeyMetrics } from './signing-key-metrics';
import { verifierMetrics } from './verifier-metrics';

const DOCS = resolve(__dirname, '../../../../docs/metrics.md');

interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Every metric that there is. */
function catalogue(): readonly Row[] {
  const registry = metricsRegistry('any');
  const instance = { addHook: () => undefined } as unknown as FastifyInstance;
  verifierMetrics(registry);
  jwksMetrics(registry, { keyReports: new Map() });
  revocationMetrics(registry, { isRevoked: () => false });
  relayMetrics(registry, { destinations: {} });
  httpMetrics(registry, instance);
  routeMetrics(registry, instance, { contracts: [], contractOf: () => undefined });
  openMetrics(registry, { sockets: () => 0, streams: () => 0 });
  certificateMetrics(registry, () => undefined);
  signingKeyMetrics(registry, () => ({}) as SigningKeyReport);
  for (const Metrics of [LoginMetrics, RefreshMetrics, GrantMetrics, NeverIssuedMetrics]) new Metrics(registry);
  return registry.getMetricsAsArray().map((metric) => {
    const { name, type, labelNames } = metric as unknown as Row & { readonly labelNames: readonly string[] };
    return { name, type, labels: labelNames };
  });
}

/** The rows of the tables in the docs. */
function documented(): readonly Row[] {
  const rows = readFileSync(DOCS, 'utf8').matchAll(/^\| `(token_relay_\w+)` *\| (\w+) *\| ([^|]*?) *\|/gm);
  return [...rows].map(([, name = '', type = '', labels = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
  }));
}

const byName = (a: Row, b: Row): number => (a.name < b.name ? -1 : 1);

describe('docs/metrics.md', () => {
  it('lists every metric with its type and its labels, and no other', () => {
    expect([...documented()].sort(byName)).toEqual([...catalogue()].sort(byName));
  });

  it('is compared with all that there are', () => {
    const sources = readdirSync(__dirname).filter((file) => !file.endsWith('.spec.ts'));
    const named = sources.flatMap((file) =>
      [...readFileSync(join(__dirname, file), 'utf8').matchAll(/'(token_relay_\w+)'/g)].map(([, name = '']) => name),
    );
    expect(named.length).toBeGreaterThan(25);
    expect(named.sort()).toEqual(
      catalogue()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('names those of the process as prom-client does', () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const known = registry.getMetricsAsArray().map(({ name }) => name);
    const named = [...readFileSync(DOCS, 'utf8').matchAll(/`((?:process|nodejs)_\w+)`/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('names nothing that Prometheus would not take', () => {
    for (const { name, type, labels } of catalogue()) {
      expect(name).toMatch(/^token_relay_[a-z0-9_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(labels.filter((label) => !/^[a-z_]+$/.test(label) || label === 'service')).toEqual([]);
    }
  });
});

it('a certificate has a time at which it expires; where there is none, there is no series', async () => {
  const registry = metricsRegistry('any');
  let expiresAt: Date | undefined = new Date(1_800_000_000_000);
  certificateMetrics(registry, () => expiresAt);
  const series = async () => (await registry.metrics()).match(/^token_relay_certificate_expiry_timestamp_seconds.*$/gm);
  expect(await series()).toEqual(['token_relay_certificate_expiry_timestamp_seconds{service="any"} 1800000000']);
  expiresAt = undefined;
  expect(await series()).toBeNull();
});
