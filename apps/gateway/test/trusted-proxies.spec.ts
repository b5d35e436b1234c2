import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo } from 'node:net';
import { AppModule } from '../src/app.module';
import { loadGatewayConfig } from '../src/gateway.config';

describe('the address that auth is told', () => {
  let received: IncomingHttpHeaders[] = [];
  const auth = createServer((request, response) => {
    if (request.url === '/auth/login') received.push(request.headers);
    response.end('{}');
  });
  const apps: NestFastifyApplication[] = [];

  beforeAll(() => new Promise<void>((resolve) => auth.listen(0, '127.0.0.1', resolve)));
  beforeEach(() => {
    received = [];
  });
  afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));
  afterAll(async () => {
    auth.closeAllConnections();
    await new Promise((resolve) => auth.close(resolve));
  });

  async function start(environment: Record<string, string>): Promise<string> {
    const config = loadGatewayConfig({
      ISSUER: 'http://localhost:3000',
      AUTH_URL: `http://127.0.0.1:${(auth.address() as AddressInfo).port}`,
      RESOURCE_URL: 'http://127.0.0.1:9',
      REVOCATIONS_URL: 'http://127.0.0.1:9/revocations/feed',
      DANGEROUSLY_ALLOW_HTTP: '1',
      GATEWAY_CLIENT_SECRET: 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT',
      ...environment,
    });
    const logger = createLogger('gateway', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    const { TRUSTED_PROXIES: trustedProxies } = config;
    const app = await createHttpApp(AppModule.forRoot(config, logger), { logger, bodies: 'streamed', trustedProxies });
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    return app.getUrl();
  }

  /** What auth hears of a client that says this. */
  async function told(url: string, headers: Record<string, string>): Promise<string | undefined> {
    await (await fetch(`${url}/auth/login`, { method: 'POST', headers, body: '{}' })).text();
    const heard = received.pop();
    expect(Object.keys(heard ?? {}).filter((name) => /^x-forwarded|^x-real/.test(name))).toEqual([]);
    return heard?.forwarded;
  }

  const SPOOFED = {
    forwarded: 'for=203.0.113.9',
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-host': 'evil.test',
    'x-real-ip': '203.0.113.9',
  };

  it.each([
    ['nobody is trusted', {}],
    ['somebody else is trusted', { TRUSTED_PROXIES: '127.0.0.2, 10.0.0.0/8, ::1' }],
  ])("is the connection's where %s, whatever headers say", async (_what, environment) => {
    expect(await told(await start(environment), SPOOFED)).toBe('for=127.0.0.1');
  });

  it.each(['127.0.0.1', '127.0.0.0/30', '10.0.0.0/8,127.0.0.1/32'])('tells clients of %s apart', async (trusted) => {
    const url = await start({ TRUSTED_PROXIES: trusted });
    for (const [said, expected] of [
      ['198.51.100.1', 'for=198.51.100.1'],
      ['198.51.100.2', 'for=198.51.100.2'],
      ['2001:db8::1', 'for="[2001:db8::1]"'],
      ['198.51.100.1:4711', 'for=198.51.100.1'],
      ['[2001:db8::1]:4711', 'for="[2001:db8::1]"'],
      ['unknown', 'for=unknown'],
      // What the client itself has sent comes first; what the proxy has seen, last.
      ['203.0.113.9, 198.51.100.1', 'for=198.51.100.1'],
      ['203.0.113.9, nonsense"; for=203.0.113.9, 198.51.100.1', 'for=198.51.100.1'],
    ] as const) {
      expect(await told(url, { ...SPOOFED, 'x-forwarded-for': said })).toBe(expected);
    }
  });

  it('is that of the last before the proxies, where there are several', async () => {
    const url = await start({ TRUSTED_PROXIES: '127.0.0.1,10.1.2.3' });
    expect(await told(url, { 'x-forwarded-for': '203.0.113.9, 198.51.100.1, 10.1.2.3' })).toBe('for=198.51.100.1');
    expect(await told(url, { 'x-forwarded-for': '203.0.113.9, 198.51.100.1, 10.1.2.4' })).toBe('for=10.1.2.4');
  });

  it.each(['localhost', '10.0.0.0/33', '::1/129', '10.0.0/8', '10.0.0.1/', '10.0.0.1/8/8', '*', '10.0.0.1;10.0.0.2'])(
    'is not asked for from what is no address: %s',
    async (trusted) => {
      await expect(start({ TRUSTED_PROXIES: trusted })).rejects.toThrow(
        'TRUSTED_PROXIES: must be IP addresses and networks (CIDR), joined by commas',
      );
    },
  );

  it.each(['0.0.0.0/0', '10.0.0.0/00', '10.0.0.1, ::/0'])('is not asked for from everybody: %s', async (trusted) => {
    await expect(start({ TRUSTED_PROXIES: trusted })).rejects.toThrow('TRUSTED_PROXIES: must not name everybody (/0)');
  });
});
