import { MetricsPage } from '@token-relay/testing';
import { MountedSecret, TestCa } from '@token-relay/testing/servers';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from './app-process';
import { post, secret, shared, System } from './system';

const DOCS = readFileSync(resolve(__dirname, '../../docs/metrics.md'), 'utf8');

describe('the metrics of the whole system', () => {
  let system: System;
  const read = (app: AppProcess) => MetricsPage.read(app.addresses.management ?? '');

  beforeAll(async () => {
    system = await System.start({ every: { METRICS_PORT: '0' } });
    const token = await system.login('alice');
    await post(`${system.gateway.url}/api/documents`, { title: 'Plan' }, { authorization: `Bearer ${token}` });
    await system.call('/api/whoami', token);
    await system.call('/api/whoami', `${token}x`);
  });
  afterAll(async () => {
    await system.stop();
  });

  it('are, all together, those of the docs, and those of the process', async () => {
    const pages = await Promise.all(system.apps.map(read));
    const names = new Set(pages.flatMap(({ types }) => [...types.keys()]));
    const documented = [...DOCS.matchAll(/^\| `(token_relay_\w+)`/gm)].map(([, name = '']) => name);
    const ofProcess = [...DOCS.matchAll(/`((?:process|nodejs)_\w+)`/g)].map(([, name = '']) => name);
    const absent = [...documented, ...ofProcess].filter((name) => !names.has(name));
    expect(absent).toEqual([]);
    expect([...names].filter((name) => name.startsWith('token_relay_') && !documented.includes(name))).toEqual([]);
  });

  it('follow a call over HTTP and RPC through every service', async () => {
    const calls = 'token_relay_relay_duration_seconds_count';
    const gateway = await read(system.gateway);
    const resource = await read(system.resource);
    const auth = await read(system.auth);
    const audit = await read(system.audit);
    expect(gateway.sum(calls, { destination: 'resource', mode: 'exchange', result: '2xx' })).toBe(2);
    expect(resource.sum(calls, { destination: 'audit', mode: 'exchange', result: '2xx' })).toBe(2);
    expect(auth.sum('token_relay_grants_total', { grant: 'token_exchange', outcome: 'granted' })).toBe(2);
    expect(auth.sum('token_relay_logins_total', { result: 'succeeded' })).toBe(1);
    for (const page of [resource, audit]) {
      expect(page.sum('token_relay_verifications_total', { result: 'accepted' })).toBeGreaterThanOrEqual(2);
    }
    expect(gateway.sum('token_relay_verifications_total', { result: 'rejected' })).toBe(1);
  });

  it('say nothing of who called, and with what', async () => {
    for (const app of system.apps) {
      const { text } = await read(app);
      for (const { sub, username } of Object.values(system.accounts)) {
        expect(text).not.toContain(sub);
        expect(text).not.toContain(`"${username}"`);
      }
      expect(text).not.toMatch(/eyJ|"rt_/);
    }
  });
});

const statusOf = (url: string): Promise<number> =>
  fetch(url).then(
    ({ status }) => status,
    () => 0,
  );

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return String(port);
}

it('probes are answered while a service starts, and tell what it lacks', async () => {
  const port = await freePort();
  const management = `http://127.0.0.1:${port}`;
  // An auth that isn't there.
  const away = `http://127.0.0.1:${await freePort()}`;
  const gateway = AppProcess.spawn('gateway', {
    ...shared(away),
    RESOURCE_URL: away,
    GATEWAY_CLIENT_SECRET: secret(),
    METRICS_PORT: port,
    WAIT_FOR: `auth=${away}/readyz`,
  });
  try {
    while ((await statusOf(`${management}/healthz`)) !== 200) await sleep(20);
    expect(gateway.url).toBe('');
    const answer = await fetch(`${management}/readyz`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'not_ready', failing: ['keys', 'revocations'] });
    expect((await MetricsPage.read(management)).sum('token_relay_revocation_lag_seconds')).toBe(Infinity);
  } finally {
    await gateway.stop();
  }
});

it('the port for metrics is the last that closes', async () => {
  const system = await System.start({ every: { METRICS_PORT: '0' }, gateway: { DRAIN_SECONDS: '1' } });
  const { url, addresses } = system.gateway;
  const { management = '' } = addresses;
  system.gateway.signal('SIGTERM');
  while ((await statusOf(`${management}/readyz`)) === 200) await sleep(10);
  expect(await (await fetch(`${management}/readyz`)).json()).toMatchObject({ failing: ['draining'] });
  const seen = new Set<string>();
  for (let inside = 200; inside !== 0; await sleep(5)) {
    const outside = await statusOf(`${url}/healthz`);
    inside = await statusOf(`${management}/healthz`);
    if (inside !== 0) seen.add(`outside ${outside}, inside ${inside}`);
    else seen.add(`outside ${await statusOf(`${url}/healthz`)}, inside 0`);
  }
  expect(seen).toContain('outside 200, inside 200');
  expect(seen).not.toContain('outside 200, inside 0');
  expect(await system.gateway.exited()).toBe(0);
  await system.stop();
});

it('the port for metrics is without TLS, and tells when the certificate of the service’s own port expires', async () => {
  const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000);
  const ca = await TestCa.create();
  const mounted = new MountedSecret(tmpdir(), await ca.issue(['audit', '127.0.0.1'], { notAfter }));
  const audit = await AppProcess.start('audit', {
    ...shared(`https://127.0.0.1:${await freePort()}`),
    ...mounted.environment,
    AUDIT_CLIENT_SECRET: secret(),
    METRICS_PORT: '0',
    RPC_PORT: '0',
  });
  try {
    expect(audit.url).toMatch(/^https:/);
    const page = await MetricsPage.read(audit.addresses.management ?? '');
    expect(page.sum('token_relay_certificate_expiry_timestamp_seconds')).toBe(notAfter.getTime() / 1000);
  } finally {
    await audit.stop();
    mounted.remove();
  }
});
