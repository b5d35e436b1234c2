import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { RevocationFeedServer, TestClock, TestIssuer } from '@token-relay/testing';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from '../src/app.module';
import { loadGatewayConfig } from '../src/gateway.config';

const ISSUER = 'https://issuer.test';

/** What a service behind the gateway could answer, by path. */
const answers: Record<string, (response: ServerResponse) => void> = {
  '/fine': (response) => response.writeHead(200, { etag: '"1"', 'content-type': 'text/plain' }).end('fine'),
  '/empty': (response) => response.writeHead(200, { 'content-length': '0' }).end(),
  '/no-content': (response) => response.socket?.end('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'),
  // Written by hand: Node takes a Content-Length off a 304, though it is allowed there.
  '/not-modified': (response) =>
    response.socket?.end('HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 7\r\n\r\n'),
  '/status-999': (response) => response.socket?.end('HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n'),
  '/dies-before-its-body': (response) => {
    response.writeHead(200, { 'content-length': '10', 'content-encoding': 'gzip', etag: '"1"' }).flushHeaders();
    setTimeout(() => response.socket?.destroy(), 50);
  },
  '/dies-in-its-body': (response) => {
    response.writeHead(200, { 'content-length': '10' }).write('half');
    setTimeout(() => response.socket?.destroy(), 50);
  },
  '/auth/login': (response) => answers['/dies-before-its-body']?.(response),
};

describe('the gateway, with services that misbehave', () => {
  let issuer: TestIssuer;
  let server: Server;
  let feed: RevocationFeedServer;
  let app: NestFastifyApplication;
  let url: string;
  let whoami: string;

  beforeAll(async () => {
    issuer = await TestIssuer.create({
      issuer: ISSUER,
      audience: 'gateway',
      clock: new TestClock(Math.floor(Date.now() / 1000)),
    });
    server = createServer((request, response) => {
      const path = request.url ?? '';
      if (path === '/.well-known/jwks.json') response.end(JSON.stringify(issuer.jwks));
      else if (path === '/oauth/token') {
        response.end(JSON.stringify({ access_token: 'exchanged', token_type: 'Bearer', expires_in: 300 }));
      } else if (path === '/whoami') response.end(whoami);
      else answers[path]?.(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    feed = await RevocationFeedServer.start(ISSUER);
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = loadGatewayConfig({
      ISSUER,
      AUTH_URL: origin,
      RESOURCE_URL: origin,
      REVOCATIONS_URL: feed.url,
      DANGEROUSLY_ALLOW_HTTP: '1',
      GATEWAY_CLIENT_SECRET: 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT',
      UPSTREAM_TIMEOUT_MS: '1000',
    });
    const logger = createLogger('gateway', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    app = await createHttpApp(AppModule.forRoot(config, logger), { logger, bodies: 'streamed' });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(10);
  });
  afterAll(async () => {
    await app.close();
    await feed.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const call = async (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${await issuer.token()}` } });
  const problem = async (path: string, init?: RequestInit) => {
    const answer = await call(path, init);
    const { code } = (await answer.json()) as { code: string };
    return { status: answer.status, type: answer.headers.get('content-type'), code, etag: answer.headers.get('etag') };
  };
  const failed = { status: 502, type: 'application/problem+json', code: 'upstream_failed', etag: null };

  it('passes on what is in order', async () => {
    const fine = await call('/api/fine');
    expect([fine.status, fine.headers.get('etag'), await fine.text()]).toEqual([200, '"1"', 'fine']);
    const head = await call('/api/fine', { method: 'HEAD' });
    expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, '"1"', '']);
    for (const [path, status] of [
      ['/api/empty', 200],
      ['/api/no-content', 204],
      ['/api/not-modified', 304],
    ] as const) {
      const answer = await call(path);
      expect([answer.status, await answer.text()]).toEqual([status, '']);
    }
  });

  it('says so when an answer breaks off before its body, with nothing of it on the problem document', async () => {
    expect(await problem('/api/dies-before-its-body')).toEqual(failed);
    expect(await problem('/auth/login', { method: 'POST' })).toMatchObject({
      status: 503,
      code: 'auth_unavailable',
      etag: null,
    });
  });

  it('breaks off an answer that breaks off in its body', async () => {
    const answer = await call('/api/dies-in-its-body');
    await expect(answer.text()).rejects.toThrow();
  });

  it('does not pass on a status that is none', async () => {
    expect(await problem('/api/status-999')).toEqual(failed);
  });

  it.each(['<html>', 'null', '{}', '{"hops":[1]}', ''])('does not take %p for hops', async (body) => {
    whoami = body;
    expect(await problem('/api/whoami')).toEqual(failed);
  });

  it('takes no more hops than a chain can have', async () => {
    whoami = JSON.stringify({ hops: [{ service: 'x'.repeat(64 * 1024) }] });
    expect(await problem('/api/whoami')).toEqual(failed);
  });

  it('says of nothing how long it is', async () => {
    const answer = await call('/api/no-content');
    expect([answer.status, answer.headers.get('content-length')]).toEqual([204, null]);
  });

  it('ends within its time though clients hold connections that they never use, or half', async () => {
    const { port } = new URL(url);
    const silent = connect(Number(port), '127.0.0.1');
    const half = connect(Number(port), '127.0.0.1', () => half.write('GET / HTTP/1.1\r\nHost:'));
    await (await call('/api/fine')).text();
    const ended = Promise.all([silent, half].map((socket) => new Promise((resolve) => socket.on('close', resolve))));
    for (const socket of [silent, half]) socket.on('error', () => undefined).resume();
    const before = performance.now();
    await app.close();
    await ended;
    // Eight seconds is what requests that are under way may take; there is none.
    expect(performance.now() - before).toBeLessThan(6_000);
  });
});
