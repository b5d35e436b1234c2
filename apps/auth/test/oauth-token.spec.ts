import { decodeJwt, decodeProtectedHeader } from 'jose';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Revocations } from '../src/revocation/revocations';
import { TokenIssuer } from '../src/tokens/token-issuer';
import { AuthApp, ISSUER, USERS } from './auth-app';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const SERVICES = {
  reports: { audiences: { resource: ['documents:read'] }, scopes: ['documents:read', 'reports:write'] },
  probe: { audiences: { resource: ['documents:read'] }, scopes: [] },
  operator: { audiences: { auth: ['keys:read'] }, scopes: ['keys:read', 'revocations:write'] },
  resource: { audiences: { audit: ['documents:read'] }, scopes: [] },
  audit: { audiences: {}, scopes: ['documents:read'] },
  gateway: { audiences: { resource: ['documents:read'] }, scopes: [] },
};
type ServiceName = keyof typeof SERVICES;

describe('the token endpoint, for services and native clients', () => {
  const folder = mkdtempSync(join(tmpdir(), 'oauth-token-'));
  const secrets = Object.fromEntries(Object.keys(SERVICES).map((id) => [id, randomBytes(32).toString('base64url')]));
  let auth: AuthApp;

  beforeAll(async () => {
    const clients = [
      ...Object.entries(SERVICES).map(([id, service]) => ({
        id,
        secrets: [
          `sha256:${createHash('sha256')
            .update(secrets[id] ?? '')
            .digest('base64url')}`,
        ],
        ...service,
      })),
      { type: 'native', id: 'phone', scopes: ['documents:read'] },
      { type: 'native', id: 'tablet', scopes: ['documents:read'] },
    ];
    writeFileSync(join(folder, 'clients.json'), JSON.stringify({ clients }));
    auth = await AuthApp.start({ SINGLE_AUTH: '1', CLIENTS_FILE: join(folder, 'clients.json') });
  });
  afterAll(async () => {
    await auth.stop();
    rmSync(folder, { recursive: true });
  });

  const basic = (id: string, secret = secrets[id] ?? '') => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });
  const post = (path: string, parameters: Record<string, string>, headers: Record<string, string> = {}) =>
    auth.post(path, new URLSearchParams(parameters), headers);
  const credentials = (client: ServiceName, parameters: Record<string, string>) =>
    post('/oauth/token', { grant_type: 'client_credentials', ...parameters }, basic(client));
  const serviceToken = async (client: ServiceName, parameters: Record<string, string>) =>
    (await credentials(client, parameters)).body.access_token as string;
  const introspect = async (client: ServiceName, token: string) =>
    (await post('/oauth/introspect', { token }, basic(client))).body;
  const exchange = (client: ServiceName, token: string, audience: string) =>
    post(
      '/oauth/token',
      { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN, audience },
      basic(client),
    );
  /** As a user of a native client has it. */
  const userToken = async (clientId: string) => {
    const grant = { subject: USERS.alice, audience: 'gateway', clientId, scopes: ['documents:read'] };
    return (await auth.app.get(TokenIssuer).issue(grant)).token.access_token;
  };

  describe('client_credentials (RFC 6749, section 4.4)', () => {
    it('gives a service a token of its own, with all of its scopes, and no refresh token', async () => {
      const answer = await credentials('reports', { audience: 'resource' });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toEqual({
        access_token: expect.any(String) as string,
        token_type: 'Bearer',
        expires_in: 300,
        scope: 'documents:read reports:write',
      });
      const token = answer.body.access_token as string;
      expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'at+jwt' });
      const claims = decodeJwt(token);
      expect(claims).toEqual({
        iss: ISSUER,
        sub: 'reports',
        aud: 'resource',
        client_id: 'reports',
        scope: 'documents:read reports:write',
        jti: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        sub_epoch: expect.any(Number) as number,
        iat: expect.any(Number) as number,
        exp: (claims.iat ?? 0) + 300,
      });
    });

    it.each([
      ['reports:write', 'reports:write'],
      ['reports:write documents:read', 'reports:write documents:read'],
      ['reports:write reports:write', 'reports:write'],
      ['documents:read documents:write', 'documents:read'],
      ['other reports:write documents:read more', 'reports:write documents:read'],
    ])(
      'asked for the scopes %s gives those that the service has: %s (RFC 6749, section 3.3)',
      async (scope, granted) => {
        const { body } = await credentials('reports', { audience: 'resource', scope });
        expect(body.scope).toBe(granted);
        expect(decodeJwt(body.access_token as string).scope).toBe(granted);
      },
    );

    it('gives a token without scope to a service that may do nothing by itself', async () => {
      const { status, body } = await credentials('probe', { audience: 'resource' });
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('scope');
      expect(decodeJwt(body.access_token as string)).not.toHaveProperty('scope');
      expect(await introspect('resource', body.access_token as string)).toMatchObject({ active: true, sub: 'probe' });
    });

    it.each<[string, ServiceName, Record<string, string>, string]>([
      ['no audience', 'reports', {}, 'invalid_target'],
      ['an audience that is not on the list', 'reports', { audience: 'audit' }, 'invalid_target'],
      ['an audience that every object has', 'reports', { audience: 'constructor' }, 'invalid_target'],
      ['an audience, for a service that has none', 'audit', { audience: 'resource' }, 'invalid_target'],
      ['a resource', 'reports', { audience: 'resource', resource: 'https://resource.test' }, 'invalid_target'],
      ['a scope that it may only pass on', 'probe', { audience: 'resource', scope: 'documents:read' }, 'invalid_scope'],
      ['scopes of which it has none', 'reports', { audience: 'resource', scope: 'a b' }, 'invalid_scope'],
      ['an audience with a name that objects have', 'reports', { audience: '__proto__' }, 'invalid_target'],
      ['two spaces', 'reports', { audience: 'resource', scope: 'documents:read  reports:write' }, 'invalid_scope'],
    ])('refuses %s', async (_what, client, parameters, error) => {
      const { status, headers, body } = await credentials(client, parameters);
      expect({ status, mediaType: headers.get('content-type'), ...body }).toMatchObject({
        status: 400,
        mediaType: 'application/json',
        error,
        code: error,
      });
    });

    it('is told of in the log, with what it is known by', async () => {
      const { body } = await credentials('reports', { audience: 'resource', scope: 'documents:read' });
      const token = body.access_token as string;
      expect(auth.logged('token_issued').at(-1)).toMatchObject({
        level: 30,
        transactionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        clientId: 'reports',
        subject: 'reports',
        audience: 'resource',
        scope: 'documents:read',
        jti: decodeJwt(token).jti,
      });
      expect(auth.lines.join()).not.toContain(token);
    });

    it('is not issued while the key that would sign it is refused by everybody', async () => {
      const { kid } = auth.state.keys.signer;
      const look = jest.spyOn(auth.state.keys, 'look').mockResolvedValue(true);
      const refused = jest.spyOn(auth.state.log, 'isKeyRevoked').mockImplementation((_issuer, id) => id === kid);
      expect(await credentials('reports', { audience: 'resource' })).toMatchObject({ status: 503 });
      refused.mockRestore();
      look.mockRestore();
    });

    it('is for the audience to introspect, and for nobody else', async () => {
      const token = await serviceToken('reports', { audience: 'resource' });
      expect(await introspect('resource', token)).toEqual({ active: true, token_type: 'Bearer', ...decodeJwt(token) });
      expect(await introspect('reports', token)).toEqual({ active: false });
    });

    it('is given up by its client alone, and revoked for its subject', async () => {
      const tokens: string[] = [];
      for (let n = 0; n < 3; n++) tokens.push(await serviceToken('reports', { audience: 'resource' }));
      const others = await serviceToken('probe', { audience: 'resource' });
      const active = () =>
        Promise.all([...tokens, others].map(async (token) => (await introspect('resource', token)).active));
      const [first = '', second = ''] = tokens;

      const refused = await post('/oauth/revoke', { token: first }, basic('probe'));
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect(await active()).toEqual([true, true, true, true]);
      expect((await post('/oauth/revoke', { token: first }, basic('reports'))).status).toBe(200);
      expect(await active()).toEqual([false, true, true, true]);
      await auth.app.get(Revocations).revokeToken(decodeJwt(second).jti ?? '');
      expect(await active()).toEqual([false, false, true, true]);
      await auth.app.get(Revocations).revokeSubject('reports');
      expect(await active()).toEqual([false, false, false, true]);

      tokens.push(await serviceToken('reports', { audience: 'resource' }));
      expect(await active()).toEqual([false, false, false, true, true]);
    });

    it("is passed on like a user's: the service stays the subject, and no session comes of it", async () => {
      const token = await serviceToken('reports', { audience: 'resource' });
      const { status, body } = await exchange('resource', token, 'audit');
      expect(status).toBe(200);
      const claims = decodeJwt(body.access_token as string);
      expect(claims).toMatchObject({
        sub: 'reports',
        aud: 'audit',
        client_id: 'resource',
        scope: 'documents:read',
        act: { sub: 'resource' },
        origin_jti: decodeJwt(token).jti,
        exp: decodeJwt(token).exp,
      });
      expect(claims).not.toHaveProperty('sid');
      expect(claims).not.toHaveProperty('auth_time');
      await post('/oauth/revoke', { token }, basic('reports'));
      expect(await introspect('audit', body.access_token as string)).toEqual({ active: false });
    });

    it('is not passed on without a scope that may be', async () => {
      const token = await serviceToken('probe', { audience: 'resource' });
      expect(await exchange('resource', token, 'audit')).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
    });

    it('lets a service revoke for others if its scopes say so, and never do what asks for a login', async () => {
      const token = await serviceToken('operator', { audience: 'auth' });
      expect((await auth.asAdmin({ jti: 'a', reason: 'a test' }, token)).status).toBe(201);
      expect(await auth.admin('GET', 'keys', undefined, token)).toMatchObject({
        status: 403,
        body: { code: 'login_too_old' },
      });
    });
  });

  describe('a native client', () => {
    const others: [string, string, Record<string, string>][] = [
      ['client_credentials', '/oauth/token', { grant_type: 'client_credentials', audience: 'resource' }],
      [
        'token exchange',
        '/oauth/token',
        { grant_type: EXCHANGE, subject_token: 'a.b.c', subject_token_type: ACCESS_TOKEN, audience: 'resource' },
      ],
      ['introspection', '/oauth/introspect', { token: 'a.b.c' }],
    ];
    it.each(others)('is refused at %s, as who says nothing but its name is', async (_what, path, parameters) => {
      for (const client_id of ['phone', 'reports', 'nobody']) {
        const answer = await post(path, { ...parameters, client_id });
        expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
        expect(answer.headers.get('www-authenticate')).toBe('Basic realm="oauth"');
      }
    });

    it('gives up a token of its own', async () => {
      const token = await userToken('phone');
      expect(await introspect('gateway', token)).toMatchObject({ active: true, client_id: 'phone' });
      expect((await post('/oauth/revoke', { token, client_id: 'phone' })).status).toBe(200);
      expect(await introspect('gateway', token)).toEqual({ active: false });
    });

    it('gives up no token of another client, and none with a secret', async () => {
      const [own, anothers] = [await userToken('phone'), await auth.login('alice')];
      for (const [parameters, headers, status, error] of [
        [{ token: own, client_id: 'tablet' }, {}, 400, 'invalid_grant'],
        [{ token: anothers, client_id: 'phone' }, {}, 400, 'invalid_grant'],
        [{ token: own }, {}, 401, 'invalid_client'],
        [{ token: own, client_id: 'nobody' }, {}, 401, 'invalid_client'],
        [{ token: own, client_id: 'phone', client_secret: 'x'.repeat(40) }, {}, 401, 'invalid_client'],
        [{ token: own, client_id: 'phone' }, basic('phone', 'x'.repeat(40)), 401, 'invalid_client'],
        [{ token: own, client_id: 'phone' }, basic('gateway'), 400, 'invalid_request'],
        [{ token: anothers, client_id: 'gateway' }, {}, 401, 'invalid_client'],
      ] as const) {
        expect(await post('/oauth/revoke', parameters, headers)).toMatchObject({ status, body: { error } });
      }
      for (const token of [own, anothers]) expect(await introspect('gateway', token)).toMatchObject({ active: true });
    });
  });

  describe('a service', () => {
    it('may name itself in the form too, and nobody else', async () => {
      const grant = { audience: 'resource' };
      expect((await credentials('reports', { ...grant, client_id: 'reports' })).status).toBe(200);
      expect(await credentials('reports', { ...grant, client_id: 'probe' })).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      });
    });

    it('authenticates in one way at a time', async () => {
      const inForm = { client_id: 'reports', client_secret: secrets.reports ?? '' };
      const grant = { grant_type: 'client_credentials', audience: 'resource' };
      expect(await post('/oauth/token', { ...grant, ...inForm })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
      expect(await post('/oauth/token', { ...grant, ...inForm }, basic('reports'))).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      });
    });
  });

  describe('a form', () => {
    const parameters = (count: number) =>
      Object.fromEntries([
        ['grant_type', 'client_credentials'],
        ['audience', 'resource'],
        ...Array.from({ length: count - 2 }, (_, i): [string, string] => [`p${i}`, '1']),
      ]) as Record<string, string>;

    it('has 50 parameters at most', async () => {
      expect((await post('/oauth/token', parameters(50), basic('reports'))).status).toBe(200);
      expect(await post('/oauth/token', parameters(51), basic('reports'))).toMatchObject({
        status: 400,
        body: { error: 'invalid_request' },
      });
    });

    it('has 64 KiB at most', async () => {
      const sized = (bytes: number) => {
        const form = 'grant_type=client_credentials&audience=resource&p=';
        return `${form}${'x'.repeat(bytes - form.length)}`;
      };
      const headers = { ...basic('reports'), 'content-type': 'application/x-www-form-urlencoded' };
      expect((await auth.post('/oauth/token', sized(65_536), headers)).status).toBe(200);
      expect(await auth.post('/oauth/token', sized(65_537), headers)).toMatchObject({
        status: 413,
        body: { code: 'body_too_large' },
      });
    });
  });

  it.each(['/oauth/token', '/oauth/revoke', '/oauth/introspect', '/revocations/feed', '/auth/login', '/auth/refresh'])(
    'two Authorization headers are refused at %s, whatever they say',
    async (path) => {
      const { authorization } = basic('reports');
      const body = 'grant_type=client_credentials&audience=resource&token=a';
      const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
        const sent = request(`${auth.url}${path}`, {
          method: 'POST',
          headers: [
            'Host',
            'a.test',
            'Content-Type',
            'application/x-www-form-urlencoded',
            'Authorization',
            authorization,
          ]
            .concat(['authorization', authorization])
            .concat(['Content-Length', String(body.length)]),
        });
        sent.once('error', reject).once('response', (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.once('end', () => resolve({ status: response.statusCode, text }));
        });
        sent.end(body);
      });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.text)).toMatchObject({ error: 'invalid_request' });
    },
  );
});
