import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  CurrentPrincipal,
  isRefusal,
  JwtGuardModule,
  type JwtGuardOptions,
  type Principal,
  type ProfileName,
  RequireScopes,
  TokenVerifier,
} from '../src';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
const CALLBACK = 'https://spa.example/callback';

/** oidc-provider, as its users see it: nothing but HTTP. */
class ForeignIssuer {
  readonly #cookies = new Map<string, string>();

  private constructor(
    private readonly process: ChildProcessByStdio<Writable, Readable, null>,
    readonly issuer: string,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  static async start(logoutReceiver: string): Promise<ForeignIssuer> {
    const fixture = resolve(__dirname, 'interop-oidc-provider.fixture.mjs');
    const child = spawn(process.execPath, [fixture, logoutReceiver], { stdio: ['pipe', 'pipe', 'ignore'] });
    for await (const issuer of createInterface(child.stdout)) {
      const answer = await fetch(`${issuer}/.well-known/openid-configuration`);
      return new ForeignIssuer(child, issuer, (await answer.json()) as Record<string, string>);
    }
    throw new Error('oidc-provider did not start: run the fixture by hand to see why');
  }

  async stop(): Promise<void> {
    this.process.stdin.end();
    if (this.process.exitCode === null) await once(this.process, 'exit');
  }

  get jwksUri(): string {
    return this.metadata.jwks_uri ?? '';
  }

  /** A token of the client credentials grant. */
  async clientToken(resource?: string, headers: Record<string, string> = {}): Promise<string> {
    const secret = Buffer.from('worker:worker-secret-of-a-test-in-one-process').toString('base64');
    const body = { grant_type: 'client_credentials', scope: 'documents:read', ...(resource && { resource }) };
    const { access_token: token } = await this.#token(body, { authorization: `Basic ${secret}`, ...headers });
    return token ?? '';
  }

  /** What a user's login gets a browser app: authorization code with PKCE. */
  async login(resource: string, more: Record<string, string> = {}): Promise<{ accessToken: string; idToken: string }> {
    const verifier = randomBytes(32).toString('base64url');
    const query = new URLSearchParams({
      client_id: 'spa',
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: 'openid documents:read',
      resource,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...more,
    });
    let url = `${this.metadata.authorization_endpoint}?${query.toString()}`;
    while (!url.startsWith(CALLBACK)) url = (await this.#browse(url)).headers.get('location') ?? CALLBACK;
    const code = new URL(url).searchParams.get('code') ?? '';
    const body = { grant_type: 'authorization_code', client_id: 'spa', redirect_uri: CALLBACK, code, resource };
    const answer = await this.#token({ ...body, code_verifier: verifier });
    return { accessToken: answer.access_token ?? '', idToken: answer.id_token ?? '' };
  }

  async logout(idToken: string): Promise<void> {
    const page = await this.#browse(`${this.metadata.end_session_endpoint}?id_token_hint=${idToken}`);
    const xsrf = /name="xsrf" value="(\w+)"/.exec(await page.text())?.[1] ?? '';
    const body = new URLSearchParams({ xsrf, logout: 'yes' });
    await this.#browse(`${this.metadata.end_session_endpoint}/confirm`, { method: 'POST', body });
  }

  async #token(body: Record<string, string>, headers: Record<string, string> = {}) {
    const url = this.metadata.token_endpoint ?? '';
    const answer = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(body) });
    const json = (await answer.json()) as Record<string, string>;
    if (!answer.ok) throw new Error(JSON.stringify(json));
    return json;
  }

  async #browse(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(new URL(url, this.issuer), { ...init, redirect: 'manual', headers: { cookie } });
    if (answer.status >= 400) throw new Error(`${url} was answered with ${answer.status}`);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return answer;
  }
}

@Controller('documents')
class DocumentsController {
  @RequireScopes('documents:read')
  @Get()
  list(@CurrentPrincipal() { subject, clientId, algorithm }: Principal) {
    return { subject, clientId, algorithm };
  }
}

describe('a foreign issuer, oidc-provider', () => {
  let foreign: ForeignIssuer;
  let receiver: Server;
  /** Bodies of the requests that the logout receiver got. */
  const logouts: string[] = [];
  const verifiers: TokenVerifier[] = [];

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      void text(request).then((body) => {
        logouts.push(body);
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    foreign = await ForeignIssuer.start(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/logout`);
  });
  afterAll(async () => {
    for (const verifier of verifiers) verifier.close();
    receiver.close();
    await foreign.stop();
  });

  const options = (profile?: ProfileName, audience = 'documents'): JwtGuardOptions => ({
    issuers: [
      {
        issuer: foreign.issuer,
        audience,
        algorithms: ALGORITHMS,
        jwksUri: foreign.jwksUri,
        dangerouslyAllowHttp: true,
        ...(profile && { profile }),
      },
    ],
  });
  function verifierFor(profile?: ProfileName, audience?: string): TokenVerifier {
    const verifier = TokenVerifier.create(options(profile, audience));
    verifiers.push(verifier);
    return verifier;
  }
  async function verdict(verifier: TokenVerifier, token: string): Promise<Principal | string> {
    try {
      return await verifier.verify(token);
    } catch (error) {
      if (isRefusal(error)) return error.code;
      throw error;
    }
  }
  const resource = (algorithm: string, audience = 'documents') => `https://api.example/${audience}/${algorithm}`;

  it.each(ALGORITHMS)('signs access tokens with %s that are accepted, by rfc9068 and by generic', async (algorithm) => {
    const token = await foreign.clientToken(resource(algorithm));
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: algorithm, typ: 'at+jwt' });
    for (const profile of [undefined, 'generic'] as const) {
      expect(await verdict(verifierFor(profile), token)).toMatchObject({
        subject: 'worker',
        clientId: 'worker',
        issuer: foreign.issuer,
        audience: 'documents',
        scopes: ['documents:read'],
        tokenId: decodeJwt(token).jti,
        algorithm,
      });
    }
  });

  it.each(ALGORITHMS)('signs a token for another resource with %s, which is refused', async (algorithm) => {
    const token = await foreign.clientToken(resource(algorithm, 'billing'));
    expect(await verdict(verifierFor(), token)).toBe('audience_mismatch');
    expect(await verdict(verifierFor('generic'), token)).toBe('audience_mismatch');
  });

  it('publishes keys that are not for signatures, which spoil nothing and verify nothing', async () => {
    const { keys } = (await (await fetch(foreign.jwksUri)).json()) as { keys: { kid: string; use: string }[] };
    expect(keys.map(({ use }) => use)).toEqual(['sig', 'sig', 'sig', 'enc', 'enc']);
    const { outcome, key } = await verifierFor().explain(await foreign.clientToken(resource('ES256')));
    expect(outcome).toBe('accepted');
    expect(key?.usable.map(({ algorithm }) => algorithm).sort()).toEqual([...ALGORITHMS].sort());
    expect(key?.unusable).toEqual([
      { kid: 'enc-rsa', reason: 'its use is not sig' },
      { kid: 'enc-ec', reason: 'its use is not sig' },
    ]);
  });

  it('logs a user in: the access token is accepted, the ID token is not, whoever its audience is', async () => {
    const { accessToken, idToken } = await foreign.login(resource('ES256'), { nonce: 'n-0S6_WzA2Mj' });
    expect(await verdict(verifierFor(), accessToken)).toMatchObject({ subject: 'alice', clientId: 'spa' });
    expect(await verdict(verifierFor('generic'), accessToken)).toMatchObject({ subject: 'alice', clientId: 'spa' });

    expect(decodeJwt(idToken)).toMatchObject({ aud: 'spa', nonce: 'n-0S6_WzA2Mj' });
    for (const audience of ['documents', 'spa']) {
      expect(await verdict(verifierFor('rfc9068', audience), idToken)).toBe('typ_not_allowed');
      expect(await verdict(verifierFor('generic', audience), idToken)).toBe('not_an_access_token');
    }
  });

  it('issues ID tokens without any mark where no nonce was asked for: for generic, all depends on the audience', async () => {
    const { idToken } = await foreign.login(resource('ES256'));
    expect(Object.keys(decodeJwt(idToken)).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'sid', 'sub']);
    expect(await verdict(verifierFor('rfc9068', 'spa'), idToken)).toBe('typ_not_allowed');
    expect(await verdict(verifierFor('generic', 'documents'), idToken)).toBe('audience_mismatch');
    // The limit of that profile, as docs/interop.md says: a client's id is no audience.
    expect(await verdict(verifierFor('generic', 'spa'), idToken)).toMatchObject({ subject: 'alice' });
    for (const profile of ['keycloak', 'auth0', 'entra', 'cognito'] as const) {
      expect(await verdict(verifierFor(profile, 'spa'), idToken)).toMatch(
        /^(typ_not_allowed|claim_missing|not_an_access_token)$/,
      );
    }
  });

  it('sends logout tokens, which are refused', async () => {
    const { idToken } = await foreign.login(resource('ES256'), { prompt: 'login' });
    await foreign.logout(idToken);
    expect(logouts).toHaveLength(1);
    const token = new URLSearchParams(logouts[0]).get('logout_token') ?? '';
    expect(decodeJwt(token)).toMatchObject({ aud: 'spa', sub: 'alice', events: expect.any(Object) as object });
    expect(await verdict(verifierFor('rfc9068', 'spa'), token)).toBe('typ_not_allowed');
    expect(await verdict(verifierFor('generic', 'spa'), token)).toBe('typ_not_allowed');
  });

  it('binds a token to a key (DPoP), which is refused as a bearer token', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const proof = await new SignJWT({ htm: 'POST', htu: foreign.metadata.token_endpoint })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .setJti(randomBytes(16).toString('hex'))
      .sign(privateKey);
    const token = await foreign.clientToken(resource('ES256'), { dpop: proof });
    expect(decodeJwt(token).cnf).toEqual({ jkt: await calculateJwkThumbprint(jwk) });
    expect(await verdict(verifierFor(), token)).toBe('proof_required');
    expect(await verdict(verifierFor('generic'), token)).toBe('proof_required');
  });

  it('issues an opaque token when no resource is named: no JWT, as the trace says', async () => {
    const token = await foreign.clientToken();
    expect(await verdict(verifierFor(), token)).toBe('token_malformed');
    expect((await verifierFor().explain(token)).hints.join(' ')).toContain('opaque');
  });

  it('guards a Nest app with its tokens', async () => {
    @Module({ imports: [JwtGuardModule.forRoot(options())], controllers: [DocumentsController] })
    class AppModule {}
    const app: INestApplication = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    try {
      const call = async (token: string) => {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await fetch(`${await app.getUrl()}/documents`, { headers });
        return [answer.status, await answer.json()];
      };
      const { accessToken, idToken } = await foreign.login(resource('EdDSA'), { nonce: 'n' });
      expect(await call(accessToken)).toEqual([200, { subject: 'alice', clientId: 'spa', algorithm: 'EdDSA' }]);
      expect(await call(idToken)).toMatchObject([401, { code: 'typ_not_allowed' }]);
      const other = await foreign.clientToken(resource('RS256', 'billing'));
      expect(await call(other)).toMatchObject([401, { code: 'audience_mismatch' }]);
    } finally {
      await app.close();
    }
  });
});
