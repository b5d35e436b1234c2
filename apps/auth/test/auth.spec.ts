import { type NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpApp, createLogger } from '@token-relay/service-kit';
import argon2 from 'argon2';
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppModule } from '../src/app.module';
import { loadAuthConfig } from '../src/auth.config';
import { openState } from '../src/auth-state';
import { TokenIssuer } from '../src/tokens/token-issuer';
import { ARGON2ID } from '../src/users/argon2id';

const ISSUER = 'https://issuer.test';
const GATEWAY_SECRET = 'q9S2mZ4xV7bN1cL8kJ5hG3fD6aP0wErT:%+&';
const RESOURCE_SECRET = 'T0rEw4Pa6Df3Gh5Jk8Lc1Nb7Vx4Zm2S9q';
const SUB = '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11';
const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

describe('auth', () => {
  const folder = mkdtempSync(join(tmpdir(), 'auth-'));
  let app: NestFastifyApplication;
  let url: string;
  let jwks: JSONWebKeySet;

  beforeAll(async () => {
    const users = [
      {
        sub: SUB,
        username: 'alice',
        passwordHash: await argon2.hash('p', ARGON2ID),
        scopes: ['documents:read', 'documents:write', 'auth:admin'],
      },
    ];
    writeFileSync(join(folder, 'users.json'), JSON.stringify({ users }));
    const digest = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('base64url')}`;
    const documents = ['documents:read', 'documents:write', 'audit:read'];
    const clients = [
      { id: 'gateway', secrets: [digest(GATEWAY_SECRET)], audiences: { resource: documents } },
      { id: 'resource', secrets: [digest(RESOURCE_SECRET)], audiences: { audit: documents } },
    ];
    writeFileSync(join(folder, 'clients.json'), JSON.stringify({ clients }));
    const config = loadAuthConfig({
      ISSUER,
      USERS_FILE: join(folder, 'users.json'),
      CLIENTS_FILE: join(folder, 'clients.json'),
      SINGLE_AUTH: '1',
    });
    const logger = createLogger('auth', { LOG_LEVEL: 'silent', LOG_FORMAT: 'json' });
    app = await createHttpApp(AppModule.forRoot(config, await openState(config, logger), logger), {
      logger,
      bodies: 'json-and-forms',
    });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    jwks = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  });
  afterAll(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  const login = async () => {
    const answer = await fetch(`${url}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password: 'p' }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  };
  const claimsOf = async (token: string, audience: string) => {
    const options = { issuer: ISSUER, audience, algorithms: ['ES256'], typ: 'at+jwt' };
    return (await jwtVerify(token, createLocalJWKSet(jwks), options)).payload;
  };
  const basic = (id: string, secret: string) => {
    const encode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2);
    return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
  };
  const asGateway = { authorization: basic('gateway', GATEWAY_SECRET) };
  const asResource = { authorization: basic('resource', RESOURCE_SECRET) };

  async function token(headers: Record<string, string>, parameters: Record<string, string> | URLSearchParams) {
    const answer = await fetch(`${url}/oauth/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(parameters),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as Record<string, string>,
    };
  }
  const exchange = (headers: Record<string, string>, subject: string, more: Record<string, string>) =>
    token(headers, { grant_type: GRANT, subject_token: subject, subject_token_type: ACCESS_TOKEN, ...more });

  it('publishes the public keys alone, as a JWKS that may be cached for a minute', async () => {
    const answer = await fetch(`${url}/.well-known/jwks.json`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/jwk-set\+json\b/);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=60');
    const key = {
      ...{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' },
      x: expect.any(String) as string,
      y: expect.any(String) as string,
      kid: expect.stringMatching(/^[\w-]{43}$/) as string,
    };
    // The one that signs, and the one that will.
    expect(jwks).toEqual({ keys: [key, key] });
  });

  it('issues access tokens as RFC 9068 has them', async () => {
    const issued = await login();
    expect(decodeProtectedHeader(issued)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: jwks.keys[0]?.kid });
    const claims = await claimsOf(issued, 'gateway');
    expect(claims).toEqual({
      iss: ISSUER,
      sub: SUB,
      aud: 'gateway',
      client_id: 'gateway',
      scope: 'documents:read documents:write auth:admin',
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      sid: expect.stringMatching(/^[A-Za-z0-9_-]{38}$/) as string,
      sub_epoch: expect.any(Number) as number,
      auth_time: claims.iat,
      iat: expect.any(Number) as number,
      exp: (claims.iat ?? 0) + 300,
    });
    const next = await claimsOf(await login(), 'gateway');
    expect(next.jti).not.toBe(claims.jti);
    expect(next.sid).not.toBe(claims.sid);
    expect(next.sub_epoch).toBe(claims.sub_epoch);
  });

  it('exchanges along a chain: the same subject, another audience, one more actor, no later end', async () => {
    const subject = await login();
    const first = await exchange(asGateway, subject, { audience: 'resource', scope: 'documents:read other' });
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect(first).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', issued_token_type: ACCESS_TOKEN, scope: 'documents:read' },
    });
    const second = await exchange(asResource, first.body.access_token ?? '', { audience: 'audit' });
    const claims = await claimsOf(second.body.access_token ?? '', 'audit');
    expect(claims).toMatchObject({
      sub: SUB,
      client_id: 'resource',
      scope: 'documents:read',
      act: { sub: 'resource', act: { sub: 'gateway' } },
    });
    expect(claims.exp).toBe((await claimsOf(subject, 'gateway')).exp);
  });

  it('gives no more scopes than the subject has, the client may pass on, and was asked for', async () => {
    const subject = await login();
    const scopeOf = async (more: Record<string, string>) =>
      (await exchange(asGateway, subject, { audience: 'resource', ...more })).body;
    expect(await scopeOf({})).toMatchObject({ scope: 'documents:read documents:write' });
    expect(await scopeOf({ scope: 'documents:write' })).toMatchObject({ scope: 'documents:write' });
    expect(await scopeOf({ scope: 'auth:admin' })).toMatchObject({ error: 'invalid_scope' });
    expect(await scopeOf({ scope: 'audit:read' })).toMatchObject({ error: 'invalid_scope' });
  });

  it.each<[string, Record<string, string>, string]>([
    ['no grant type', { grant_type: '' }, 'invalid_request'],
    ['another grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no subject token', { subject_token: '' }, 'invalid_request'],
    ['a subject token that is none', { subject_token: 'x' }, 'invalid_request'],
    ['no subject token type', { subject_token_type: '' }, 'invalid_request'],
    [
      'another subject token type',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
      'invalid_request',
    ],
    [
      'another requested token type',
      { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
      'invalid_request',
    ],
    ['an actor token', { actor_token: 'x' }, 'invalid_request'],
    ['no audience', { audience: '' }, 'invalid_target'],
    ['an audience that is not on the list', { audience: 'audit' }, 'invalid_target'],
    ['an audience that every object has', { audience: 'constructor' }, 'invalid_target'],
    ['a resource', { resource: 'https://resource.test' }, 'invalid_target'],
  ])('refuses %s', async (_what, changed, error) => {
    const parameters = {
      grant_type: GRANT,
      subject_token: await login(),
      subject_token_type: ACCESS_TOKEN,
      audience: 'resource',
    };
    const { status, headers, body } = await token(asGateway, { ...parameters, ...changed });
    expect({ status, mediaType: headers.get('content-type'), ...body }).toMatchObject({
      status: 400,
      mediaType: 'application/json',
      error,
      error_description: expect.any(String) as string,
      code: error,
    });
  });

  it('refuses a parameter that is there twice', async () => {
    const parameters = new URLSearchParams({ grant_type: GRANT, audience: 'resource' });
    parameters.append('audience', 'audit');
    expect((await token(asGateway, parameters)).body).toMatchObject({ error: 'invalid_target' });
    const twice = new URLSearchParams({ grant_type: GRANT, scope: 'documents:read' });
    twice.append('scope', 'documents:write');
    expect((await token(asGateway, twice)).body).toMatchObject({ error: 'invalid_request' });
  });

  it('refuses parameters as JSON', async () => {
    const answer = await fetch(`${url}/oauth/token`, {
      method: 'POST',
      headers: { ...asGateway, 'content-type': 'application/json' },
      body: JSON.stringify({ grant_type: GRANT }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'invalid_request' });
  });

  it.each<[string, Record<string, string>]>([
    ['nobody', {}],
    ['an unknown client', { authorization: basic('audit', GATEWAY_SECRET) }],
    ['a client with a wrong secret', { authorization: basic('gateway', RESOURCE_SECRET) }],
    ['a client with an empty secret', { authorization: basic('gateway', '') }],
    ['credentials that are none', { authorization: 'Basic !!!' }],
    ['another scheme', { authorization: 'Bearer x' }],
  ])('has no tokens for %s', async (_who, headers) => {
    const { status, headers: answered, body } = await exchange(headers, await login(), { audience: 'resource' });
    expect({ status, error: body.error, challenge: answered.get('www-authenticate') }).toEqual({
      status: 401,
      error: 'invalid_client',
      challenge: 'Basic realm="oauth"',
    });
  });

  it('exchanges only what was meant for the client, has not expired, and was not passed on too often', async () => {
    const issuer = app.get(TokenIssuer);
    const grant = { subject: SUB, audience: 'gateway', clientId: 'gateway', scopes: ['documents:read'] };
    const errorFor = async (changed: object) => {
      const { access_token: subject } = (await issuer.issue({ ...grant, ...changed })).token;
      return (await exchange(asGateway, subject, { audience: 'resource' })).body.error ?? 'exchanged';
    };
    const chain = (depth: number): object | undefined =>
      depth === 0 ? undefined : { sub: 'a', act: chain(depth - 1) };
    expect(await errorFor({})).toBe('exchanged');
    expect(await errorFor({ audience: 'resource' })).toBe('invalid_request');
    expect(await errorFor({ notAfter: Date.now() / 1000 + 3 })).toBe('exchanged');
    expect(await errorFor({ notAfter: Date.now() / 1000 })).toBe('invalid_request');
    expect(await errorFor({ actor: chain(4) })).toBe('exchanged');
    expect(await errorFor({ actor: chain(5) })).toBe('invalid_request');
  });
});
