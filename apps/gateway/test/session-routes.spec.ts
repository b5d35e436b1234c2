import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { currentRelayContext } from '@token-relay/jwt-guard';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { AppModule } from '../src/app.module';
import { loadGatewayConfig } from '../src/gateway.config';

/** With letters that form-encoding changes (RFC 6749, section 2.3.1). */
const SECRET = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT:%+&';

describe('the session routes', () => {
  /** What came through the session routes; the gateway's own request for keys is none of it. */
  const received: { line: string; headers: IncomingHttpHeaders; body: string }[] = [];
  let status = 200;
  let challenge = {};
  const auth = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const line = `${request.method} ${request.url}`;
      if (!String(request.headers.accept).includes('jwk-set')) received.push({ line, headers: request.headers, body });
      response.writeHead(status, {
        ...challenge,
        'set-cookie': ['__Host-refresh=1; Path=/; Secure; HttpOnly', 'b=2'],
        'x-a': '1',
      });
      response.end('{}');
    });
  });
  const lines: string[] = [];
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    await new Promise<void>((resolve) => auth.listen(0, '127.0.0.1', resolve));
    const config = loadGatewayConfig({
      ISSUER: 'http://localhost:3000',
      AUTH_URL: `http://127.0.0.1:${(auth.address() as AddressInfo).port}`,
      RESOURCE_URL: 'http://127.0.0.1:9',
      REVOCATIONS_URL: 'http://127.0.0.1:9/revocations/feed',
      DANGEROUSLY_ALLOW_HTTP: '1',
      GATEWAY_CLIENT_SECRET: SECRET,
    });
    const destination = { write: (text: string) => void lines.push(...text.trimEnd().split('\n')) };
    const logger = createLogger('gateway', { LOG_LEVEL: 'warn', LOG_FORMAT: 'json' }, destination);
    app = await createHttpApp(AppModule.forRoot(config, logger), { logger, bodies: 'streamed' });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  beforeEach(() => {
    status = 200;
    challenge = {};
    received.length = 0;
  });
  afterAll(async () => {
    await app.close();
    auth.closeAllConnections();
    await new Promise((resolve) => auth.close(resolve));
  });

  const headers = {
    cookie: '__Host-refresh=1',
    authorization: 'Bearer x',
    'x-token-relay': '1',
    forwarded: 'for=10.0.0.1',
    'x-forwarded-for': '10.0.0.1',
    'x-user-id': 'admin',
    'content-type': 'application/json',
  };
  const reaching = async (method: string, path: string) => {
    received.length = 0;
    const body = method === 'POST' ? '{"a":1}' : null;
    const answer = await fetch(`${url}${path}`, { method, headers, body });
    return {
      status: answer.status,
      reached: received.find(({ line }) => line === `${method} ${path}`),
      answer,
    };
  };

  it.each([
    ['POST', '/auth/login'],
    ['POST', '/auth/refresh'],
    ['POST', '/auth/logout'],
    ['GET', '/auth/sessions'],
    ['DELETE', '/auth/sessions'],
    ['DELETE', '/auth/sessions/3f1c'],
  ])('%s %s reaches auth with its cookies, and theirs come back', async (method, path) => {
    const { status, reached, answer } = await reaching(method, path);
    expect(status).toBe(200);
    expect(reached?.headers).toMatchObject({ cookie: '__Host-refresh=1', 'x-token-relay': '1' });
    for (const name of ['x-forwarded-for', 'x-user-id']) expect(reached?.headers).not.toHaveProperty(name);
    expect(reached?.body).toBe(method === 'POST' ? '{"a":1}' : '');
    expect(answer.headers.getSetCookie()).toHaveLength(2);
  });

  it.each([
    ['GET', '/auth/login'],
    ['PUT', '/auth/sessions'],
    ['GET', '/auth/sessions/3f1c'],
    ['POST', '/auth/sessions'],
    ['POST', '/auth/loginx'],
    ['POST', '/auth/login/x'],
    ['POST', '/AUTH/login'],
    ['POST', '/oauth/token'],
    ['POST', '/oauth/revoke'],
    ['GET', '/admin/other'],
    ['DELETE', '/admin/keys'],
    ['GET', '/revocations/feed'],
    ['DELETE', '/auth/sessions/a%2fb'],
    ['DELETE', '/auth/sessions/..%2f..%2fadmin'],
  ])('%s %s does not', async (method, path) => {
    const { status } = await reaching(method, path);
    expect([400, 404, 405]).toContain(status);
    expect(received).toHaveLength(0);
  });

  it('reach auth as the gateway, which says from where, and not as what their client says', async () => {
    const { reached } = await reaching('POST', '/auth/login');
    const [scheme, credentials = ''] = reached?.headers.authorization?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    expect(Buffer.from(credentials, 'base64').toString()).toBe(
      `gateway:${new URLSearchParams([[SECRET, '']]).toString()}`.slice(0, -1),
    );
    expect(reached?.headers.forwarded).toBe('for=127.0.0.1');
  });

  it('leave no call in a connection to auth that is kept for others', async () => {
    const seen: unknown[] = [];
    const sent = jest.spyOn(Pool.prototype, 'request');
    sent.mockImplementation(({ path }) => {
      seen.push(path, currentRelayContext());
      throw new Error('not sent');
    });
    const { status: answered } = await reaching('POST', '/auth/login');
    sent.mockRestore();
    expect(answered).toBe(503);
    expect(seen).toEqual(['/auth/login', undefined]);
    // What the call is called goes along all the same.
    expect((await reaching('POST', '/auth/login')).reached?.headers).toHaveProperty('x-transaction-id');
  });

  it('do not take a refusal of the gateway for one of its client', async () => {
    status = 401;
    expect(await reaching('POST', '/auth/refresh')).toMatchObject({ status: 401 });
    challenge = { 'www-authenticate': 'Basic realm="oauth"' };
    const { status: answered, answer } = await reaching('POST', '/auth/refresh');
    expect([answered, answer.headers.get('retry-after'), answer.headers.getSetCookie()]).toEqual([503, '2', []]);
    expect(await answer.json()).toMatchObject({ code: 'auth_unavailable' });
    expect(lines.join('')).toContain('auth refuses GATEWAY_CLIENT_SECRET');
    expect(lines.join('')).not.toContain(SECRET);
  });

  it("auth's public documents are passed on, without cookies either way", async () => {
    const { status, reached, answer } = await reaching('GET', '/.well-known/jwks.json');
    expect(status).toBe(200);
    for (const name of ['cookie', 'authorization', 'forwarded']) expect(reached?.headers).not.toHaveProperty(name);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(answer.headers.get('x-a')).toBe('1');
  });
});
