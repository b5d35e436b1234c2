import { ConfigError } from '@token-relay/service-kit';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRouteTable, type TableConfig } from './read-route-table';

const CONFIG: TableConfig = {
  ROUTES_FILE: undefined,
  RESOURCE_URL: 'http://resource:3002',
  RELAY_MODE: 'exchange',
  UPSTREAM_TIMEOUT_MS: 10_000,
  NODE_ENV: 'production',
  DANGEROUSLY_FORWARD: false,
};
const RESOURCE = { audience: 'resource', scopes: ['documents:read'] };
const ROUTE = { prefix: '/api/documents', methods: ['GET'], destination: 'resource' };

describe('a table of routes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'routes-'));
  const file = join(folder, 'routes.json');
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (content: unknown, config: Partial<TableConfig> = {}) => {
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return readRouteTable({ ...CONFIG, ROUTES_FILE: file, ...config });
  };
  const table = (route: object, destination: object = {}) => ({
    destinations: { resource: { ...RESOURCE, ...destination } },
    routes: [{ ...ROUTE, ...route }],
  });
  /** What is said to be wrong, without the name of the file. */
  const faults = (content: unknown, config: Partial<TableConfig> = {}): string[] => {
    try {
      read(content, config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map(({ name, reason }) => `${name.replace('ROUTES_FILE', '').trim()}: ${reason}`);
    }
    return [];
  };

  it('is the usual one where there is no file', () => {
    const { routes, contracts } = readRouteTable(CONFIG);
    expect(
      routes.map(({ prefix, methods, rewrite, scopes }) => [prefix, methods.join(), rewrite, scopes.join()]),
    ).toEqual([
      ['/api/documents', 'GET,HEAD', '/documents', 'documents:read'],
      ['/api/documents', 'POST', '/documents', 'documents:write'],
      ['/api/audit', 'GET,HEAD', '/audit', 'audit:read'],
      ['/api', 'GET,POST,PUT,PATCH,DELETE,OPTIONS,HEAD', '', ''],
    ]);
    expect(contracts).toEqual({
      resource: {
        baseUrl: 'http://resource:3002',
        audience: 'resource',
        mode: 'exchange',
        scopes: ['documents:read', 'documents:write', 'audit:read'],
      },
    });
  });

  it('has defaults, and may say itself where a destination is', () => {
    expect(read(table({})).routes[0]).toMatchObject({
      rewrite: '/api/documents',
      mode: 'exchange',
      contract: 'resource',
      scopes: [],
      timeoutMs: 10_000,
      maxBodyBytes: 1024 * 1024,
      rateLimit: undefined,
      webSocket: false,
    });
    const elsewhere = read(table({}, { url: 'https://other.test' }), { RESOURCE_URL: undefined });
    expect(elsewhere.contracts.resource?.baseUrl).toBe('https://other.test');
  });

  it('has a contract for each mode of a destination', () => {
    const { contracts, routes } = read({
      destinations: {
        resource: { ...RESOURCE, dangerouslyForward: true },
        log: { url: 'http://log:1', audience: 'log' },
      },
      routes: [
        ROUTE,
        { ...ROUTE, prefix: '/a', mode: 'transaction' },
        { ...ROUTE, prefix: '/b', mode: 'forward' },
        { prefix: '/c', methods: ['POST'], destination: 'log', mode: 'none' },
      ],
    });
    expect(routes.map(({ contract }) => contract)).toEqual([
      'resource',
      'resource:transaction',
      'resource:forward',
      'log:none',
    ]);
    expect(Object.entries(contracts).map(([name, { mode }]) => [name, mode])).toEqual([
      ['resource', 'exchange'],
      ['resource:transaction', 'transaction'],
      ['resource:forward', 'forward'],
      ['log:none', 'none'],
    ]);
    expect(contracts['resource:forward']?.dangerouslyForward).toBe(true);
  });

  it('takes the mode that the gateway is told where a route names none', () => {
    const { routes, contracts } = read(table({}), { RELAY_MODE: 'transaction' });
    expect([routes[0]?.mode, routes[0]?.contract, contracts.resource?.mode]).toEqual([
      'transaction',
      'resource',
      'transaction',
    ]);
  });

  it.each<[string, unknown, string[]]>([
    [
      'another destination',
      table({ destination: 'other' }),
      ['routes[0].destination: names no destination of this file'],
    ],
    ['members that nobody knows', table({ presix: 1 }), ['routes[0]: has members that are not known here: presix']],
    [
      'a prefix of the gateway',
      table({ prefix: '/admin/x' }),
      ['routes[0].prefix: is one of the gateway’s own routes'],
    ],
    [
      'one that some server takes for it',
      table({ prefix: '/Auth' }),
      ['routes[0].prefix: is one of the gateway’s own routes'],
    ],
    ['the console', table({ prefix: '/console/x' }), ['routes[0].prefix: is one of the gateway’s own routes']],
    ['the way of whoami', table({ prefix: '/api/whoami' }), ['routes[0].prefix: is one of the gateway’s own routes']],
    ['no methods', table({ methods: [] }), ['routes[0].methods: must name at least one method']],
    ['a method twice', table({ methods: ['GET', 'GET'] }), ['routes[0].methods: names a method twice']],
    ['HEAD alone', table({ methods: ['HEAD'] }), ['routes[0].methods: has HEAD without GET, which it comes with']],
    [
      'sockets without GET',
      table({ methods: ['POST'], webSocket: true }),
      ['routes[0].webSocket: needs GET, by which sockets are opened'],
    ],
    [
      'sockets with messages too large for memory',
      table({ webSocket: true, maxBodyBytes: 16 * 1024 * 1024 + 1 }),
      ['routes[0].maxBodyBytes: must be 16777216 at most for sockets, whose messages are held in memory'],
    ],
    [
      'forward without a word',
      table({ mode: 'forward' }),
      ['routes[0].mode: forward needs dangerouslyForward: true of the destination'],
    ],
    ['forward with it', table({ mode: 'forward' }, { dangerouslyForward: true }), []],
    ['largest messages', table({ webSocket: true, maxBodyBytes: 16 * 1024 * 1024 }), []],
    [
      'nothing that narrows a token',
      table({}, { scopes: [] }),
      [
        'destinations.resource.scopes: must not be empty: by /api/whoami it is called in mode exchange',
        'routes[0].mode: exchange needs scopes of the destination: without them nothing narrows a token',
      ],
    ],
    ['a time of nothing', table({ timeoutMs: 0 }), ['routes[0].timeoutMs: must be a whole number from 1 to 300000']],
    [
      'a text for a number',
      table({ maxBodyBytes: '1' }),
      ['routes[0].maxBodyBytes: must be a whole number from 0 to 1099511627776'],
    ],
    [
      'half a rate',
      table({ rateLimit: { requests: 1 } }),
      ['routes[0].rateLimit.perSeconds: must be a whole number from 1 to 86400'],
    ],
    ['two scopes in one', table({ scopes: ['a b'] }), ['routes[0].scopes[0]: must be a scope: one, without spaces']],
    ['no routes', { destinations: {}, routes: [] }, ['routes: must hold at least one route']],
    ['no object', [], [': must be a JSON object, in which no member stands twice']],
    ['no JSON', '{"destinations": secret', [': must be a JSON object, in which no member stands twice']],
    ['a member twice', '{"routes":[],"routes":[]}', [': must be a JSON object, in which no member stands twice']],
  ])('with %s', (_what, content, expected) => {
    expect(faults(content)).toEqual(expected);
  });

  it.each([
    '/',
    '',
    'api',
    '/api/',
    '//api',
    '/a/../b',
    '/a/./b',
    '/.hidden',
    '/a.',
    '/a%20b',
    '/a*',
    '/:id',
    '/a/*',
    '/ä',
    '/a?b',
  ])('has no prefix %s', (prefix) => {
    expect(faults(table({ prefix }))).toEqual([expect.stringMatching(/^routes\[0\]\.prefix: must be a path/)]);
  });

  it('says each path once for each method', () => {
    const routes = (...more: object[]) => ({
      destinations: { resource: RESOURCE },
      routes: [ROUTE, ...more.map((route) => ({ ...ROUTE, ...route }))],
    });
    expect(faults(routes({}))).toEqual(['routes[1].prefix: stands in routes[0] already, for the same method']);
    expect(faults(routes({ methods: ['POST'] }))).toEqual([]);
    expect(faults(routes({ prefix: '/api/documents/inner' }))).toEqual([]);
    expect(faults(routes({ prefix: '/api/Documents', methods: ['POST'] }))).toEqual([
      'routes[1].prefix: is routes[0].prefix to a server that looks less closely',
    ]);
  });

  it.each([
    ['auth', true],
    ['console-exchange', true],
    ['console-transaction', true],
    ['console-forward', true],
    ['console-heard', true],
    ['console', false],
    ['console-other', false],
  ])('may have a destination %s, unless the gateway calls by that name itself: %s', (name, isOwn) => {
    const other = { ...RESOURCE, url: 'https://other.test' };
    const content = { destinations: { resource: RESOURCE, [name]: other }, routes: [ROUTE] };
    expect(faults(content)).toEqual(isOwn ? [`destinations.${name}: is the gateway’s own`] : []);
  });

  it('is refused with all that is wrong at once, and shows no value', () => {
    const wrong = {
      destinations: { resource: { url: 'http://user:hunter2@host/path', audience: '' }, auth: { audience: 'auth' } },
      routes: [
        { ...ROUTE, prefix: 'hunter2' },
        { ...ROUTE, destination: 'hunter2', mode: 'hunter2' },
        { ...ROUTE, destination: 'hunter2' },
      ],
      hunter2: true,
    };
    const found = faults(wrong);
    expect(found.map((fault) => fault.split(':')[0]).sort()).toEqual([
      '',
      'destinations.auth',
      'destinations.auth.url',
      'destinations.resource.audience',
      'destinations.resource.url',
      'routes[0].prefix',
      'routes[1].mode',
      'routes[2].destination',
    ]);
    expect(found.join().replace('not known here: hunter2', '')).not.toContain('hunter2');
  });

  it('is right in the docs', () => {
    const page = readFileSync(join(__dirname, '../../../../docs/gateway.md'), 'utf8');
    const [, example = ''] = /```json\n([^]*?)```/.exec(page) ?? [];
    expect(read(example).routes).toHaveLength(5);
  });

  it('is refused when it can not be read', () => {
    expect(() => readRouteTable({ ...CONFIG, ROUTES_FILE: join(folder, 'none') })).toThrow(
      'ROUTES_FILE: can not be read',
    );
  });
});
