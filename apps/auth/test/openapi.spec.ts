import { Validator } from '@seriousme/openapi-schema-validator';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type z } from 'zod';
import { keyRing, revoked } from '../src/discovery/openapi/admin-paths';
import { expiredToken } from '../src/discovery/openapi/demo-paths';
import { activeToken, exchangedToken, inactiveToken, transactionToken } from '../src/discovery/openapi/oauth-paths';
import { alive, keySet, metadata, ready } from '../src/discovery/openapi/service-paths';
import { issuedToken, sessions } from '../src/discovery/openapi/session-paths';
import { AuthApp } from './auth-app';

type Operation = Readonly<{
  operationId?: string;
  security?: readonly Readonly<Record<string, unknown>>[];
  responses: Readonly<Record<string, object>>;
}>;
interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly securitySchemes: Readonly<Record<string, unknown>> };
}

describe('the OpenAPI document', () => {
  let auth: AuthApp;
  let text: string;
  let document: Document;

  beforeAll(async () => {
    auth = await AuthApp.start({
      SINGLE_AUTH: '1',
      NODE_ENV: 'development',
      AUTH_URL: 'https://auth.test',
      LATE_HANDLING_SECONDS: '60',
      DEMO: '1',
    });
    const answer = await fetch(`${auth.url}/openapi.json`);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    text = await answer.text();
    document = JSON.parse(text) as Document;
  });
  afterAll(() => auth.stop());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
    );

  it('is OpenAPI 3.1, and says where auth is', async () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.servers).toEqual([{ url: 'https://auth.test' }]);
    const { valid, errors } = await new Validator().validate(JSON.parse(text) as Record<string, unknown>);
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  });

  it('has every route that there is, and no other', () => {
    const templated = auth.routes.map((route) => route.replaceAll(/:(\w+)/g, '{$1}'));
    // With each GET there is a HEAD, which takes and answers the same without a body.
    const heads = templated.filter((route) => route.startsWith('HEAD '));
    const gets = templated.filter((route) => route.startsWith('GET '));
    expect(heads.map((route) => route.slice('HEAD '.length)).sort()).toEqual(
      gets.map((route) => route.slice('GET '.length)).sort(),
    );
    const routes = templated.filter((route) => !route.startsWith('HEAD '));
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(routes.sort());
  });

  it('says of every operation what it is called, who may call it, and what else it answers', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
    const schemes = Object.keys(document.components.securitySchemes);
    for (const { name, operation } of operations()) {
      const needed = operation.security?.flatMap((one) => Object.keys(one));
      expect({ name, needed, schemes }).toMatchObject({ needed: expect.any(Array) as unknown });
      expect(schemes).toEqual(expect.arrayContaining(needed ?? []));
      expect(Object.keys(operation.responses)).toContain('default');
    }
  });

  it('names no code that the docs do not explain', () => {
    const page = readFileSync(resolve(__dirname, '../../../docs/errors.md'), 'utf8');
    const known = new Set([...page.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code));
    const named = new Set<string>();
    JSON.parse(text, (key, value: unknown) => {
      const { enum: codes = [] } = (value ?? {}) as { enum?: readonly string[] };
      if (key === 'code' || key === 'error') for (const code of codes) named.add(code);
      return value;
    });
    expect(named.size).toBeGreaterThan(20);
    expect([...named].filter((code) => !known.has(code))).toEqual([]);
  });

  it('describes what is really answered', async () => {
    const ask = async (path: string, headers = {}, method = 'GET') => {
      const answer = await fetch(`${auth.url}${path}`, { method, headers });
      return { status: answer.status, body: await answer.json() };
    };
    const credentials = (username: string) =>
      auth.post('/auth/login', JSON.stringify({ username, password: 'p' }), { 'content-type': 'application/json' });
    const login = await credentials('alice');
    const loginToken = login.body.access_token as string;
    const [cookie = ''] = login.headers.get('set-cookie')?.split(';') ?? [];
    const exchanged = await auth.exchange('gateway', loginToken, 'resource');
    const transaction = await auth.asClient('gateway', '/oauth/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requested_token_type: 'urn:ietf:params:oauth:token-type:txn_token',
      subject_token: loginToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'issuer.test',
      scope: 'documents:read',
    });
    const introspect = (token: string) => auth.asClient('resource', '/oauth/introspect', { token });
    const grant = { grant_type: 'client_credentials', audience: 'resource' };
    const admin = (path: string, body?: unknown) => auth.admin(body ? 'POST' : 'GET', path, body);
    const { kid } = auth.state.keys.signer;

    const answers: [z.ZodType, number, { readonly status: number; readonly body: unknown }][] = [
      [issuedToken, 200, login],
      [sessions, 200, await ask('/auth/sessions', { cookie })],
      [issuedToken, 200, await ask('/auth/refresh', { cookie, 'x-token-relay': '1' }, 'POST')],
      [exchangedToken, 200, exchanged],
      [transactionToken, 200, transaction],
      [expiredToken, 200, await auth.asClient('gateway', '/demo/expired-token', { subject_token: loginToken })],
      [issuedToken, 200, await auth.asClient('gateway', '/oauth/token', grant)],
      [activeToken, 200, await introspect(exchanged.body.access_token as string)],
      [inactiveToken, 200, await introspect(loginToken)],
      [revoked, 201, await auth.asAdmin({ jti: 'a', reason: 'a test' })],
      [revoked, 201, await auth.asAdmin({ sub: 'resource', reason: 'a test' })],
      [keyRing, 200, await admin('keys')],
      [keyRing, 202, await admin('keys/rotate', {})],
      [keyRing, 200, await admin(`keys/${kid}/compromise`, { reason: 'a test' })],
      [metadata, 200, await ask('/.well-known/oauth-authorization-server')],
      [keySet, 200, await ask('/.well-known/jwks.json')],
      [alive, 200, await ask('/healthz')],
      [ready, 200, await ask('/readyz')],
    ];
    for (const [schema, status, { status: found, body }] of answers) {
      expect({ found, problems: schema.safeParse(body).error?.issues }).toEqual({ found: status, problems: undefined });
    }
  });

  it('has the routes of the demo where there is one, and not elsewhere', async () => {
    const demo = '/demo/expired-token';
    expect(Object.keys(document.paths)).toContain(demo);
    const other = await AuthApp.start({ SINGLE_AUTH: '1', NODE_ENV: 'development' });
    try {
      const { paths } = (await (await fetch(`${other.url}/openapi.json`)).json()) as Document;
      expect(Object.keys(paths)).not.toContain(demo);
      expect(other.routes).not.toContain(`POST ${demo}`);
    } finally {
      await other.stop();
    }
  });

  it('is there in development only', async () => {
    for (const NODE_ENV of ['production', 'test']) {
      const other = await AuthApp.start({ SINGLE_AUTH: '1', NODE_ENV });
      const { status } = await fetch(`${other.url}/openapi.json`);
      await other.stop();
      expect(status).toBe(404);
      expect(other.routes).not.toContain('GET /openapi.json');
    }
  });
});
