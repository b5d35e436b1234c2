import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppModule } from '../src/app.module';
import { loadGatewayConfig } from '../src/gateway.config';

describe('the demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
  const file = join(folder, 'accounts.json');
  const accounts = [{ username: 'alice', password: 'p', scopes: ['documents:read'] }];
  const apps: NestFastifyApplication[] = [];

  beforeAll(() => writeFileSync(file, JSON.stringify(accounts)));
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    rmSync(folder, { recursive: true });
  });

  async function start(environment: Record<string, string>): Promise<string> {
    const config = loadGatewayConfig({
      NODE_ENV: 'development',
      ISSUER: 'http://localhost:3000',
      AUTH_URL: 'http://127.0.0.1:9',
      RESOURCE_URL: 'http://127.0.0.1:9',
      DANGEROUSLY_ALLOW_HTTP: '1',
      GATEWAY_CLIENT_SECRET: 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT',
      DEMO: '1',
      DEMO_ACCOUNTS_FILE: file,
      // Which has specs of its own, and is not built for these.
      CONSOLE: '0',
      ...environment,
    });
    const logger = createLogger('gateway', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    const app = await createHttpApp(AppModule.forRoot(config, logger), { logger, bodies: 'streamed' });
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }

  /** `fetch` sets `Host` itself. */
  const statusWithHost = (url: string, host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(`${url}/demo/accounts`, { headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });

  it('lists the accounts for whoever asks this machine by its own name', async () => {
    const url = await start({});
    const answer = await fetch(`${url}/demo/accounts`);
    expect(await answer.json()).toEqual(accounts);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await statusWithHost(url, 'localhost:3000')).toBe(200);
    expect(await statusWithHost(url, '127.0.0.1')).toBe(200);
    for (const host of ['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test', '[::1]', '0.0.0.0']) {
      expect(await statusWithHost(url, host)).toBe(404);
    }
  });

  it.each([
    ['without DEMO=1', { DEMO: '0' }],
    ['in production', { NODE_ENV: 'production' }],
    ['on an address that others can reach', { HOST: '0.0.0.0' }],
  ])('is not there %s', async (_what, environment) => {
    const url = await start(environment);
    const answer = await fetch(`${url}/demo/accounts`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'route_not_found' });
  });

  it('welcomes a browser with a page that can do nothing but be read, and others with JSON', async () => {
    const url = await start({});
    const page = await fetch(url, { headers: { accept: 'text/html,application/xhtml+xml' } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(await page.text()).toContain('/api/whoami');
    const json = await fetch(url);
    expect(await json.json()).toMatchObject({
      name: 'Token Relay',
      services: [{ name: 'gateway' }, {}, {}, {}],
    });
  });

  it('does not start without its accounts', async () => {
    await expect(start({ DEMO_ACCOUNTS_FILE: join(folder, 'none.json') })).rejects.toThrow('DEMO_ACCOUNTS_FILE');
  });
});
