import { type ModuleRef } from '@nestjs/core';
import { MetricsPage } from '@token-relay/testing';
import { Gauge } from 'prom-client';
import { Readiness } from '../readiness';
import { Management } from './management';
import { metricsRegistry } from './registry';
import { relayMetrics } from './relay-metrics';
import { revocationMetrics } from './revocation-metrics';

describe('the metrics on the port for whoever runs a service', () => {
  const registry = metricsRegistry('any');
  const readiness = new Readiness('any', {}, () => ({}));
  const modules = { get: () => readiness } as unknown as ModuleRef;
  const config = { METRICS_PORT: 0, HOST: '127.0.0.1' };
  const management = new Management({ config, registry, logger: { error: jest.fn() } }, modules);
  let origin: string;
  beforeAll(async () => void (origin = (await management.listen()) ?? ''));
  afterAll(() => management.onApplicationShutdown());

  it('are read once for all who read at the same time, and again for who comes later', async () => {
    let readings = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    new Gauge({
      name: 'readings',
      help: 'r',
      registers: [registry],
      async collect() {
        readings++;
        await held;
        this.set(readings);
      },
    });
    const pages = [1, 2, 3].map(() => MetricsPage.read(origin));
    while (readings === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // The others ask meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 100));
    release();
    expect((await Promise.all(pages)).map((page) => page.sum('readings'))).toEqual([1, 1, 1]);
    expect((await MetricsPage.read(origin)).sum('readings')).toBe(2);
  });

  it('tell how often a revocation was of use since the start, however often they are read', async () => {
    const stats = { entries: 3, hits: 2 };
    revocationMetrics(registry, { isRevoked: () => false, stats });
    const hits = async () => (await MetricsPage.read(origin)).sum('token_relay_revocation_hits_total');
    expect([await hits(), await hits()]).toEqual([2, 2]);
  });

  it('call a 401 the caller’s own where the call has carried no token', async () => {
    const destinations = { resource: { mode: 'transaction', audience: 'resource' } } as const;
    const { called, credentials } = relayMetrics(registry, { destinations, trustDomain: 'example' });
    const event = { destination: 'resource', outcome: 'answered', status: 401, durationSeconds: 0.1 } as const;
    called({ ...event, mode: 'none' });
    called({ ...event, mode: 'exchange' });
    credentials({ destination: 'resource', mode: 'exchange', outcome: 'cached', durationSeconds: 0 });
    const page = await MetricsPage.read(origin);
    const calls = 'token_relay_relay_duration_seconds_count';
    expect(page.sum(calls, { mode: 'none', result: '4xx' })).toBe(1);
    expect(page.sum(calls, { mode: 'exchange', result: 'token_refused' })).toBe(1);
    expect(page.sum('token_relay_relay_credentials_duration_seconds_count')).toBeUndefined();
    // Of both tokens of a transaction an alert sees the first that can't be had.
    const grants = 'token_relay_relay_grants_total';
    expect(page.sum(grants, { grant: 'transaction', audience: 'example', outcome: 'unavailable' })).toBe(0);
    expect(page.sum(grants, { grant: 'client_credentials', audience: 'resource', outcome: 'unavailable' })).toBe(0);
  });
});
