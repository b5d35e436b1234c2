import { decodeJwt } from 'jose';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppProcess } from './app-process';
import { basic, exchange, shared, System } from './system';

interface Hop {
  service: string;
  audience: string;
  subject: string;
  actor: string[];
  scopes: string[];
  expiresAt: string;
  transactionId: string;
  txn?: string;
  verifiedInMs: number;
  relayed?: { to: string; mode: string; cached: boolean; exchangedInMs: number; answeredInMs: number };
}

const USER = ['documents:read', 'documents:write'];

/** Of each way to pass a call on: what the services of the chain see, from the gateway to audit. */
const MODES = {
  exchange: [
    { service: 'gateway', audience: 'gateway', actor: [], scopes: USER },
    { service: 'resource', audience: 'resource', actor: ['gateway'], scopes: USER },
    // Outermost first, as in RFC 8693, section 4.1.
    { service: 'audit', audience: 'audit', actor: ['resource', 'gateway'], scopes: USER },
  ],
  transaction: [
    { service: 'gateway', audience: 'gateway', actor: [], scopes: USER },
    // Whose token came in Authorization: each hop knows the one before it, and the transaction token who began.
    { service: 'resource', audience: 'resource', actor: ['gateway'], scopes: USER },
    { service: 'audit', audience: 'audit', actor: ['resource'], scopes: USER },
  ],
  forward: [
    { service: 'gateway', audience: 'gateway', actor: [], scopes: USER },
    { service: 'resource', audience: 'gateway', actor: [], scopes: USER },
    { service: 'audit', audience: 'gateway', actor: [], scopes: USER },
  ],
} as const;

describe.each(Object.keys(MODES) as (keyof typeof MODES)[])('with RELAY_MODE=%s', (mode) => {
  let system: System;
  let token: string;
  beforeAll(async () => {
    system = await System.start({ relayMode: mode });
    token = await system.login('alice');
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  async function whoami(): Promise<Hop[]> {
    const answer = await system.call('/api/whoami', token);
    expect(answer.status).toBe(200);
    const { subject, hops } = (await answer.json()) as { subject: string; hops: Hop[] };
    expect(subject).toBe(system.accounts.alice.sub);
    return hops;
  }

  it('each service sees the user, by its own audience and chain of actors', async () => {
    const hops = await whoami();
    expect(hops).toMatchObject(MODES[mode].map((hop) => ({ ...hop, subject: system.accounts.alice.sub })));
  });

  it('says how each call was made, and how long that took', async () => {
    await whoami();
    const hops = await whoami();
    expect(hops.map(({ relayed }) => relayed && [relayed.to, relayed.mode])).toEqual([
      ['resource', mode],
      [mode === 'transaction' ? 'auditInTransaction' : 'audit', mode],
      undefined,
    ]);
    // The second time all is at hand; but a transaction is begun with each call.
    expect(hops.map(({ relayed }) => relayed?.cached)).toEqual([mode !== 'transaction', true, undefined]);
    for (const hop of hops) expect(hop.verifiedInMs).toBeGreaterThanOrEqual(0);
    for (const { relayed } of hops.slice(0, 2)) {
      expect(relayed?.exchangedInMs).toBeGreaterThanOrEqual(0);
      expect(relayed?.answeredInMs).toBeGreaterThan(0);
    }
  });

  it('names the call the same on all services', async () => {
    const calls = [await whoami(), await whoami()];
    const ids = calls.map((hops) => new Set(hops.map(({ transactionId }) => transactionId)));
    expect(ids.map(({ size }) => size)).toEqual([1, 1]);
    expect(ids[0]).not.toEqual(ids[1]);
    // Signed, it is that of the token, which the gateway has had minted for those behind it.
    const signed = calls.map((hops) => hops.map(({ txn }) => txn));
    if (mode === 'transaction') {
      for (const [atTheEdge, ...behind] of signed) {
        expect(atTheEdge).toBeUndefined();
        expect(behind).toEqual(Array(2).fill(expect.stringMatching(/^[0-9a-f-]{36}$/)));
        expect(new Set(behind).size).toBe(1);
      }
      expect(signed[0]).not.toEqual(signed[1]);
    } else expect(signed.flat()).toEqual(Array(6).fill(undefined));
  });

  it('stores a document, with a record of it at audit', async () => {
    const created = await system.call('/api/documents', token, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'Plan' }),
    });
    expect(created.status).toBe(201);
    const { id } = (await created.json()) as { id: string };
    expect(JSON.parse(await system.audit.wrote(id))).toMatchObject({
      audit: { action: 'documents.create', subject: system.accounts.alice.sub },
    });
  });

  it('lets nobody do what the user may not', async () => {
    expect((await system.call('/api/audit', token)).status).toBe(403);
    expect((await system.call('/api/audit', await system.login('admin'))).status).toBe(200);
  });

  it('ends with the session, at every hop', async () => {
    const doomed = await system.login('bob');
    expect((await system.call('/api/whoami', doomed)).status).toBe(200);
    const admin = (await system.exchange('gateway', await system.login('admin'), 'auth')).body.access_token as string;
    const { sid } = decodeJwt(doomed);
    const revoked = await fetch(`${system.auth.url}/admin/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      body: JSON.stringify({ sid, reason: 'stolen' }),
    });
    expect(revoked.status).toBeLessThan(300);
    const seen: unknown[] = [];
    while (seen.at(-1) !== 'token_revoked') {
      const answer = await system.call('/api/whoami', doomed);
      const { code } = (await answer.json()) as { code?: string };
      seen.push(answer.status === 200 ? 'still known to nobody here' : code);
      expect(seen.length).toBeLessThan(200);
      await sleep(10);
    }
    // A service that has heard of it sooner than the gateway says so too, or auth when it is asked for a token.
    const others = ['still known to nobody here', 'exchange_refused', 'relay_token_refused', 'token_revoked'];
    for (const code of seen) expect(others).toContain(code);
  });
});

describe('what an attacker may have in hands', () => {
  let system: System;
  let alice: string;
  let received: IncomingHttpHeaders;
  let spy: AppProcess;
  const echo = createServer((request, response) => {
    received = request.headers;
    response.end('{}');
  });

  beforeAll(async () => {
    system = await System.start();
    alice = await system.login('alice');
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    // A gateway in front of somebody who looks at what it gets.
    spy = await AppProcess.start('gateway', {
      RESOURCE_URL: `http://127.0.0.1:${(echo.address() as AddressInfo).port}`,
      GATEWAY_CLIENT_SECRET: system.secrets.gateway,
      RELAY_MODE: 'transaction',
      ...shared(system.auth.url),
    });
    await spy.ready();
  });
  afterAll(async () => {
    expect(await spy.stop()).toBe(0);
    echo.closeAllConnections();
    await new Promise((resolve) => echo.close(resolve));
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  /** What a service gets in mode `transaction`: both tokens. */
  async function caught(): Promise<{ own: string; txn: string }> {
    await fetch(`${spy.url}/api/documents`, { headers: { authorization: `Bearer ${alice}` } });
    const { authorization, 'txn-token': txn } = received;
    return { own: authorization?.replace('Bearer ', '') ?? '', txn: String(txn) };
  }
  const at = (url: string, headers: Record<string, string>) => fetch(url, { headers });
  async function outcome(answer: Response): Promise<unknown[]> {
    const { code } = (await answer.json()) as { code?: string };
    return [answer.status, code];
  }

  it('both tokens of a transaction open what they are for', async () => {
    const { own, txn } = await caught();
    const answer = await at(`${system.resource.url}/documents`, { authorization: `Bearer ${own}`, 'txn-token': txn });
    expect(answer.status).toBe(200);
  });

  it.each([
    [
      'a transaction token without a token of the caller’s own',
      ({ txn }) => ({ 'txn-token': txn }),
      401,
      'token_missing',
    ],
    [
      'a transaction token as an access token',
      ({ txn }) => ({ authorization: `Bearer ${txn}` }),
      401,
      'typ_not_allowed',
    ],
    ['the caller’s own token alone', ({ own }) => ({ authorization: `Bearer ${own}` }), 403, 'insufficient_scope'],
    [
      'an access token as a transaction token',
      ({ own }) => ({ authorization: `Bearer ${own}`, 'txn-token': own }),
      401,
      'transaction_invalid',
    ],
    [
      'two transaction tokens in one header',
      ({ own, txn }) => ({ authorization: `Bearer ${own}`, 'txn-token': `${txn}, ${txn}` }),
      401,
      'transaction_invalid',
    ],
  ] as [string, (tokens: { own: string; txn: string }) => Record<string, string>, number, string][])(
    '%s opens nothing',
    async (_what, headersOf, status, code) => {
      const answer = await at(`${system.resource.url}/documents`, headersOf(await caught()));
      expect(await outcome(answer)).toEqual([status, code]);
    },
  );

  it('a transaction token beside a user’s own opens nothing', async () => {
    const { txn } = await caught();
    const { body } = await system.exchange('gateway', alice, 'resource');
    const headers = { authorization: `Bearer ${String(body.access_token)}`, 'txn-token': txn };
    const [status, code] = await outcome(await at(`${system.resource.url}/documents`, headers));
    expect([401, 403]).toContain(status);
    expect(code).toBe('service_token_required');
  });

  it('a token for one service opens no other', async () => {
    const { body } = await system.exchange('gateway', alice, 'resource');
    const authorization = `Bearer ${String(body.access_token)}`;
    expect(await outcome(await at(`${system.gateway.url}/api/documents`, { authorization }))).toEqual([
      401,
      'audience_mismatch',
    ]);
    const { own } = await caught();
    expect(await outcome(await at(`${system.auth.url}/admin/keys`, { authorization: `Bearer ${own}` }))).toEqual([
      401,
      'audience_mismatch',
    ]);
  });

  it('a stolen user’s token is exchanged for nobody whom it isn’t meant for', async () => {
    for (const client of ['resource', 'audit'] as const) {
      const { status, body } = await system.exchange(client, alice, 'audit');
      expect([status, body.error]).toEqual([400, expect.stringMatching(/^invalid_(request|target)$/)]);
    }
  });

  it('a transaction token is exchanged for nothing, and replaced by none', async () => {
    const { txn } = await caught();
    const client = { id: 'gateway', secret: system.secrets.gateway };
    const asAccessToken = await exchange(system.auth.url, client, txn, 'resource');
    expect(asAccessToken.body.error).toBe('invalid_request');
    const type = 'urn:ietf:params:oauth:token-type:txn_token';
    const answer = await fetch(`${system.auth.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: basic(client) },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: txn,
        subject_token_type: type,
        requested_token_type: type,
        audience: 'issuer.test',
        scope: 'documents:read',
      }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('a transaction token that a client sends to the edge is its own affair', async () => {
    const { txn } = await caught();
    const answer = await fetch(`${spy.url}/api/documents`, {
      headers: { authorization: `Bearer ${alice}`, 'txn-token': txn },
    });
    expect(answer.status).toBe(200);
    expect(received['txn-token']).not.toBe(txn);
  });
});
