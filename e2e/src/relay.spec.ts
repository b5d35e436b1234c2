import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo } from 'node:net';
import { AppProcess } from './app-process';
import { post, shared, System } from './system';

interface Hop {
  service: string;
  audience: string;
  subject: string;
  actor: string[];
  kid: string;
  alg: string;
  expiresAt: string;
}

describe('the way of a request', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  it('begins with a login', async () => {
    const { username, password } = system.accounts.alice;
    const answer = await post(`${system.gateway.url}/auth/login`, { username, password });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({
      access_token: expect.stringMatching(/^eyJ/) as string,
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'documents:read documents:write',
    });
  });

  it('comes back from the second hop: one subject, three audiences, a growing chain of actors', async () => {
    const token = await system.login('alice');
    const answer = await system.call('/api/whoami', token);
    expect(answer.status).toBe(200);
    const { subject, hops } = (await answer.json()) as { subject: string; hops: Hop[] };
    expect(subject).toBe(system.accounts.alice.sub);
    expect(hops.map(({ service, audience, actor }) => ({ service, audience, actor }))).toEqual([
      { service: 'gateway', audience: 'gateway', actor: [] },
      { service: 'resource', audience: 'resource', actor: ['gateway'] },
      { service: 'audit', audience: 'audit', actor: ['resource', 'gateway'] },
    ]);
    for (const hop of hops) {
      expect(hop).toMatchObject({ subject, alg: 'ES256', kid: hops[0]?.kid });
      // In UTC, whichever time zone the service runs in, and no later than the token that came in.
      expect(hop.expiresAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
      const left = Date.parse(hop.expiresAt) - Date.now();
      expect(left).toBeGreaterThan(280_000);
      expect(left).toBeLessThanOrEqual(300_000);
    }
  });

  it('stores a document for its owner, who alone can read it, and tells audit', async () => {
    const [alice, bob] = await Promise.all([system.login('alice'), system.login('bob')]);
    const created = await system.call('/api/documents', alice, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'Plan', body: 'ünïcödé' }),
    });
    expect(created.status).toBe(201);
    const document = (await created.json()) as { id: string };
    const own = await system.call(`/api/documents/${document.id}`, alice);
    expect(await own.json()).toEqual(document);
    const foreign = await system.call(`/api/documents/${document.id}`, bob);
    expect(foreign.status).toBe(404);
    expect(await foreign.json()).toMatchObject({ code: 'document_not_found' });
    expect(await (await system.call('/api/documents', bob)).json()).toEqual({ documents: [] });

    expect(JSON.parse(await system.audit.wrote(document.id))).toMatchObject({
      audit: {
        action: 'documents.create',
        subject: system.accounts.alice.sub,
        actor: ['resource', 'gateway'],
      },
    });
    const trail = await system.call('/api/audit', await system.login('admin'));
    expect(await trail.json()).toMatchObject({ entries: [{ target: document.id }] });
  });

  it('refuses what the user may not do, at the edge and again behind it', async () => {
    const carol = await system.login('carol');
    expect((await system.call('/api/documents', carol)).status).toBe(200);
    const atTheEdge = await system.call('/api/documents', carol, { method: 'POST', body: '{}' });
    expect(atTheEdge.status).toBe(403);
    expect(atTheEdge.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="documents:write"/);
    expect(await atTheEdge.json()).toMatchObject({ code: 'insufficient_scope', status: 403 });

    const { body } = await system.exchange('gateway', carol, 'resource');
    const behind = await post(`${system.resource.url}/documents`, {}, { authorization: `Bearer ${body.access_token}` });
    expect(behind.status).toBe(403);
    expect(behind.headers.get('www-authenticate')).toMatch(/scope="documents:write"/);
  });

  it('names the call the same in every answer and log that it leads to', async () => {
    const answer = await system.call('/api/documents/none', await system.login('alice'), {
      headers: { 'x-transaction-id': 'chosen-by-a-client' },
    });
    const { transactionId } = (await answer.json()) as { transactionId: string };
    expect(transactionId).toMatch(/^[0-9a-f-]{36}$/);
    for (const app of [system.gateway, system.resource]) {
      await app.wrote(transactionId);
      expect(app.lines.some((line) => line.includes('chosen-by-a-client'))).toBe(false);
    }
  });

  it('leaves no token in any log', () => {
    for (const app of system.apps) expect(app.lines.join('\n')).not.toMatch(/eyJ[A-Za-z0-9_-]{8}/);
  });

  describe('seen from a service behind the gateway', () => {
    let received: IncomingHttpHeaders;
    let gateway: AppProcess;
    const echo = createServer((request, response) => {
      received = request.headers;
      response.writeHead(200, {
        'set-cookie': 'tracked=1',
        'x-served-by': 'echo',
        'www-authenticate': 'Bearer realm="inner"',
        connection: 'x-inner',
        'x-inner': 'for one connection',
      });
      response.end(`${request.method} ${request.url}`);
    });

    beforeAll(async () => {
      await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
      gateway = await AppProcess.start('gateway', {
        RESOURCE_URL: `http://127.0.0.1:${(echo.address() as AddressInfo).port}`,
        GATEWAY_CLIENT_SECRET: system.secrets.gateway,
        ...shared(system.auth.url),
      });
    });
    afterAll(async () => {
      await gateway.stop();
      echo.closeAllConnections();
      await new Promise((resolve) => echo.close(resolve));
    });

    it('the token is an exchanged one, and nothing else of the client is believed', async () => {
      const token = await system.login('alice');
      const answer = await fetch(`${gateway.url}/api/anything?page=2`, {
        headers: {
          authorization: `Bearer ${token}`,
          cookie: '__Host-refresh=secret',
          'x-user-id': 'admin',
          x_user_id: 'admin',
          'x-user-roles': 'admin',
          'x-auth-request-email': 'admin@example.test',
          'x-forwarded-user': 'admin',
          'x-forwarded-for': '10.0.0.1',
          'x-remote-user': 'admin',
          'remote-user': 'admin',
          forwarded: 'for=10.0.0.1',
          'txn-token': 'x',
          'workload-identity-token': 'x',
          'x-transaction-id': 'chosen-by-a-client',
          'x-original-url': '/admin',
          'accept-language': 'fr',
          'x-request-id': 'kept',
          'x-color': 'dropped',
        },
      });
      expect(await answer.text()).toBe('GET /anything?page=2');
      const { authorization, host, ...rest } = received;
      expect(authorization).toMatch(/^Bearer eyJ/);
      expect(authorization).not.toContain(token);
      expect(host).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(Object.keys(rest).sort()).toEqual([
        'accept',
        'accept-encoding',
        'accept-language',
        'connection',
        'traceparent',
        'user-agent',
        'x-locale',
        'x-request-id',
        'x-request-timeout-ms',
        'x-transaction-id',
      ]);
      expect(rest['x-transaction-id']).not.toBe('chosen-by-a-client');
    });

    it('no cookie, no challenge and nothing of one connection comes back', async () => {
      const answer = await fetch(`${gateway.url}/api/anything`, {
        headers: { authorization: `Bearer ${await system.login('alice')}` },
      });
      expect(answer.headers.get('x-served-by')).toBe('echo');
      for (const name of ['set-cookie', 'www-authenticate', 'x-inner']) expect(answer.headers.get(name)).toBeNull();
    });
  });
});
