import { createLogger } from '@token-relay/service-kit';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { AppModule } from '../src/app.module';
import { loadGatewayConfig } from '../src/gateway.config';
import { BuiltConsole, PAGE, SCRIPT, SCRIPT_NAME } from './built-console';
import { GatewayApp } from './gateway-app';

const HTML = { accept: 'text/html,application/xhtml+xml;q=0.9' };
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

describe('the page of the console', () => {
  const built = new BuiltConsole();
  const gateways: GatewayApp[] = [];
  let demo: GatewayApp;

  async function start(environment: Readonly<Record<string, string>>): Promise<GatewayApp> {
    const service = (_request: unknown, response: { end(): unknown }): void => void response.end();
    const gateway = await GatewayApp.start({ service, environment, consoleFolder: built.folder });
    gateways.push(gateway);
    return gateway;
  }
  beforeAll(async () => {
    demo = await start(built.demo);
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    built.remove();
  });

  /** `fetch` takes what is compressed apart, and asks for it itself. */
  const get = (path: string, headers: Readonly<Record<string, string>>, method = 'GET') =>
    new Promise<{ status: number | undefined; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
      request(demo.url + path, { method, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) }),
        );
      })
        .on('error', reject)
        .end();
    });

  it('is what a browser gets in the demo, and JSON what others get', async () => {
    const page = await fetch(demo.url, { headers: HTML });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('vary')).toBe('accept, accept-encoding');
    expect(await page.text()).toBe(PAGE);
    const json = await fetch(demo.url);
    expect(await json.json()).toMatchObject({ name: 'Token Relay', services: [{ name: 'gateway' }, {}, {}, {}] });
  });

  it.each([
    ['the page', '/', 'no-cache'],
    ['a script', `/console/assets/${SCRIPT_NAME}`, 'public, max-age=31536000, immutable'],
    ['a style', '/console/assets/index-D4e5f6a7.css', 'public, max-age=31536000, immutable'],
  ])('lets nothing in, and nobody look in: %s', async (_what, path, cacheControl) => {
    const answer = await fetch(demo.url + path, { headers: HTML });
    const { 'permissions-policy': permissions, ...headers } = Object.fromEntries(answer.headers);
    expect(headers).toMatchObject({
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': cacheControl,
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    const features = permissions?.split(', ') ?? [];
    expect(features).toEqual(expect.arrayContaining(['camera=()', 'clipboard-read=()', 'geolocation=()', 'usb=()']));
    expect(features.every((feature) => /^[a-z-]+=\(\)$/.test(feature))).toBe(true);
    // Chromium complains of each that it doesn't know, and of these it knows none, or none on every system.
    for (const unknown of ['ambient-light-sensor', 'bluetooth', 'browsing-topics', 'web-share']) {
      expect(permissions).not.toContain(unknown);
    }
  });

  it('is compressed for whoever takes that, and is not for others', async () => {
    const path = `/console/assets/${SCRIPT_NAME}`;
    for (const accepted of ['gzip', 'br, gzip;q=0.5', 'GZIP; q=1.0']) {
      const { headers, body } = await get(path, { 'accept-encoding': accepted });
      expect([accepted, headers['content-encoding']]).toEqual([accepted, 'gzip']);
      expect(body.length).toBeLessThan(SCRIPT.length / 5);
      expect(gunzipSync(body).toString()).toBe(SCRIPT);
    }
    for (const accepted of ['', 'br', 'gzip;q=0', 'gzip;q=0.000', 'x-gzip']) {
      const { headers, body } = await get(path, { 'accept-encoding': accepted });
      expect([accepted, headers['content-encoding']]).toEqual([accepted, undefined]);
      expect(body.toString()).toBe(SCRIPT);
      expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    }
  });

  it('is not sent to whoever has it', async () => {
    const { etag } = (await get('/', HTML)).headers;
    for (const known of [String(etag), `"other", ${String(etag)}`, '*']) {
      const { status, body } = await get('/', { ...HTML, 'if-none-match': known });
      expect([known, status, body.length]).toEqual([known, 304, 0]);
    }
    expect((await get('/', { ...HTML, 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('is answered without a body where that is asked for', async () => {
    const { status, headers, body } = await get('/', HTML, 'HEAD');
    expect([status, headers['content-length'], body.length]).toEqual([200, String(PAGE.length), 0]);
  });

  it.each([
    '/console/assets/none.js',
    `/console/assets/${SCRIPT_NAME}.map`,
    '/console/assets/..%2findex.html',
    '/console/assets/..%2f..%2fetc%2fpasswd',
    '/console/assets/__proto__',
    '/console/assets/',
    '/console',
    '/console/index.html',
  ])('has nothing at %s', async (path) => {
    const answer = await fetch(demo.url + path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'route_not_found' });
  });

  it('knows what it can show before anybody has logged in', async () => {
    const answer = await fetch(`${demo.url}/console/api/settings`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      demo: true,
      modes: ['exchange', 'transaction', 'forward'],
      session: false,
      services: ['gateway', 'auth', 'resource', 'audit'].map((name) => ({ name, does: expect.any(String) as string })),
    });
  });

  it.each([
    ['a refresh token', 'theme=dark; __Host-refresh=rt_x', true],
    ['none', undefined, false],
    ['other cookies', 'theme=dark; refresh=rt_x', false],
    ['one by a name that only ends like it', 'x__Host-refresh=rt_x', false],
    ['one that was taken away', '__Host-refresh=', false],
  ])('knows whether there is a session to go on with: the browser has sent %s', async (_what, cookie, session) => {
    const { status, headers, body } = await get('/console/api/settings', cookie === undefined ? {} : { cookie });
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(JSON.parse(body.toString())).toMatchObject({ session });
    expect(body.toString()).not.toContain('rt_x');
  });

  const ROUTES: readonly [method: string, path: string][] = [
    ['GET', `/console/assets/${SCRIPT_NAME}`],
    ['GET', '/console/api/settings'],
    ['POST', '/console/api/inspect'],
    ['GET', '/console/api/events'],
    ['GET', '/console/api/relay'],
    ['POST', '/console/api/attacks/alg-none'],
  ];

  it.each([
    ['in production', {}],
    ['in development without a demo', { NODE_ENV: 'development' }],
    ['in a demo that others can reach', { ...built.demo, HOST: '0.0.0.0' }],
    ['where it is switched off', { ...built.demo, CONSOLE: '0' }],
  ])('is not there %s, and nothing of it', async (_where, environment) => {
    const { url } = await start(environment);
    const page = await fetch(url, { headers: HTML });
    expect(await page.text()).toContain('What to paste next');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    for (const [method, path] of ROUTES) {
      const answer = await fetch(url + path, { method });
      expect([path, answer.status]).toEqual([path, 404]);
      expect(await answer.json()).toMatchObject({ code: 'route_not_found' });
    }
  });

  it('is there in production where that is said: for everybody the page, for operators what it shows', async () => {
    const gateway = await start({ CONSOLE: '1' });
    const page = await fetch(gateway.url, { headers: HTML });
    expect(await page.text()).toBe(PAGE);
    const settings = await fetch(`${gateway.url}/console/api/settings`);
    expect(await settings.json()).toMatchObject({ demo: false, modes: ['exchange', 'transaction'] });
    const guarded: [string, string, string][] = [
      ['POST', '/console/api/inspect', 'auth:admin'],
      ['GET', '/console/api/events', 'auth:admin'],
      ['GET', '/console/api/relay', 'documents:read'],
    ];
    for (const [method, path, scope] of guarded) {
      expect([path, (await fetch(gateway.url + path, { method })).status]).toEqual([path, 401]);
      const answer = await gateway.call(path, { method }, { scope: 'documents:write' });
      expect([path, answer.status]).toEqual([path, 403]);
      expect(answer.headers.get('www-authenticate')).toContain(`scope="${scope}"`);
    }
    const attack = await gateway.call('/console/api/attacks/alg-none', { method: 'POST' });
    expect(attack.status).toBe(404);
  });

  describe('that was not built', () => {
    const config = (environment: Readonly<Record<string, string>>) =>
      loadGatewayConfig({
        ISSUER: 'https://issuer.test',
        AUTH_URL: 'http://127.0.0.1:9',
        RESOURCE_URL: 'http://127.0.0.1:9',
        DANGEROUSLY_ALLOW_HTTP: '1',
        GATEWAY_CLIENT_SECRET: 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT',
        ...environment,
      });
    const moduleWith = (environment: Readonly<Record<string, string>>, lines: string[] = []) => {
      const destination = { write: (text: string) => void lines.push(text) };
      const logger = createLogger('gateway', { LOG_LEVEL: 'info', LOG_FORMAT: 'json' }, destination);
      return AppModule.forRoot(config(environment), logger, undefined, join(built.folder, 'none'));
    };

    it('refuses the start where it is asked for', () => {
      expect(() => moduleWith({ CONSOLE: '1' })).toThrow('the console was not built: npx nx build console');
    });

    it('is left out of a demo, which says so', () => {
      const lines: string[] = [];
      const { controllers = [] } = moduleWith(built.demo, lines);
      expect(controllers.map(({ name }) => name)).not.toContain('SettingsController');
      expect(lines.join('')).toContain('the console was not built');
    });
  });
});
