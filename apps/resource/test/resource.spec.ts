import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import { JwksServer, RevocationFeedServer, TestClock, TestIssuer } from '@token-relay/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppModule } from '../src/app.module';
import { DOCUMENT_STORE, type DocumentStore, MAX_DOCUMENTS, newDocument } from '../src/documents/document-store';
import { loadResourceConfig } from '../src/resource.config';

const ISSUER = 'https://issuer.test';

describe('resource', () => {
  let issuer: TestIssuer;
  let jwks: JwksServer;
  let feed: RevocationFeedServer;
  let app: NestFastifyApplication;
  let url: string;

  beforeAll(async () => {
    const clock = new TestClock(Math.floor(Date.now() / 1000));
    issuer = await TestIssuer.create({ issuer: ISSUER, audience: 'resource', clock });
    jwks = await JwksServer.start(issuer.jwks);
    feed = await RevocationFeedServer.start(ISSUER);
    const config = loadResourceConfig({
      ISSUER,
      AUTH_URL: new URL(jwks.url).origin,
      REVOCATIONS_URL: feed.url,
      AUDIT_URL: 'tcp://127.0.0.1:9',
      DANGEROUSLY_ALLOW_HTTP: '1',
      RESOURCE_CLIENT_SECRET: 'T0rEw4Pa6Df3Gh5Jk8Lc1Nb7Vx4Zm2S9q',
    });
    const logger = createLogger('resource', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    app = await createHttpApp(AppModule.forRoot(config, logger), { logger });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(10);
  });
  afterAll(async () => {
    await app.close();
    await jwks.stop();
    await feed.stop();
  });

  it.each([
    ['GET', '/documents', 'documents:read'],
    ['GET', '/documents/x', 'documents:read'],
    ['POST', '/documents', 'documents:write'],
    ['GET', '/whoami', 'documents:read'],
    ['GET', '/audit', 'audit:read'],
  ])('%s %s asks for a token, and for %s', async (method, path, scope) => {
    const call = async (token?: string) =>
      fetch(`${url}${path}`, {
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
    expect((await call()).status).toBe(401);
    const everythingElse = ['documents:read', 'documents:write', 'audit:read', 'auth:admin'].filter((s) => s !== scope);
    const refused = await call(await issuer.token({ scope: everythingElse.join(' ') }));
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain(`scope="${scope}"`);
    expect([401, 403]).not.toContain((await call(await issuer.token({ scope }))).status);
  });

  describe('what was revoked of late', () => {
    const SERVICE = { sub: 'gateway', client_id: 'gateway', scope: 'revocations:read' };
    const heard = async (claims: Record<string, unknown>) =>
      fetch(`${url}/revocations/heard`, { headers: { authorization: `Bearer ${await issuer.token(claims)}` } });

    it('is told to the gateway itself, with how long ago it was heard, though audit is away', async () => {
      const value = '0f8fad5b-d9cb-469f-a165-70867728950e';
      feed.revoke({ kind: 'jti', value, until: Math.floor(Date.now() / 1000) + 600 });
      let text = '';
      while (!text.includes('0f8fad5b')) {
        await sleep(20);
        const answer = await heard(SERVICE);
        expect(answer.status).toBe(200);
        text = await answer.text();
      }
      const { resource, audit } = JSON.parse(text) as { resource: object[]; audit?: unknown };
      expect(resource[0]).toEqual({
        kind: 'jti',
        id: '0f8fad5b',
        mark: expect.any(String) as string,
        agoMs: expect.any(Number) as number,
      });
      expect(audit).toBeUndefined();
      expect(text).not.toContain(value);
    });

    it.each([
      ['a user, whatever the token says', { scope: 'revocations:read' }],
      ['another service', { ...SERVICE, sub: 'reports', client_id: 'reports' }],
      ['the gateway for somebody', { ...SERVICE, act: { sub: 'gateway' } }],
      ['the gateway without the scope', { ...SERVICE, scope: 'documents:read' }],
    ])('is not told to %s', async (_who, claims) => {
      expect((await heard(claims)).status).toBe(403);
    });
  });

  it('takes no more documents than an owner may have', async () => {
    const token = await issuer.token({ sub: 'hoarder' });
    const store = app.get<DocumentStore>(DOCUMENT_STORE);
    const owner = `${ISSUER.length}:${ISSUER}:hoarder`;
    for (let i = 0; i < MAX_DOCUMENTS; i++) await store.save(owner, newDocument({ title: `${i}`, body: '' }));
    const answer = await fetch(`${url}/documents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"title":"one more"}',
    });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: 'too_many_documents' });
  });
});
