import { type ServerResponse } from 'node:http';
import { type RelayView } from '../src/console/relay/relay-view.controller';
import { BuiltConsole } from './built-console';
import { GatewayApp } from './gateway-app';

const TRACE = {
  outcome: 'accepted',
  stages: [],
  token: { redacted: 'a.b.()', bytes: 9, verified: true, claims: { aud: 'resource' } },
};
const HOPS = [
  { service: 'resource', audience: 'resource', actor: ['gateway'], trace: TRACE },
  { service: 'audit', audience: 'audit', actor: ['resource', 'gateway'] },
];
const PROBLEM = { 'content-type': 'application/problem+json' };

describe('the relay view of the console', () => {
  const built = new BuiltConsole();
  let received: { readonly line: string; readonly authorization?: string; readonly transaction?: unknown }[];
  let answer: (response: ServerResponse) => void;
  let gateway: GatewayApp;

  beforeAll(async () => {
    gateway = await GatewayApp.start({
      service: ({ method, url, headers: { authorization, 'txn-token': transaction } }, response) => {
        received.push({ line: `${method} ${url}`, authorization, transaction });
        answer(response);
      },
      environment: built.demo,
      consoleFolder: built.folder,
    });
  });
  beforeEach(() => {
    received = [];
    answer = (response) => void response.end(JSON.stringify({ hops: HOPS }));
  });
  afterAll(async () => {
    await gateway.stop();
    built.remove();
  });

  const view = async (query = '', claims = {}) => gateway.call(`/console/api/relay${query}`, {}, claims);
  const read = async (response: Response) => (await response.json()) as RelayView;

  it('calls resource by exchange, and shows what each service got', async () => {
    const response = await view();
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { mode, transactionId, traceId, hops, refusal } = await read(response);
    expect(mode).toBe('exchange');
    expect(transactionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(refusal).toBeUndefined();
    expect(hops.map(({ service }) => service)).toEqual(['gateway', 'resource', 'audit']);
    expect(hops[0]).toMatchObject({
      audience: 'gateway',
      relayed: { to: 'resource', mode: 'exchange' },
      trace: { outcome: 'accepted' },
      received: { verified: true, claims: { aud: 'gateway' } },
    });
    expect(hops[1]).toEqual({ ...HOPS[0], received: TRACE.token });
    expect(hops[2]).toEqual(HOPS[1]);
    expect(received).toEqual([{ line: 'GET /whoami?explain=1', authorization: 'Bearer exchanged' }]);
  });

  it('calls resource in a transaction, minted for this call, with a token of the gateway’s own beside it', async () => {
    gateway.exchanges.length = 0;
    const response = await view('?mode=transaction');
    expect(response.status).toBe(200);
    const { mode, transactionId, hops, refusal } = await read(response);
    expect([mode, refusal]).toEqual(['transaction', undefined]);
    expect(transactionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(hops.map(({ service }) => service)).toEqual(['gateway', 'resource', 'audit']);
    expect(hops[0]).toMatchObject({ transactionId, relayed: { to: 'resource', mode: 'transaction', cached: false } });
    expect(received).toEqual([
      { line: 'GET /whoami?explain=1', authorization: 'Bearer exchanged', transaction: 'minted' },
    ]);
    const mint = gateway.exchanges.find((form) => form.get('requested_token_type')?.endsWith(':txn_token'));
    expect(JSON.parse(mint?.get('request_details') ?? '{}')).toEqual({ method: 'GET', route: '/console/api/relay' });
    expect(JSON.parse(mint?.get('request_context') ?? '{}')).toEqual({ req_ip: '127.0.0.1' });
  });

  it('shows no signature', async () => {
    const token = await gateway.token();
    const headers = { authorization: `Bearer ${token}` };
    const text = await (await fetch(`${gateway.url}/console/api/relay`, { headers })).text();
    expect(text).not.toContain(token.split('.')[2]);
    expect(text).toContain('(signature of ');
  });

  it('hands the token over in forward, and says why resource refuses it', async () => {
    answer = (response) => void response.writeHead(401, PROBLEM).end('{"code":"audience_mismatch","detail":"d"}');
    const response = await view('?mode=forward');
    expect(response.status).toBe(200);
    expect(response.headers.get('retry-after')).toBeNull();
    const { hops, refusal } = await read(response);
    expect(hops.map(({ service }) => service)).toEqual(['gateway']);
    expect(refusal).toMatchObject({ status: 503, code: 'relay_token_refused' });
    expect(refusal?.why).toMatch(/is for gateway, and resource takes those that are for resource: audience_mismatch/);
    expect(received[0]?.authorization).toMatch(/^Bearer eyJ/);
  });

  it('shows the refusal of a call that the user may not make', async () => {
    const body = '{"code":"insufficient_scope","detail":"The access token does not have the required scope."}';
    answer = (response) => void response.writeHead(403, PROBLEM).end(body);
    const { hops, refusal } = await read(await view());
    expect(hops).toHaveLength(1);
    expect(refusal).toEqual({ status: 403, ...(JSON.parse(body) as object) });
  });

  it('shows where the call has failed when that is behind resource', async () => {
    const body = '{"code":"upstream_unreachable","detail":"It can not be reached.","hop":"audit"}';
    answer = (response) => void response.writeHead(502, PROBLEM).end(body);
    const { hops, refusal } = await read(await view());
    expect(hops).toHaveLength(1);
    expect(refusal).toEqual({ status: 502, ...(JSON.parse(body) as object) });
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['fails', (response) => response.writeHead(500).end()],
    ['fails and says so', (response) => response.writeHead(500, PROBLEM).end('{"code":"internal_error","detail":"d"}')],
    ['breaks off', (response) => response.destroy()],
    ['answers something else', (response) => response.end('{"hops":[{}]}')],
    ['answers without an end', (response) => response.end(JSON.stringify({ hops: [], more: 'x'.repeat(300_000) }))],
  ])('is an error when resource %s', async (_what, broken) => {
    answer = broken;
    const response = await view();
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ code: 'upstream_failed', hop: 'resource' });
  });

  it.each([
    ['in production', {}, 404],
    ['in production, where tokens may be handed over', { DANGEROUSLY_FORWARD: '1' }, 200],
  ])('shows no services’ tokens %s, and forward as the routes have it', async (_where, more, status) => {
    const other = await GatewayApp.start({
      service: (_request, response) => void response.end(JSON.stringify({ hops: [] })),
      environment: { CONSOLE: '1', ...more },
      consoleFolder: built.folder,
    });
    try {
      const { hops } = await read(await other.call('/console/api/relay'));
      expect(hops).toEqual([expect.not.objectContaining({ trace: expect.anything() as unknown })]);
      const forward = await other.call('/console/api/relay?mode=forward');
      expect(forward.status).toBe(status);
      if (status === 404) expect(await forward.json()).toMatchObject({ code: 'mode_not_available' });
    } finally {
      await other.stop();
    }
  });

  it('asks for documents:read, and for a mode that there is', async () => {
    expect((await view('', { scope: 'documents:write' })).status).toBe(403);
    expect((await fetch(`${gateway.url}/console/api/relay`)).status).toBe(401);
    const response = await view('?mode=none');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'validation_failed' });
    expect(received).toEqual([]);
  });
});
