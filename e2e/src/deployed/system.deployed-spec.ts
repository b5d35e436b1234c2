import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Deployment } from './deployment';

interface WhoAmI {
  readonly subject: string;
  readonly hops: readonly { readonly service: string; readonly audience: string; readonly actor: readonly string[] }[];
}

/** Often enough, and at once, so that connections lead to each of two or three replicas. */
const everywhere = (ask: () => Promise<void>) => Promise.all(Array.from({ length: 40 }, ask));

describe('a deployed system', () => {
  const system = new Deployment();
  const claimsOf = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

  afterAll(() => system.close());

  it('relays a call along all its services, each with a token of its own', async () => {
    const { token } = await system.login('alice');
    await everywhere(async () => {
      const answer = await system.call('/api/whoami', token);
      expect(answer.status).toBe(200);
      const { subject, hops } = (await answer.json()) as WhoAmI;
      expect(subject).toBe(claimsOf(token).sub);
      expect(hops.map(({ service, audience, actor }) => ({ service, audience, actor }))).toEqual([
        { service: 'gateway', audience: 'gateway', actor: [] },
        { service: 'resource', audience: 'resource', actor: ['gateway'] },
        { service: 'audit', audience: 'audit', actor: ['resource', 'gateway'] },
      ]);
    });
  });

  it('keeps a document for its owner, whichever replicas are asked, and tells audit', async () => {
    const [alice, bob, admin] = await Promise.all([system.login('alice'), system.login('bob'), system.login('admin')]);
    const created = await system.call('/api/documents', alice.token, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title: `Plan ${randomUUID()}`, body: 'ünïcödé' }),
    });
    expect(created.status).toBe(201);
    const document = (await created.json()) as { id: string };
    await everywhere(async () => {
      const own = await system.call(`/api/documents/${document.id}`, alice.token);
      expect(await own.json()).toEqual(document);
      expect((await system.call(`/api/documents/${document.id}`, bob.token)).status).toBe(404);
      const audit = await system.call('/api/audit', admin.token);
      expect(audit.status).toBe(200);
      expect(await audit.text()).toContain(document.id);
    });
  });

  it('refuses what nobody has issued, with a reason', async () => {
    const { token } = await system.login('alice');
    const [header = '', payload = '', signature = ''] = token.split('.');
    const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = claimsOf(token);
    const jwks = await (await system.fetch('/.well-known/jwks.json')).text();
    const headerOf = JSON.parse(Buffer.from(header, 'base64url').toString()) as Record<string, unknown>;
    const confused = `${encoded({ ...headerOf, alg: 'HS256' })}.${payload}`;
    const hostile: Record<string, [string, string]> = {
      'alg none': ['alg_not_allowed', `${encoded({ ...headerOf, alg: 'none' })}.${payload}.`],
      'the public key as a secret': [
        'alg_not_allowed',
        `${confused}.${createHmac('sha256', jwks).update(confused).digest('base64url')}`,
      ],
      'other claims': ['signature_invalid', `${header}.${encoded({ ...claims, scope: 'auth:admin' })}.${signature}`],
      'a kid that is none': ['key_unknown', `${encoded({ ...headerOf, kid: randomUUID() })}.${payload}.${signature}`],
    };
    for (const [name, [code, forged]] of Object.entries(hostile)) {
      const answer = await system.call('/api/documents', forged);
      expect({ name, status: answer.status, code: ((await answer.json()) as { code: string }).code }).toEqual({
        name,
        status: 401,
        code,
      });
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
    }
    expect((await system.fetch('/api/documents')).status).toBe(401);
    expect((await system.call('/api/documents', token)).status).toBe(200);
  });

  it('goes on with a session by a cookie that no script sees, each of which counts once', async () => {
    const { cookie, setCookie } = await system.login('bob');
    expect(setCookie).toMatch(/^__Host-refresh=/);
    for (const attribute of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) expect(setCookie).toContain(attribute);
    const refresh = (sent: string) =>
      system.fetch('/auth/refresh', { method: 'POST', headers: { cookie: sent, 'x-token-relay': '1' } });
    let current = cookie;
    for (let i = 0; i < 10; i++) {
      const answer = await refresh(current);
      expect(answer.status).toBe(200);
      current = answer.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
      expect(current).toMatch(/^__Host-refresh=./);
    }
    // A tab or a lost answer may come late, by ten seconds. After that whoever has this one is somebody else, and the session
    // ends for both.
    await sleep(11_000);
    expect((await refresh(cookie)).status).toBe(401);
    expect((await refresh(current)).status).toBe(401);
  });

  it('refuses a revoked session on every replica within a second', async () => {
    const [{ token }, admin] = await Promise.all([system.login('carol'), system.login('admin')]);
    expect((await system.call('/api/documents', token)).status).toBe(200);
    const revoked = await system.call('/admin/revocations', admin.token, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sid: claimsOf(token).sid, reason: 'a test' }),
    });
    expect(revoked.status).toBe(201);
    await sleep(1_000);
    await everywhere(async () => {
      const answer = await system.call('/api/documents', token);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'token_revoked' });
    });
  });

  it('publishes its keys and its metadata at the gateway, and nothing private in them', async () => {
    const jwks = (await (await system.fetch('/.well-known/jwks.json')).json()) as { keys: Record<string, unknown>[] };
    expect(jwks.keys.length).toBeGreaterThanOrEqual(2);
    for (const key of jwks.keys) expect(Object.keys(key)).not.toContain('d');
    const metadata = await (await system.fetch('/.well-known/oauth-authorization-server')).json();
    expect(metadata).toMatchObject({ issuer: system.url });
  });

  it('shows nothing of its insides to who comes from outside', async () => {
    const { token } = await system.login('alice');
    for (const path of ['/metrics', '/oauth/token', '/revocations/feed', '/demo/accounts', '/openapi.json']) {
      expect({ path, status: (await system.call(path, token)).status }).toEqual({ path, status: 404 });
    }
    expect((await system.call('/admin/keys', token)).status).toBe(403);
  });
});
