import { type HostileToken, hostileTokens, JwksServer, TestClock, TestIssuer } from '@token-relay/testing';
import { AppProcess } from './app-process';
import { EmptyFeed } from './empty-feed';
import { callRpc } from './rpc-client';
import { ISSUER, secret, shared, System } from './system';

/** What the services let auth sign with. */
const ALGORITHMS = ['ES256', 'RS256', 'PS256', 'EdDSA'];

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('tokens of the real issuer, used wrongly', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
  });
  afterAll(async () => {
    await system.stop();
  });

  const refusal = async (token: string) => {
    const answer = await system.call('/api/whoami', token);
    const { code } = (await answer.json()) as { code: string };
    return { status: answer.status, code, challenge: answer.headers.get('www-authenticate') };
  };

  it('a token for another service is refused by the gateway, by resource and by audit', async () => {
    const forGateway = await system.login('alice');
    const forResource = (await system.exchange('gateway', forGateway, 'resource')).body.access_token ?? '';
    expect(await refusal(forResource)).toMatchObject({ status: 401, code: 'audience_mismatch' });

    const atResource = await fetch(`${system.resource.url}/documents`, {
      headers: { authorization: `Bearer ${forGateway}` },
    });
    expect(atResource.status).toBe(401);
    expect(await atResource.json()).toMatchObject({ code: 'audience_mismatch' });

    for (const token of [forGateway, forResource]) {
      const packet = { pattern: 'audit.whoami', data: {}, metadata: { authorization: `Bearer ${token}` } };
      const { err } = await callRpc(system.audit.addresses.rpc ?? '', packet);
      expect(err).toMatchObject({ status: 401, code: 'audience_mismatch', error: 'invalid_token' });
    }
  });

  it('a tampered one is refused, wherever it was changed', async () => {
    const [header = '', payload = '', signature = ''] = (await system.login('carol')).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const tampered = encode({ ...claims, scope: 'documents:read documents:write' });
    expect(await refusal(`${header}.${tampered}.${signature}`)).toMatchObject({
      status: 401,
      code: 'signature_invalid',
    });
    expect(await refusal(`${header}.${payload}.${signature.slice(0, -4)}AAAA`)).toMatchObject({
      status: 401,
    });
    expect(await refusal(`${encode({ alg: 'none' })}.${payload}.`)).toMatchObject({ status: 401 });
  });

  it('a client can not widen a token, nor have one exchanged that was not meant for it', async () => {
    const carol = await system.login('carol');
    const wide = await system.exchange('gateway', carol, 'resource', {
      scope: 'documents:read documents:write auth:admin',
    });
    expect(wide).toMatchObject({ status: 200, body: { scope: 'documents:read' } });
    const none = await system.exchange('gateway', carol, 'resource', { scope: 'documents:write' });
    expect(none).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
    const elsewhere = await system.exchange('gateway', carol, 'audit');
    expect(elsewhere).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
    const stolen = await system.exchange('resource', carol, 'audit');
    expect(stolen).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it("audit's handlers are not for users: the actor has to be resource", async () => {
    const token = await system.login('admin');
    const forResource = (await system.exchange('gateway', token, 'resource')).body.access_token ?? '';
    const forAudit = (await system.exchange('resource', forResource, 'audit')).body.access_token ?? '';
    const packet = { pattern: 'audit.whoami', data: {}, metadata: { authorization: `Bearer ${forAudit}` } };
    const { response } = await callRpc(system.audit.addresses.rpc ?? '', packet);
    expect(response).toMatchObject({ hops: [{ service: 'audit', actor: ['resource', 'gateway'] }] });
  });
});

describe('a token of an issuer whose tokens live for a second', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ auth: { ACCESS_TOKEN_SECONDS: '1' } });
  });
  afterAll(async () => {
    await system.stop();
  });

  it('is taken while it lives, with five seconds of tolerance, and refused as expired after that', async () => {
    const token = await system.login('carol');
    const write = async () => {
      const answer = await system.call('/api/documents', token, { method: 'POST' });
      return { status: answer.status, code: ((await answer.json()) as { code: string }).code };
    };
    // Carol may not write: being told so takes a token that is still good.
    expect(await write()).toEqual({ status: 403, code: 'insufficient_scope' });
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(await write()).toEqual({ status: 401, code: 'token_expired' });
  });
});

describe('every hostile token', () => {
  let issuers: Readonly<Record<'gateway' | 'resource' | 'audit', TestIssuer>>;
  let jwks: JwksServer;
  let feed: EmptyFeed;
  let apps: Readonly<Record<'gateway' | 'resource' | 'audit', AppProcess>>;
  const clock = new TestClock(Math.floor(Date.now() / 1000));

  beforeAll(async () => {
    const issuerFor = (audience: string) => TestIssuer.create({ issuer: ISSUER, audience, clock });
    issuers = {
      gateway: await issuerFor('gateway'),
      resource: await issuerFor('resource'),
      audit: await issuerFor('audit'),
    };
    jwks = await JwksServer.start({ keys: Object.values(issuers).flatMap((issuer) => issuer.jwks.keys) });
    feed = await EmptyFeed.start(ISSUER);
    const environment = { ...shared(new URL(jwks.url).origin), REVOCATIONS_URL: feed.url };
    const audit = await AppProcess.start('audit', { RPC_PORT: '0', AUDIT_CLIENT_SECRET: secret(), ...environment });
    const resource = await AppProcess.start('resource', {
      AUDIT_URL: audit.addresses.rpc ?? '',
      RESOURCE_CLIENT_SECRET: secret(),
      ...environment,
    });
    const gateway = await AppProcess.start('gateway', {
      RESOURCE_URL: resource.url,
      GATEWAY_CLIENT_SECRET: secret(),
      ...environment,
    });
    apps = { gateway, resource, audit };
    await Promise.all(Object.values(apps).map((app) => app.ready()));
    clock.seconds = Math.floor(Date.now() / 1000);
  });
  afterAll(async () => {
    await Promise.all(Object.values(apps).map((app) => app.stop()));
    await feed.stop();
    await jwks.stop();
  });

  const expectedOf = (tokens: HostileToken[], expectation: (token: HostileToken) => object) =>
    Object.fromEntries(tokens.map((token) => [token.name, expectation(token)]));

  /** What gets to a verifier at all, and is as bad a few seconds later: the clock of the apps goes on. */
  const tokensFor = async (issuer: TestIssuer) =>
    (await hostileTokens(issuer, { algorithms: ALGORITHMS })).filter(
      ({ sendable, momentary }) => sendable && !momentary,
    );

  it.each([
    ['gateway', '/api/documents'],
    ['resource', '/documents'],
  ] as const)('is refused by %s over HTTP, with its reason', async (name, path) => {
    const tokens = await tokensFor(issuers[name]);
    expect(tokens.length).toBeGreaterThan(250);
    const seen: Record<string, object> = {};
    await Promise.all(
      tokens.map(async ({ name: title, token }) => {
        const answer = await fetch(`${apps[name].url}${path}`, {
          headers: { authorization: `Bearer ${token}` },
        });
        const { code } = (await answer.json()) as { code: string };
        const [, error] = /error="(\w+)"/.exec(answer.headers.get('www-authenticate') ?? '') ?? [];
        seen[title] = { status: answer.status, type: answer.headers.get('content-type'), code, error };
      }),
    );
    const type = 'application/problem+json';
    expect(seen).toEqual(expectedOf(tokens, ({ code }) => ({ status: 401, type, code, error: 'invalid_token' })));
  });

  it('is refused by audit over TCP, with its reason', async () => {
    const tokens = await tokensFor(issuers.audit);
    const seen: Record<string, object> = {};
    const judge = async ({ name, token }: HostileToken) => {
      const packet = { pattern: 'audit.whoami', data: {}, metadata: { authorization: `Bearer ${token}` } };
      const { err } = await callRpc(apps.audit.addresses.rpc ?? '', packet);
      const { status, code } = err as { status: number; code: string };
      seen[name] = { status, code };
    };
    await Promise.all(tokens.map(judge));
    expect(seen).toEqual(expectedOf(tokens, ({ code }) => ({ status: 401, code })));
  });

  it('over TCP, no token and one in the wrong place are refused as well', async () => {
    const address = apps.audit.addresses.rpc ?? '';
    const token = await issuers.audit.token({ act: { sub: 'resource' } });
    const codeOf = async (packet: object) => {
      const { err } = await callRpc(address, { pattern: 'audit.whoami', data: {}, ...packet });
      return (err as { code?: string } | undefined)?.code ?? 'accepted';
    };
    expect(await codeOf({ metadata: { authorization: `Bearer ${token}` } })).toBe('accepted');
    expect(await codeOf({})).toBe('token_missing');
    expect(await codeOf({ metadata: 'Bearer' })).toBe('token_missing');
    const twice = [`Bearer ${token}`, `Bearer ${token}`];
    expect(await codeOf({ metadata: { authorization: twice } })).toBe('authorization_repeated');
    expect(await codeOf({ data: { authorization: `Bearer ${token}` } })).toBe('token_missing');
    const byUser = await issuers.audit.token();
    expect(await codeOf({ metadata: { authorization: `Bearer ${byUser}` } })).toBe('actor_not_allowed');
    const byAnother = await issuers.audit.token({ act: { sub: 'gateway', act: { sub: 'resource' } } });
    expect(await codeOf({ metadata: { authorization: `Bearer ${byAnother}` } })).toBe('actor_not_allowed');
  });
});
