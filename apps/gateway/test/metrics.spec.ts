import { Management } from '@token-relay/service-kit';
import { MetricsPage } from '@token-relay/testing';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { GatewayApp, until } from './gateway-app';

const SCOPES = ['documents:read'];
const TABLE = {
  destinations: { resource: { url: 'SERVICE', audience: 'resource', scopes: SCOPES } },
  routes: [
    { prefix: '/things', methods: ['GET', 'POST'], destination: 'resource', timeoutMs: 1_000 },
    { prefix: '/events', methods: ['GET'], destination: 'resource' },
    { prefix: '/pieces', methods: ['GET'], destination: 'resource' },
    { prefix: '/live', methods: ['GET'], destination: 'resource', webSocket: true, timeoutMs: 500 },
  ],
};

const TYPES = new Map([
  ['/events', 'text/event-stream'],
  ['/pieces', 'application/x-ndjson'],
]);

describe('the metrics of the gateway', () => {
  let gateway: GatewayApp;
  let origin: string;
  let events: ServerResponse;
  let sockets: WebSocketServer;
  let status = 200;
  let silent: ((response: ServerResponse) => void) | undefined;
  let refusal: string | undefined;
  let awaited: (() => void) | undefined;

  beforeAll(async () => {
    gateway = await GatewayApp.start({
      table: TABLE,
      environment: { METRICS_PORT: '0' },
      service: (incoming, response) => {
        if (silent) return silent(response);
        const type = TYPES.get(incoming.url ?? '');
        if (type === undefined) return void response.writeHead(status).end();
        events = response.writeHead(200, { 'content-type': type });
        events.flushHeaders();
      },
    });
    sockets = new WebSocketServer({ noServer: true });
    gateway.service.on('upgrade', (incoming, socket, head) => {
      socket.on('error', () => undefined);
      if (awaited) {
        socket.once('end', () => socket.destroy()).resume();
        return awaited();
      }
      if (refusal !== undefined) return void socket.end(refusal);
      sockets.handleUpgrade(incoming, socket, head, (opened) => void opened.on('error', () => undefined));
    });
    origin = (await gateway.app.get(Management).listen()) ?? '';
  });
  afterEach(() => {
    [status, silent, refusal, awaited] = [200, undefined, undefined, undefined];
  });
  afterAll(() => gateway.stop());

  const page = () => MetricsPage.read(origin);
  /** By how much the sum of these series grows meanwhile. */
  async function growth(run: () => Promise<unknown>, name: string, labels: Record<string, string> = {}) {
    const before = (await page()).sum(name, labels) ?? 0;
    await run();
    return ((await page()).sum(name, labels) ?? 0) - before;
  }
  const drained = async (answer: Promise<Response>): Promise<number> => {
    const { status: answered, body } = await answer;
    await body?.cancel();
    return answered;
  };
  const things = () => drained(gateway.call('/things'));

  it('all say by which service', async () => {
    const { series } = await page();
    expect([...series.keys()].filter((name) => !name.includes('service="gateway"'))).toEqual([]);
  });

  it('count tokens by what became of them', async () => {
    const verifications = 'token_relay_verifications_total';
    expect(await growth(things, verifications, { result: 'accepted', code: 'none' })).toBe(1);
    const expired = () => drained(gateway.call('/things', {}, { exp: 1_000, iat: 900 }));
    expect(await growth(expired, verifications, { result: 'rejected', code: 'token_expired' })).toBe(1);
  });

  it('say how long a token took, remembered or not, and how large it is', async () => {
    const token = await gateway.token();
    const call = () => drained(fetch(`${gateway.url}/things`, { headers: { authorization: `Bearer ${token}` } }));
    const seconds = 'token_relay_verification_duration_seconds';
    expect(await growth(call, `${seconds}_count`, { cached: 'false' })).toBe(1);
    expect(await growth(call, `${seconds}_count`, { cached: 'true' })).toBe(1);
    expect(await growth(call, `${seconds}_sum`, { cached: 'true' })).toBeLessThan(0.01);
    expect(await growth(call, 'token_relay_verdict_cache_hits_total')).toBe(1);
    expect(await growth(call, 'token_relay_token_bytes_sum')).toBe(token.length);
  });

  it('say how the keys of the issuer are doing', async () => {
    const now = await page();
    expect(now.sum('token_relay_jwks_fetches_total', { outcome: 'changed' })).toBe(1);
    expect(now.sum('token_relay_jwks_fetches_total', { outcome: 'failed' })).toBe(0);
    expect(now.sum('token_relay_jwks_fetch_duration_seconds_count')).toBeGreaterThanOrEqual(1);
    expect(now.sum('token_relay_jwks_keys', { issuer: gateway.issuer.issuer })).toBe(gateway.issuer.jwks.keys.length);
    expect(now.sum('token_relay_jwks_age_seconds')).toBeLessThan(60);
    expect(Math.abs(now.sum('token_relay_clock_skew_seconds') ?? NaN)).toBeLessThan(2);
  });

  it('say what was revoked, and how old that knowledge is', async () => {
    const sid = randomUUID();
    const value = { kind: 'sid', value: sid, until: Math.floor(Date.now() / 1000) + 900 };
    const revoke = async () => {
      gateway.feed.revoke(value);
      await until(async () => ((await page()).sum('token_relay_revocation_entries') ?? 0) > 0);
    };
    expect(await growth(revoke, 'token_relay_revocation_entries')).toBe(1);
    const refused = () => drained(gateway.call('/things', {}, { sid }));
    expect(await growth(refused, 'token_relay_revocation_hits_total')).toBe(1);
    expect((await page()).sum('token_relay_revocation_lag_seconds')).toBeLessThan(5);
  });

  it('count requests by route template, method and status class', async () => {
    const labels = { method: 'GET', route: '/things/*', status: '4xx' };
    status = 404;
    const missing = () => drained(gateway.call(`/things/${randomUUID()}`));
    expect(await growth(missing, 'token_relay_http_requests_total', labels)).toBe(1);
    expect(await growth(missing, 'token_relay_http_request_duration_seconds_count', labels)).toBe(1);
    // Seconds, for one that takes some milliseconds.
    expect(await growth(missing, 'token_relay_http_request_duration_seconds_sum', labels)).toBeLessThan(1);
    expect(await growth(missing, 'token_relay_relay_duration_seconds_sum')).toBeLessThan(1);
    expect((await page()).sum('token_relay_http_connections')).toBeGreaterThanOrEqual(1);
  });

  it('count requests by the contract of their route, refused ones too, and no others', async () => {
    const requests = 'token_relay_gateway_requests_total';
    expect(await growth(things, requests, { contract: 'resource', status: '2xx' })).toBe(1);
    const unauthorized = () => drained(fetch(`${gateway.url}/things`));
    expect(await growth(unauthorized, requests, { contract: 'resource', status: '4xx' })).toBe(1);
    expect(await growth(() => drained(fetch(`${gateway.url}/readyz`)), requests)).toBe(0);
    expect(await growth(() => drained(fetch(`${gateway.url}/nowhere`)), requests)).toBe(0);
  });

  it.each([
    ['POST', '/auth/refresh', 'auth', '5xx', 503],
    ['GET', '/admin/keys', 'auth', '4xx', 200],
    ['GET', '/.well-known/openid-configuration', 'auth', '2xx', 200],
    ['GET', '/api/whoami', 'resource', '4xx', 200],
  ])('count requests by the gateway’s own routes to services: %s %s', async (method, path, contract, answered, of) => {
    status = of;
    const call = () => drained(fetch(gateway.url + path, { method }));
    expect(await growth(call, 'token_relay_gateway_requests_total', { contract, status: answered })).toBe(1);
  });

  it('are there from the beginning where an alert reads how they rise', async () => {
    const fresh = await GatewayApp.start({
      table: TABLE,
      environment: { METRICS_PORT: '0' },
      service: (_incoming, response) => void response.end(),
    });
    const first = await MetricsPage.read((await fresh.app.get(Management).listen()) ?? '');
    await fresh.stop();
    for (const answered of ['1xx', '2xx', '3xx', '4xx', '5xx', 'client_gone', 'broken_off']) {
      const labels = { contract: 'resource', status: answered };
      expect([answered, first.sum('token_relay_gateway_requests_total', labels)]).toEqual([answered, 0]);
    }
    const unavailable = { grant: 'token_exchange', audience: 'resource', outcome: 'unavailable' };
    expect(first.sum('token_relay_relay_grants_total', unavailable)).toBe(0);
    expect(first.sum('token_relay_relay_grants_total', { ...unavailable, audience: 'auth' })).toBe(0);
  });

  it('count a request whose client hangs up, once each', async () => {
    const authorization = `Bearer ${await gateway.token()}`;
    const hangUp = async () => {
      const controller = new AbortController();
      silent = () => controller.abort();
      await expect(
        fetch(`${gateway.url}/things`, { headers: { authorization }, signal: controller.signal }),
      ).rejects.toThrow();
      await until(async () => ((await page()).sum(http, labels) ?? 0) > before);
    };
    const http = 'token_relay_http_requests_total';
    const labels = { route: '/things', status: 'client_gone' };
    const before = (await page()).sum(http, labels) ?? 0;
    const requests = { contract: 'resource', status: 'client_gone' };
    expect(await growth(hangUp, 'token_relay_gateway_requests_total', requests)).toBe(1);
    expect((await page()).sum(http, labels)).toBe(before + 1);
    expect((await page()).sum('token_relay_relay_duration_seconds_count', { result: 'abandoned' })).toBe(1);
    expect(gateway.lines.filter((line) => line.includes('"code":"client_gone"'))).toHaveLength(1);
  });

  it('count an answer that breaks off', async () => {
    silent = (response) => {
      response.writeHead(200, { 'content-length': 99 }).write('half');
      setTimeout(() => response.destroy(), 20);
    };
    const half = async () => {
      await expect((await gateway.call('/things')).text()).rejects.toThrow();
    };
    const labels = { contract: 'resource', status: 'broken_off' };
    expect(await growth(half, 'token_relay_gateway_requests_total', labels)).toBe(1);
  });

  it('count what calls to services carry, and what it took to get that', async () => {
    const credentials = 'token_relay_relay_credentials_total';
    const destination = { destination: 'resource', mode: 'exchange' };
    expect(await growth(things, credentials, { ...destination, outcome: 'fetched', code: 'none' })).toBe(1);
    expect(await growth(things, 'token_relay_relay_credentials_duration_seconds_count', destination)).toBe(1);
    const grant = { grant: 'token_exchange', audience: 'resource', outcome: 'granted', code: 'none' };
    expect(await growth(things, 'token_relay_relay_grants_total', grant)).toBe(1);
    const token = await gateway.token();
    const again = () => drained(fetch(`${gateway.url}/things`, { headers: { authorization: `Bearer ${token}` } }));
    await again();
    expect(await growth(again, credentials, { ...destination, outcome: 'cached' })).toBe(1);
  });

  it('tell of the wait for tokens that were not at hand alone', async () => {
    const token = await gateway.token();
    const call = () => drained(fetch(`${gateway.url}/things`, { headers: { authorization: `Bearer ${token}` } }));
    const waits = 'token_relay_relay_credentials_duration_seconds_count';
    expect(await growth(call, waits)).toBe(1);
    expect(await growth(call, waits)).toBe(0);
  });

  it.each([
    ['2xx', 200],
    ['4xx', 404],
    ['5xx', 503],
    ['token_refused', 401],
  ])('measure calls to services: %s', async (result, answered) => {
    status = answered;
    const labels = { destination: 'resource', mode: 'exchange', result };
    expect(await growth(things, 'token_relay_relay_duration_seconds_count', labels)).toBeGreaterThanOrEqual(1);
  });

  it('tell streams and sockets that are open from those that were', async () => {
    const open = async (name: string) => (await page()).sum(`token_relay_gateway_open_${name}`);
    const authorization = `Bearer ${await gateway.token()}`;
    const sent = request(`${gateway.url}/events`, { headers: { authorization }, agent: false }).end();
    const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream];
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/live`, { headers: { authorization } });
    await once(socket, 'open');
    expect([await open('streams'), await open('sockets')]).toEqual([1, 1]);
    answer.resume();
    events.end();
    socket.close();
    await until(async () => (await open('streams')) === 0 && (await open('sockets')) === 0);
  });

  it.each([...TYPES.keys()])('count streams, and do not measure them: %s', async (path) => {
    const authorization = `Bearer ${await gateway.token()}`;
    const listen = async (): Promise<NodeJS.ReadableStream> => {
      const sent = request(gateway.url + path, { headers: { authorization }, agent: false }).end();
      const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { destroy(): void }];
      return answer.on('error', () => undefined);
    };
    const counted = async () =>
      (await page()).sum('token_relay_http_requests_total', { route: path, status: '2xx' }) ?? 0;
    const before = await counted();
    (await listen()).resume();
    events.end();
    await until(async () => (await counted()) === before + 1);
    // Whose listener leaves is no other.
    const left = (await listen()) as NodeJS.ReadableStream & { destroy(): void };
    left.destroy();
    await until(async () => (await counted()) === before + 2);
    expect((await page()).sum('token_relay_http_request_duration_seconds_count', { route: path })).toBeUndefined();
  });

  it('count sockets that are opened, and measure how long that took', async () => {
    const open = async () => {
      const headers = { authorization: `Bearer ${await gateway.token()}` };
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/live`, { headers });
      await once(socket, 'open');
      socket.close();
      await once(socket, 'close');
    };
    const switched = { contract: 'resource', status: '1xx' };
    expect(await growth(open, 'token_relay_gateway_requests_total', switched)).toBe(1);
    expect(await growth(open, 'token_relay_http_requests_total', { route: '/live', status: '1xx' })).toBe(1);
    const called = { destination: 'resource', mode: 'exchange', result: '1xx' };
    expect(await growth(open, 'token_relay_relay_duration_seconds_count', called)).toBe(1);
    expect(await growth(open, 'token_relay_relay_duration_seconds_sum', called)).toBeLessThan(1);
  });

  it.each([
    ['is answered otherwise', 'HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n', '4xx', '4xx'],
    ['is refused for its token', 'HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n', 'token_refused', '5xx'],
    ['fails', 'nonsense\r\n\r\n', 'upstream_failed', '5xx'],
  ])('count a request for a socket that %s', async (_what, answer, result, answered) => {
    refusal = answer;
    const open = async () => {
      const headers = { authorization: `Bearer ${await gateway.token()}` };
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/live`, { headers });
      await once(socket, 'error');
    };
    const called = { destination: 'resource', mode: 'exchange', result };
    expect(await growth(open, 'token_relay_relay_duration_seconds_count', called)).toBeGreaterThanOrEqual(1);
    const requests = { contract: 'resource', status: answered };
    const counted = async () => (await page()).sum('token_relay_gateway_requests_total', requests) ?? 0;
    const before = await counted();
    await open();
    // When the connection has ended as well.
    await until(async () => (await counted()) > before);
    expect(await counted()).toBe(before + 1);
  });

  it('count a request for a socket whose client hangs up before there is one', async () => {
    const authorization = `Bearer ${await gateway.token()}`;
    const hangUp = async () => {
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/live`, { headers: { authorization } });
      socket.on('error', () => undefined);
      awaited = () => socket.terminate();
      await until(async () => ((await page()).sum(calls, abandoned) ?? 0) > before);
    };
    const calls = 'token_relay_relay_duration_seconds_count';
    const abandoned = { destination: 'resource', result: 'abandoned' };
    const before = (await page()).sum(calls, abandoned) ?? 0;
    expect(await growth(hangUp, calls, abandoned)).toBe(1);
  });

  it('answer probes as the port of the service does', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const [outside, inside] = await Promise.all([fetch(gateway.url + path), fetch(origin + path)]);
      expect(inside.status).toBe(outside.status);
      expect(Object.keys((await inside.json()) as object)).toEqual(Object.keys((await outside.json()) as object));
    }
  });

  it('get no new series from a hostile client', async () => {
    const attack = async (round: number): Promise<void> => {
      const name = (i: number) => `${randomUUID()}-${round}-${i}`;
      const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      for (let i = 0; i < 500; i++) {
        const kid = i % 2 === 0 ? { kid: name(i) } : {};
        const alg = i % 3 === 0 ? 'none' : i % 3 === 1 ? 'ES256' : name(i);
        const claims = header({ iss: i % 5 === 0 ? name(i) : gateway.issuer.issuer, sub: name(i), aud: name(i) });
        const authorization = `Bearer ${header({ alg, typ: 'at+jwt', ...kid })}.${claims}.${'A'.repeat(86)}`;
        const path = [`/${name(i)}`, `/things/${name(i)}`, `/THINGS/${name(i)}`, `/things?${name(i)}`][i % 4];
        const method = ['GET', 'POST', 'DELETE', 'OPTIONS'][i % 4] ?? 'GET';
        const headers = { authorization, 'x-transaction-id': name(i), 'user-agent': name(i) };
        await drained(fetch(`${gateway.url}${path}`, { method, headers }));
      }
      for (const method of ['PROPFIND', 'TRACE', 'PURGE', `M${randomUUID()}`]) {
        const socket = connect(gateway.port, '127.0.0.1');
        socket.on('error', () => undefined).resume();
        socket.end(`${method} /${name(0)} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n`);
        await once(socket, 'close');
      }
    };
    await attack(1);
    // All that there can be is there by now.
    const { series, text } = await page();
    await attack(2);
    const after = await page();
    // Node's own come as it does something for the first time, a kind of garbage collection say.
    const added = [...after.series.keys()].filter((one) => !series.has(one) && !one.startsWith('nodejs_'));
    expect(added).toEqual([]);
    const methods = [...after.series.keys()].map((one) => /[{,]method="(.*?)"/.exec(one)?.[1] ?? 'GET');
    expect(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'other']).toEqual(expect.arrayContaining(methods));
    expect(series.size).toBeLessThan(1_000);
    expect(text.length).toBeLessThan(256 * 1024);
  }, 60_000);
});
