import { createLocalJWKSet, decodeJwt, exportJWK, type JSONWebKeySet, jwtVerify } from 'jose';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as oauth from 'oauth4webapi';
import { AppProcess } from './app-process';
import { REVOKED, until, verdicts, workingChain } from './chain';
import { type ClientId, ISSUER, makeAccounts, NATIVE_CLIENT, post, System, usersFile } from './system';

const AUTH = 'https://auth.test';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const TXN_TOKEN = 'urn:ietf:params:oauth:token-type:txn_token';

interface Authenticated {
  readonly client: oauth.Client;
  readonly authentication: oauth.ClientAuth;
}

/** What an OAuth client that knows nothing of this system but the issuer's name makes of it. */
describe('a client of another make', () => {
  let system: System;
  let server: oauth.AuthorizationServer;

  /** For names that no resolver knows: the issuer is at the gateway. */
  const http = {
    [oauth.customFetch]: (url: string, init: object) => {
      const { origin, pathname } = new URL(url);
      const where = { [ISSUER]: system.gateway.url, [AUTH]: system.auth.url }[origin];
      if (where === undefined) throw new Error(`nobody is at ${origin}`);
      return fetch(`${where}${pathname}`, init);
    },
  };

  beforeAll(async () => {
    system = await System.start({ auth: { AUTH_URL: AUTH } });
    const issuer = new URL(ISSUER);
    const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http });
    server = await oauth.processDiscoveryResponse(issuer, answer);
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
  });

  const as = (id: ClientId, secret = system.secrets[id]): Authenticated => ({
    client: { client_id: id },
    authentication: oauth.ClientSecretBasic(secret),
  });
  const native: Authenticated = { client: { client_id: NATIVE_CLIENT.id }, authentication: oauth.None() };

  async function introspect(token: string, { client, authentication } = as('gateway')) {
    const answer = await oauth.introspectionRequest(server, client, authentication, token, http);
    return oauth.processIntrospectionResponse(server, client, answer);
  }

  async function revoke(token: string, { client, authentication } = as('gateway')) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, http));
  }

  async function ownToken(parameters: Record<string, string>, { client, authentication } = as('gateway')) {
    const answer = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, http);
    return oauth.processClientCredentialsResponse(server, client, answer);
  }

  async function exchange(token: string, audience: string, { client, authentication } = as('gateway')) {
    const parameters = { subject_token: token, subject_token_type: ACCESS_TOKEN, audience };
    const answer = await oauth.genericTokenEndpointRequest(server, client, authentication, EXCHANGE, parameters, http);
    return oauth.processGenericTokenEndpointResponse(server, client, answer);
  }

  /** What a resource server takes from the token, by the keys that the metadata leads to. */
  function verified(token: string, audience: string) {
    const request = new Request('https://resource.test', { headers: { authorization: `Bearer ${token}` } });
    return oauth.validateJwtAccessToken(server, request, audience, http);
  }

  describe('discovery', () => {
    it('finds everything by the name of the issuer', () => {
      expect(server).toMatchObject({
        issuer: ISSUER,
        jwks_uri: `${ISSUER}/.well-known/jwks.json`,
        token_endpoint: `${AUTH}/oauth/token`,
        revocation_endpoint: `${AUTH}/oauth/revoke`,
        introspection_endpoint: `${AUTH}/oauth/introspect`,
      });
      expect(server.grant_types_supported).toEqual(expect.arrayContaining([EXCHANGE, 'client_credentials']));
    });

    it('is the same at auth and at the gateway', async () => {
      const path = '/.well-known/oauth-authorization-server';
      const [here, there] = await Promise.all([
        fetch(`${system.auth.url}${path}`),
        fetch(`${system.gateway.url}${path}`),
      ]);
      expect(await there.text()).toBe(await here.text());
      for (const name of ['etag', 'cache-control', 'content-type']) {
        expect(there.headers.get(name)).toBe(here.headers.get(name));
      }
    });
  });

  describe('with client_credentials', () => {
    it('gets a token of its own, which is refused where a user is asked for', async () => {
      const issued = await ownToken({ audience: 'resource' });
      expect(issued).toMatchObject({ token_type: 'bearer', expires_in: 300, scope: 'revocations:read' });
      expect(issued).not.toHaveProperty('refresh_token');
      expect(await verified(issued.access_token, 'resource')).toMatchObject({ sub: 'gateway', client_id: 'gateway' });
      expect(await introspect(issued.access_token, as('resource'))).toMatchObject({ active: true, sub: 'gateway' });
      const headers = { authorization: `Bearer ${issued.access_token}` };
      const refused = await fetch(`${system.resource.url}/documents`, { headers });
      expect(refused.status).toBe(403);
      expect(await refused.json()).toMatchObject({ code: 'insufficient_scope' });
    });

    it('gives it up', async () => {
      const { access_token: token } = await ownToken({ audience: 'resource' });
      await revoke(token);
      expect(await introspect(token, as('resource'))).toEqual({ active: false });
    });

    it('is told what it may not have', async () => {
      await expect(ownToken({ audience: 'audit' })).rejects.toMatchObject({ error: 'invalid_target', status: 400 });
      await expect(ownToken({ audience: 'resource', scope: 'documents:read' })).rejects.toMatchObject({
        error: 'invalid_scope',
      });
    });
  });

  describe('with token exchange', () => {
    it('gets a token for the next service, for the same user', async () => {
      const login = await system.login('alice');
      const issued = await exchange(login, 'resource');
      expect(issued).toMatchObject({ token_type: 'bearer', issued_token_type: ACCESS_TOKEN });
      expect(await verified(issued.access_token, 'resource')).toMatchObject({
        sub: system.accounts.alice.sub,
        client_id: 'gateway',
        act: { sub: 'gateway' },
      });
      await expect(verified(issued.access_token, 'audit')).rejects.toMatchObject({ name: 'OperationProcessingError' });
    });

    it('is told when the token is of no use', async () => {
      await expect(exchange('a.b.c', 'resource')).rejects.toMatchObject({ error: 'invalid_request', status: 400 });
    });
  });

  describe('with refresh_token, for a native client', () => {
    /** What a user's app has after the login. */
    async function login(
      username: 'alice' | 'admin' = 'alice',
    ): Promise<{ access_token: string; refresh_token: string }> {
      const { password } = system.accounts[username];
      const answer = await post(`${system.gateway.url}/auth/login`, {
        username,
        password,
        client_id: NATIVE_CLIENT.id,
      });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('set-cookie')).toBeNull();
      return (await answer.json()) as { access_token: string; refresh_token: string };
    }

    async function refresh(token: string, { client, authentication } = native, more: Record<string, string> = {}) {
      const options = { ...http, additionalParameters: more };
      const answer = await oauth.refreshTokenGrantRequest(server, client, authentication, token, options);
      return oauth.processRefreshTokenResponse(server, client, answer);
    }

    it('gets a new access token of the same session, and the next refresh token', async () => {
      const first = await login();
      expect(first.refresh_token).toMatch(/^rt_[\w-]{84}$/);
      const next = await refresh(first.refresh_token);
      expect(next).toMatchObject({ token_type: 'bearer', expires_in: 300, scope: 'documents:read documents:write' });
      expect(next.refresh_token).toMatch(/^rt_[\w-]{84}$/);
      expect(next.refresh_token).not.toBe(first.refresh_token);
      const before = decodeJwt(first.access_token);
      const claims = await verified(next.access_token, 'gateway');
      expect(claims).toMatchObject({ sub: before.sub, sid: before.sid, client_id: NATIVE_CLIENT.id });
      expect(claims.jti).not.toBe(before.jti);
      expect((await system.call('/api/documents', next.access_token)).status).toBe(200);
    });

    it('gets the same successor again while its answer may have been lost', async () => {
      const { refresh_token: token } = await login();
      const [first, again] = [await refresh(token), await refresh(token)];
      expect(again.refresh_token).toBe(first.refresh_token);
      expect(again.access_token).not.toBe(first.access_token);
    });

    it('has no more scopes than are registered for it', async () => {
      const { refresh_token: token } = await login('admin');
      expect(await refresh(token)).toMatchObject({ scope: 'documents:read documents:write' });
    });

    it('asks for fewer scopes, and for no other', async () => {
      const { refresh_token: token } = await login();
      const fewer = await refresh(token, native, { scope: 'documents:read' });
      expect(fewer).toMatchObject({ scope: 'documents:read' });
      await expect(refresh(fewer.refresh_token ?? '', native, { scope: 'auth:admin' })).rejects.toMatchObject({
        error: 'invalid_scope',
      });
      // What was not granted was not used up either.
      expect(await refresh(fewer.refresh_token ?? '')).toMatchObject({ scope: 'documents:read documents:write' });
    });

    it('ends the session with its refresh token', async () => {
      const { access_token, refresh_token: token } = await login();
      await revoke(token, native);
      await expect(refresh(token)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
      expect(await introspect(access_token)).toEqual({ active: false });
    });

    it('gets nothing for what is no refresh token, or for another client', async () => {
      const { refresh_token: token } = await login();
      for (const bad of ['never-a-token', `rt_${'A'.repeat(84)}`]) {
        await expect(refresh(bad)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
      }
      const stranger = { client: { client_id: 'nobody' }, authentication: oauth.None() };
      const refused = { code: oauth.WWW_AUTHENTICATE_CHALLENGE, status: 401 };
      await expect(refresh(token, stranger)).rejects.toMatchObject(refused);
      await expect(
        refresh(token, { ...native, authentication: oauth.ClientSecretBasic('x'.repeat(40)) }),
      ).rejects.toMatchObject(refused);
      await expect(refresh(token, as('gateway'))).rejects.toMatchObject({ status: 400 });
      expect(await refresh(token)).toMatchObject({ token_type: 'bearer' });
    });
  });

  it('is told of a token what it says itself', async () => {
    const token = await system.login('alice');
    const { iss, sub, aud, exp, iat, jti, client_id, scope } = decodeJwt(token);
    expect(await introspect(token)).toMatchObject({
      active: true,
      token_type: 'Bearer',
      ...{ iss, sub, aud, exp, iat, jti, client_id, scope },
    });
  });

  it('is told nothing of a token that is for another', async () => {
    const token = await system.login('alice');
    expect(await introspect(token, as('audit'))).toEqual({ active: false });
  });

  it('revokes its token: that is inactive from then on, and refused everywhere with all that came of it', async () => {
    const chain = await workingChain(system, 5_000);
    await revoke(chain.login);
    expect(await introspect(chain.login)).toEqual({ active: false });
    expect(await introspect(chain.resource, as('resource'))).toEqual({ active: false });
    await until(1_000, () => verdicts(system, chain), REVOKED);
  });

  it('revokes what is revoked, or was never a token, and hears no difference', async () => {
    const token = await system.login('alice');
    for (const client of [as('gateway'), native]) await revoke('never-a-token', client);
    await revoke(token);
    await revoke(token);
  });

  it('can not revoke the token of another client', async () => {
    const token = await system.login('alice');
    for (const client of [as('audit'), native]) {
      await expect(revoke(token, client)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
    }
    expect(await introspect(token)).toMatchObject({ active: true });
  });

  it('is told when its secret is wrong, or when it has none', async () => {
    const token = await system.login('alice');
    const refused = { code: oauth.WWW_AUTHENTICATE_CHALLENGE, status: 401 };
    const stranger = as('gateway', system.secrets.audit);
    await expect(revoke(token, stranger)).rejects.toMatchObject(refused);
    for (const client of [stranger, native]) {
      await expect(introspect(token, client)).rejects.toMatchObject(refused);
      await expect(exchange(token, 'resource', client)).rejects.toMatchObject(refused);
      await expect(ownToken({ audience: 'resource' }, client)).rejects.toMatchObject(refused);
    }
    expect(await introspect(token)).toMatchObject({ active: true });
  });
});

/** As it comes with the library, and as the successor of RFC 7523 wants it typed. */
const ASSERTIONS: [string, Record<string, unknown> | undefined][] = [
  ['without a type', undefined],
  ['with their own type', { typ: 'client-authentication+jwt' }],
];

describe('a client of another make that has no secret, and signs', () => {
  const accounts = makeAccounts();
  const keys: Record<string, Awaited<ReturnType<typeof oauth.generateKeyPair>>> = {};
  let folder: string;
  let auth: AppProcess;
  let server: oauth.AuthorizationServer;

  const http = {
    [oauth.customFetch]: (url: string, init: object) => fetch(`${auth.url}${new URL(url).pathname}`, init),
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    const policies = {
      gateway: { audiences: { resource: ['documents:read'] }, transactions: { scopes: ['documents:read'] } },
      resource: { audiences: { audit: ['documents:read'] } },
    };
    const clients: object[] = [];
    for (const [id, algorithm] of [
      ['gateway', 'ES256'],
      ['resource', 'Ed25519'],
    ] as const) {
      const pair = await oauth.generateKeyPair(algorithm);
      keys[id] = pair;
      const jwk = { ...(await exportJWK(pair.publicKey)), kid: `${id}-1`, alg: algorithm };
      clients.push({ id, jwks: { keys: [jwk] }, ...policies[id] });
    }
    await writeFile(join(folder, 'clients.json'), JSON.stringify({ clients }));
    await writeFile(join(folder, 'users.json'), await usersFile(Object.values(accounts)));
    auth = await AppProcess.start('auth', {
      ISSUER,
      SINGLE_AUTH: '1',
      CLIENTS_FILE: join(folder, 'clients.json'),
      USERS_FILE: join(folder, 'users.json'),
    });
    const issuer = new URL(ISSUER);
    const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http });
    server = await oauth.processDiscoveryResponse(issuer, answer);
  });
  afterAll(async () => {
    expect(await auth.stop()).toBe(0);
    await rm(folder, { recursive: true });
  });

  /** @param header what the library doesn't put there by itself */
  const as = (id: 'gateway' | 'resource', header: Record<string, unknown> = {}, signer = id): Authenticated => {
    const key = keys[signer]?.privateKey;
    const modify = (parameters: Record<string, unknown>) => void Object.assign(parameters, header);
    return {
      client: { client_id: id },
      authentication: oauth.PrivateKeyJwt(key as oauth.CryptoKey, { [oauth.modifyAssertion]: modify }),
    };
  };
  const login = async (): Promise<string> => {
    const { username, password } = accounts.alice;
    const answer = await post(`${auth.url}/auth/login`, { username, password });
    return ((await answer.json()) as { access_token: string }).access_token;
  };
  async function exchange(token: string, audience: string, by: Authenticated, more: Record<string, string> = {}) {
    const { client, authentication } = by;
    const parameters = { subject_token: token, subject_token_type: ACCESS_TOKEN, audience, ...more };
    const answer = await oauth.genericTokenEndpointRequest(server, client, authentication, EXCHANGE, parameters, http);
    const recognizedTokenTypes = { n_a: () => undefined };
    return oauth.processGenericTokenEndpointResponse(server, client, answer, { recognizedTokenTypes });
  }
  async function introspect(token: string, { client, authentication }: Authenticated) {
    const answer = await oauth.introspectionRequest(server, client, authentication, token, http);
    return oauth.processIntrospectionResponse(server, client, answer);
  }

  it('is told that it may', () => {
    for (const endpoint of ['token', 'introspection', 'revocation'] as const) {
      expect(server[`${endpoint}_endpoint_auth_methods_supported`]).toContain('private_key_jwt');
      expect(server[`${endpoint}_endpoint_auth_signing_alg_values_supported`]).toEqual(
        expect.arrayContaining(['ES256', 'Ed25519']),
      );
    }
  });

  it.each(ASSERTIONS)('exchanges along a chain with assertions %s', async (_what, header) => {
    const first = await exchange(await login(), 'resource', as('gateway', header));
    expect(first).toMatchObject({ token_type: 'bearer', issued_token_type: ACCESS_TOKEN, scope: 'documents:read' });
    expect(await introspect(first.access_token, as('resource', header))).toMatchObject({ active: true });
    const second = await exchange(first.access_token, 'audit', as('resource', header));
    expect(decodeJwt(second.access_token)).toMatchObject({
      sub: accounts.alice.sub,
      aud: 'audit',
      act: { sub: 'resource', act: { sub: 'gateway' } },
    });
  });

  it('begins a transaction', async () => {
    const token = await login();
    const issued = await exchange(token, new URL(ISSUER).hostname, as('gateway'), {
      requested_token_type: TXN_TOKEN,
      scope: 'documents:read',
      request_details: JSON.stringify({ action: 'BUY' }),
    });
    expect(issued).toMatchObject({ token_type: 'n_a', issued_token_type: TXN_TOKEN, expires_in: 60 });
    const set = (await (await fetch(`${auth.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
    const options = { issuer: ISSUER, audience: 'issuer.test', typ: 'txntoken+jwt' };
    const { payload } = await jwtVerify(issued.access_token, createLocalJWKSet(set), options);
    expect(payload).toMatchObject({ sub: accounts.alice.sub, req_wl: 'gateway', tctx: { action: 'BUY' } });
  });

  it('is refused with the key of another, and with a secret', async () => {
    const token = await login();
    const refused = { code: oauth.WWW_AUTHENTICATE_CHALLENGE, status: 401 };
    await expect(exchange(token, 'resource', as('gateway', {}, 'resource'))).rejects.toMatchObject(refused);
    const secret = { client: { client_id: 'gateway' }, authentication: oauth.ClientSecretBasic('x'.repeat(40)) };
    await expect(exchange(token, 'resource', secret)).rejects.toMatchObject(refused);
    expect(await auth.wrote('client_assertion_refused')).not.toContain('eyJ');
  });

  it('gives up its own token', async () => {
    const { access_token: token } = await exchange(await login(), 'resource', as('gateway'));
    const { client, authentication } = as('gateway');
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, http));
    expect(await introspect(token, as('resource'))).toEqual({ active: false });
  });
});
