import { type IncomingHttpHeaders } from 'node:http';
import { GatewayApp, textOf } from './gateway-app';

const TABLE = {
  destinations: {
    resource: { url: 'SERVICE', audience: 'resource', scopes: ['documents:read', 'documents:write'] },
    open: { url: 'SERVICE', audience: 'open' },
  },
  routes: [
    {
      prefix: '/api/documents',
      methods: ['GET'],
      destination: 'resource',
      rewrite: '/documents',
      scopes: ['documents:read'],
    },
    {
      prefix: '/api/documents',
      methods: ['POST'],
      destination: 'resource',
      rewrite: '/documents',
      scopes: ['documents:write'],
    },
    { prefix: '/api', methods: ['GET', 'POST', 'DELETE', 'OPTIONS'], destination: 'resource', rewrite: '/' },
    { prefix: '/open', methods: ['GET'], destination: 'open', mode: 'none' },
    {
      prefix: '/limited',
      methods: ['GET'],
      destination: 'open',
      mode: 'none',
      rateLimit: { requests: 2, perSeconds: 60 },
    },
    { prefix: '/transactions', methods: ['GET'], destination: 'resource', mode: 'transaction' },
  ],
};

describe('the routes of a table', () => {
  let received: { line: string; headers: IncomingHttpHeaders; body: string }[];
  let answerHeaders: Record<string, string>;
  let status: number;
  let gateway: GatewayApp;

  beforeAll(async () => {
    gateway = await GatewayApp.start({
      table: TABLE,
      service: (request, response) => {
        void textOf(request).then((body) => {
          received.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
          response.writeHead(status, answerHeaders).end('{}');
        });
      },
    });
  });
  beforeEach(() => {
    received = [];
    answerHeaders = {};
    status = 200;
  });
  afterAll(() => gateway.stop());

  const lines = () => received.map(({ line }) => line);
  const problem = async (answer: Response) => {
    const { code } = (await answer.json()) as { code: string };
    return [answer.status, code];
  };

  it.each([
    ['GET', '/api/documents', '/documents'],
    ['GET', '/api/documents/1?a=b', '/documents/1?a=b'],
    ['HEAD', '/api/documents/1', '/documents/1'],
    ['POST', '/api/documents', '/documents'],
    ['GET', '/api', '/'],
    ['GET', '/api?a', '/?a'],
    ['DELETE', '/api/other/1', '/other/1'],
    ['OPTIONS', '/api/other', '/other'],
    ['GET', '/api/documents2', '/documents2'],
    ['GET', '/open/a', '/open/a'],
  ])('%s %s is %s there', async (method, path, target) => {
    const answer = await gateway.call(path, { method });
    expect(answer.status).toBe(200);
    expect(lines()).toEqual([`${method} ${target}`]);
  });

  it('ask for the scopes of the longest prefix, and of the method', async () => {
    const reader = { scope: 'documents:read' };
    expect((await gateway.call('/api/documents', {}, reader)).status).toBe(200);
    const write = await gateway.call('/api/documents', { method: 'POST' }, reader);
    expect(write.headers.get('www-authenticate')).toContain('scope="documents:write"');
    expect(await problem(write)).toEqual([403, 'insufficient_scope']);
    expect((await gateway.call('/api/other', {}, { scope: 'none' })).status).toBe(200);
    expect(await problem(await fetch(`${gateway.url}/api/other`))).toEqual([401, 'token_missing']);
  });

  it.each([
    // The shorter prefix has DELETE; what it is asked for is the longer one's.
    ['DELETE', '/api/documents/1', 'GET, HEAD, POST'],
    ['PUT', '/api/other', 'DELETE, GET, HEAD, OPTIONS, POST'],
    ['PATCH', '/open', 'GET, HEAD'],
  ])('have no %s %s, and say which methods there are', async (method, path, allow) => {
    const answer = await gateway.call(path, { method });
    expect(await problem(answer)).toEqual([405, 'method_not_allowed']);
    expect(answer.headers.get('allow')).toBe(allow);
    expect(received).toEqual([]);
  });

  it.each([
    '/api/Documents',
    '/API/documents',
    '/api/documents.',
    '/api/documents;a=b',
    '/api/documents;a=b/1',
    '/api/documents%3Ba',
    '/api/documents%20',
    '/api/documents%3Fx',
    '/api/documents%23x',
    '/api/d%6Fcuments',
    '/%61pi/documents',
    '/api/%64ocuments/1',
    '/api/%2564ocuments',
    '/api/%2525252564ocuments',
    '/api/%252e/documents',
    '/api/x/%252e%252e/documents',
    '/api/..;/documents',
    '/api/x/..;/documents',
    '/api/documents%2F1',
    '/api/x%2f..%2fdocuments',
    '/api/x/../documents',
    '/api/./documents',
    '/api//documents',
    '//api/documents',
    '/api\\documents',
    '/api/%5Cdocuments',
    '/api/documents%00',
    '/api/%ef%bd%84ocuments',
    '/api/documents#x',
    '/api/other#x',
    '/api/%252e%252e/%252e%252e/admin/keys',
    '/api/other?a=b#x',
    'http://127.0.0.1/api/documents',
    'http://127.0.0.1/api/other',
    'http://evil.test/api/other',
  ])('reach nobody by a path that some server takes for another: %s', async (target) => {
    const token = await gateway.token({ scope: 'none' });
    const answer = await gateway.raw(
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 (?:400|403|404) /);
    expect(received).toEqual([]);
  });

  it.each(['/api/other/A.b~c/%20%C3%BC', '/api/other/UP/..hidden', '/api/other/a;b=c', '/api/other/100%25'])(
    'leave a path as it is that means one thing: %s',
    async (path) => {
      expect((await gateway.call(path)).status).toBe(200);
      expect(lines()).toEqual([`GET ${path.slice('/api'.length)}`]);
    },
  );

  it('send the token of their mode, and nothing that a client claims to be', async () => {
    const spoofed = {
      cookie: 'a=b',
      'txn-token': 'eyJ.a.b',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x-request-timeout-ms': '1',
      'x-locale': 'de',
      'x-transaction-id': 'chosen-by-a-client',
      'x-user-id': 'admin',
      'accept-language': 'fr',
    };
    await gateway.call('/api/other', { headers: spoofed });
    const [{ headers } = { headers: {} as IncomingHttpHeaders }] = received;
    expect(headers.authorization).toBe('Bearer exchanged');
    for (const name of ['cookie', 'txn-token', 'x-user-id']) expect(headers).not.toHaveProperty(name);
    for (const name of ['traceparent', 'x-transaction-id', 'x-request-timeout-ms', 'x-locale'] as const) {
      expect(headers[name]).not.toBe(spoofed[name]);
    }
    await gateway.call('/open/a', { headers: spoofed });
    expect(received[1]?.headers).not.toHaveProperty('authorization');
  });

  it('tell in a transaction what it is about', async () => {
    gateway.exchanges.length = 0;
    await gateway.call('/transactions/1');
    const mint = gateway.exchanges.find((form) => form.get('requested_token_type')?.endsWith(':txn_token'));
    expect(JSON.parse(mint?.get('request_details') ?? '{}')).toEqual({ method: 'GET', route: '/transactions' });
    expect(JSON.parse(mint?.get('request_context') ?? '{}')).toEqual({ req_ip: '127.0.0.1' });
  });

  it('are asked by each caller as often as they allow', async () => {
    const asked = async (sub: string) => (await gateway.call('/limited', {}, { sub })).status;
    expect([await asked('a'), await asked('a')]).toEqual([200, 200]);
    const refused = await gateway.call('/limited', {}, { sub: 'a' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(await problem(refused)).toEqual([429, 'rate_limited']);
    expect(await asked('b')).toBe(200);
    // Who isn't let in isn't counted.
    for (let i = 0; i < 3; i++) await fetch(`${gateway.url}/limited`, { headers: { authorization: 'Bearer x' } });
    expect(await asked('b')).toBe(200);
    expect(received).toHaveLength(4);
  });

  it.each([
    ['https://elsewhere.test/login', 'https://elsewhere.test/login'],
    ['SERVICE/documents/1?a=b#c', '/api/documents/1?a=b#c'],
    ['/documents/1', '/api/documents/1'],
    ['//HOST/documents', '/api/documents'],
    ['documents/1', 'documents/1'],
    ['SERVICE/elsewhere', '/api/elsewhere'],
  ])('pass a redirect to %s on as one to %s, and never follow it', async (location, expected) => {
    status = 307;
    answerHeaders = {
      location: location.replace('SERVICE', gateway.origin).replace('HOST', new URL(gateway.origin).host),
    };
    const answer = await gateway.call('/api/documents/0');
    expect([answer.status, answer.headers.get('location')]).toEqual([307, expected]);
    expect(received).toHaveLength(1);
  });

  it('do not pass on where something is that nobody can reach by them', async () => {
    status = 302;
    answerHeaders = { location: `${gateway.origin}/elsewhere`, 'content-location': '/elsewhere' };
    const { headers } = await gateway.call('/open/a');
    expect([headers.get('location'), headers.get('content-location')]).toEqual([null, null]);
  });

  it('name no host of a service in links', async () => {
    answerHeaders = {
      link: `<${gateway.origin}/documents?page=2>; rel="next", <https://elsewhere.test/>; rel="help"`,
      'alt-svc': 'h2="inner:443"',
      refresh: `0; url=${gateway.origin}`,
    };
    const { headers } = await gateway.call('/api/documents');
    expect(headers.get('link')).toBe('</api/documents?page=2>; rel="next", <https://elsewhere.test/>; rel="help"');
    expect([headers.get('alt-svc'), headers.get('refresh')]).toEqual([null, null]);
  });
});
