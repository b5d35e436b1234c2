import { generateTestKey, TestIssuer, type TestKey } from '@token-relay/testing';
import { describeWith, REDIS, startOwnRedis, type TestServer } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, AuthApp, ISSUER } from './auth-app';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const SECRET = randomBytes(32).toString('base64url');

/** Clients that sign, and their keys. */
class Clients {
  readonly folder = mkdtempSync(join(tmpdir(), 'private-key-jwt-'));
  readonly file = join(this.folder, 'clients.json');

  private constructor(private readonly keys: Readonly<Record<'reports' | 'resource', TestKey>>) {
    const policies = {
      reports: { audiences: { resource: ['documents:read'] }, scopes: ['documents:read', 'revocations:read'] },
      resource: { audiences: {}, scopes: [] },
    };
    const clients = (['reports', 'resource'] as const).map((id) => ({
      id,
      jwks: { keys: [keys[id].publicJwk] },
      ...policies[id],
    }));
    const secrets = [`sha256:${createHash('sha256').update(SECRET).digest('base64url')}`];
    writeFileSync(this.file, JSON.stringify({ clients: [...clients, { id: 'gateway', secrets }] }));
  }

  static async make(): Promise<Clients> {
    return new Clients({ reports: await generateTestKey('EdDSA'), resource: await generateTestKey('ES256') });
  }

  /** What the client sends beside its parameters. */
  async sign(id: 'reports' | 'resource', claims: object = {}): Promise<Record<string, string>> {
    const key = this.keys[id];
    const iat = Math.floor(Date.now() / 1000);
    const all = { iss: id, sub: id, aud: ISSUER, iat, exp: iat + 60, jti: randomUUID(), ...claims };
    const issuer = await TestIssuer.create({ keys: [key] });
    const assertion = await issuer.sign(JSON.stringify(all), { typ: 'client-authentication+jwt' }, key);
    return { client_assertion_type: JWT_BEARER, client_assertion: assertion };
  }
}

const OWN_TOKEN = { grant_type: 'client_credentials', audience: 'resource' };
const send = (auth: AuthApp, path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  auth.post(path, new URLSearchParams(form), headers);
const REFUSED = { status: 401, body: { error: 'invalid_client', code: 'invalid_client' } };

describe('private_key_jwt', () => {
  let clients: Clients;
  let auth: AuthApp;

  beforeAll(async () => {
    clients = await Clients.make();
    auth = await AuthApp.start({ SINGLE_AUTH: '1', CLIENTS_FILE: clients.file });
  });
  afterAll(async () => {
    await auth.stop();
    rmSync(clients.folder, { recursive: true });
  });

  const ownToken = async (): Promise<Answer> =>
    send(auth, '/oauth/token', { ...OWN_TOKEN, ...(await clients.sign('reports')) });

  it('is taken at the token, the introspection and the revocation endpoint', async () => {
    const { status, body } = await ownToken();
    expect(status).toBe(200);
    const token = body.access_token as string;
    expect(decodeJwt(token)).toMatchObject({ sub: 'reports', client_id: 'reports', aud: 'resource' });
    const introspect = async () =>
      (await send(auth, '/oauth/introspect', { token, ...(await clients.sign('resource')) })).body;
    expect(await introspect()).toMatchObject({ active: true, sub: 'reports' });
    expect((await send(auth, '/oauth/revoke', { token, ...(await clients.sign('reports')) })).status).toBe(200);
    expect(await introspect()).toEqual({ active: false });
  });

  it('is taken at the feed, in a form', async () => {
    const follow = async (form: Record<string, string>, headers = {}) => {
      const body = new URLSearchParams(form);
      const answer = await fetch(`${auth.url}/revocations/feed`, { method: 'POST', body, headers });
      const reader = answer.body?.getReader();
      const first = await reader?.read();
      await reader?.cancel();
      return {
        status: answer.status,
        type: answer.headers.get('content-type'),
        text: Buffer.from((first?.value as Uint8Array | undefined) ?? []).toString(),
      };
    };
    expect(await follow(await clients.sign('reports'))).toMatchObject({
      status: 200,
      type: 'text/event-stream',
      text: expect.stringMatching(/^event: hello\n/) as string,
    });
    expect(await follow(await clients.sign('resource'))).toMatchObject({
      status: 403,
      text: expect.stringContaining('client_scope_missing') as string,
    });
    expect(await follow({})).toMatchObject({ status: 401 });
    expect((await fetch(`${auth.url}/revocations/feed`, { method: 'POST' })).status).toBe(400);
    const inAddress = new URLSearchParams(await clients.sign('reports')).toString();
    expect((await fetch(`${auth.url}/revocations/feed?${inAddress}`)).status).toBe(401);
  });

  it('is taken once', async () => {
    const signed = await clients.sign('reports');
    expect((await send(auth, '/oauth/token', { ...OWN_TOKEN, ...signed })).status).toBe(200);
    for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
      expect(await send(auth, path, { ...OWN_TOKEN, token: 'a', ...signed })).toMatchObject(REFUSED);
    }
  });

  it('answers the same whatever is wrong, and the log says what', async () => {
    const wrong: [Record<string, string>, string][] = [
      [await clients.sign('reports', { aud: `${ISSUER}/oauth/token` }), 'audience_mismatch'],
      [await clients.sign('reports', { exp: 1 }), 'assertion_expired'],
      [await clients.sign('reports', { iss: 'resource', sub: 'resource' }), 'key_unknown'],
      [await clients.sign('reports', { iss: 'nobody', sub: 'nobody' }), 'client_unknown'],
      [{ client_assertion_type: JWT_BEARER, client_assertion: 'x' }, 'assertion_malformed'],
    ];
    const answers = new Set<string>();
    for (const [signed, code] of wrong) {
      const { status, headers, body } = await send(auth, '/oauth/token', { ...OWN_TOKEN, ...signed });
      answers.add(JSON.stringify({ status, challenge: headers.get('www-authenticate'), ...body, transactionId: '' }));
      const { transactionId } = body;
      expect(auth.logged('client_assertion_refused').at(-1)).toMatchObject({ level: 40, transactionId, code });
    }
    expect([...answers]).toHaveLength(1);
    expect(JSON.parse([...answers][0] ?? '')).toMatchObject(REFUSED.body);
    expect(auth.lines.join()).not.toContain('nobody');
  });

  it('is one way of two: with another beside it the request is refused', async () => {
    const basic = { authorization: `Basic ${Buffer.from(`gateway:${SECRET}`).toString('base64')}` };
    const confused = { status: 400, body: { error: 'invalid_request' } };
    expect(await send(auth, '/oauth/token', { ...OWN_TOKEN, ...(await clients.sign('reports')) }, basic)).toMatchObject(
      confused,
    );
    const secret = { client_secret: SECRET };
    expect(
      await send(auth, '/oauth/token', { ...OWN_TOKEN, ...secret, ...(await clients.sign('reports')) }),
    ).toMatchObject(confused);
    expect(
      await send(auth, '/oauth/token', { ...OWN_TOKEN, client_id: 'gateway', ...(await clients.sign('reports')) }),
    ).toMatchObject(confused);
  });

  it('is no access token: its key signs for nobody', async () => {
    const { client_assertion: token = '' } = await clients.sign('reports', { aud: 'auth' });
    expect((await auth.admin('GET', 'keys', undefined, token)).status).toBe(401);
  });
});

describe('private_key_jwt, at an auth that was started again without Redis', () => {
  it('is not taken if it was made before: it may have been used', async () => {
    const clients = await Clients.make();
    const auth = await AuthApp.start({ SINGLE_AUTH: '1', CLIENTS_FILE: clients.file });
    const began = auth.state.log.firstEpoch / 1_000;
    for (const [iat, status] of [
      [began - 1, 401],
      [began, 200],
    ] as const) {
      const signed = await clients.sign('reports', { iat, exp: iat + 60 });
      expect((await send(auth, '/oauth/token', { ...OWN_TOKEN, ...signed })).status).toBe(status);
    }
    expect(auth.logged('client_assertion_refused')).toMatchObject([{ clientId: 'reports', code: 'memory_lost' }]);
    await auth.stop();
    rmSync(clients.folder, { recursive: true });
  });
});

describeWith(REDIS)('private_key_jwt, at two auths', () => {
  let server: TestServer;
  let clients: Clients;
  const auths: AuthApp[] = [];

  beforeAll(async () => {
    server = await startOwnRedis();
    clients = await Clients.make();
    const environment = {
      REDIS_URL: server.url,
      KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      CLIENTS_FILE: clients.file,
    };
    for (let i = 0; i < 2; i++) auths.push(await AuthApp.start(environment, auths[0]));
  });
  afterAll(async () => {
    for (const auth of auths.reverse()) await auth.stop();
    await server.stop();
    rmSync(clients.folder, { recursive: true });
  });

  it('is taken once, whichever it comes to', async () => {
    const signed = await clients.sign('reports');
    const answers = await Promise.all(
      [0, 1, 0, 1].map(
        async (i) => (await send(auths[i] as AuthApp, '/oauth/token', { ...OWN_TOKEN, ...signed })).status,
      ),
    );
    expect(answers.sort()).toEqual([200, 401, 401, 401]);
  });
});
