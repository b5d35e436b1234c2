import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TestClock, TestIssuer } from '@token-relay/testing';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CurrentPrincipal, JwtGuardModule, type JwksUriIssuer, type Principal } from '../src';
import { PROFILES } from '../src/core/profiles';

type Members = Record<string, unknown>;

const page = readFileSync(resolve(__dirname, '../../../docs/interop.md'), 'utf8');

/** The constants of docs/interop.md, by name: what is written there is what is run here. */
const EXAMPLES = new Map(
  [...page.matchAll(/^const (\w+): IssuerOptions = (\{\n[^}]*\n\});$/gm)].map(([, name = '', literal = '']) => [
    name,
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
    new Function(`return ${literal}`)() as JwksUriIssuer,
  ]),
);

interface Fixture {
  readonly example: string;
  /** `iss`, as the issuer's documentation writes it: with the slash at its end or without. */
  readonly iss: string;
  readonly header: Members;
  readonly claims: Members;
  readonly lifetime: number;
  readonly principal: Members;
  /** What an ID token of the same issuer has in place of it, for a client that is an audience here as well. */
  readonly idToken: Members;
}

const NOTHING = { client_id: undefined, jti: undefined, scope: undefined };

const FIXTURES: readonly Fixture[] = [
  {
    example: 'keycloak',
    iss: 'https://keycloak.example/realms/example',
    header: { typ: 'JWT' },
    lifetime: 300,
    claims: {
      jti: 'onrtac:0b9a8e3c',
      aud: ['documents', 'account'],
      typ: 'Bearer',
      azp: 'spa',
      sid: '5f0c6f5e',
      realm_access: { roles: ['editor'] },
      resource_access: { account: { roles: ['view-profile'] } },
      scope: 'openid documents:read',
    },
    principal: {
      audience: 'documents',
      clientId: 'spa',
      sessionId: '5f0c6f5e',
      tokenId: 'onrtac:0b9a8e3c',
      scopes: ['openid', 'documents:read'],
      roles: ['editor'],
    },
    idToken: { typ: 'ID', scope: undefined, realm_access: undefined },
  },
  {
    example: 'auth0',
    iss: 'https://example.eu.auth0.com/',
    header: { typ: 'JWT' },
    lifetime: 7_200,
    claims: {
      aud: ['https://documents.example', 'https://example.eu.auth0.com/userinfo'],
      azp: 'q1w2e3r4t5',
      scope: 'openid documents:read',
      permissions: ['documents:read'],
    },
    principal: {
      audience: 'https://documents.example',
      clientId: 'q1w2e3r4t5',
      scopes: ['openid', 'documents:read'],
      roles: ['documents:read'],
    },
    idToken: { nonce: 'n-0S6_WzA2Mj', azp: undefined, scope: undefined, permissions: undefined },
  },
  {
    example: 'entra',
    iss: 'https://login.microsoftonline.com/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/v2.0',
    header: { typ: 'JWT', x5t: 'abcdefghijklmnopqrstuvwxyz0' },
    lifetime: 5_400,
    claims: {
      aud: '00001111-aaaa-2222-bbbb-3333cccc4444',
      azp: '11111111-2222-3333-4444-555555555555',
      uti: 'Yx3nd_9Gv0eUAAAAAAAAAA',
      scp: 'Documents.Read',
      roles: ['Documents.Reader'],
      oid: '66666666-7777-8888-9999-000000000000',
      ver: '2.0',
    },
    principal: {
      audience: '00001111-aaaa-2222-bbbb-3333cccc4444',
      clientId: '11111111-2222-3333-4444-555555555555',
      tokenId: 'Yx3nd_9Gv0eUAAAAAAAAAA',
      scopes: ['Documents.Read'],
      roles: ['Documents.Reader'],
    },
    // With app roles, so that all that is missing is azp.
    idToken: { azp: undefined, scp: undefined },
  },
  {
    example: 'cognito',
    iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE',
    header: { typ: undefined },
    lifetime: 3_600,
    claims: {
      aud: undefined,
      client_id: '1example23456789',
      origin_jti: 'aaaa1111',
      jti: 'ffff1111',
      token_use: 'access',
      scope: 'documents/read openid',
      'cognito:groups': ['editors'],
    },
    principal: {
      audience: '1example23456789',
      clientId: '1example23456789',
      sessionId: 'aaaa1111',
      tokenId: 'ffff1111',
      scopes: ['documents/read', 'openid'],
      roles: ['editors'],
    },
    idToken: { aud: '1example23456789', client_id: undefined, token_use: 'id', scope: undefined },
  },
  {
    example: 'other',
    iss: 'https://login.example',
    header: { typ: 'JWT' },
    lifetime: 3_600,
    claims: { aud: 'https://documents.example', cid: 'spa', scope: 'documents:read' },
    principal: { audience: 'https://documents.example', clientId: 'spa', scopes: ['documents:read'], roles: [] },
    idToken: { nonce: 'n-0S6_WzA2Mj', cid: undefined, scope: undefined },
  },
];

@Controller('documents')
class DocumentsController {
  @Get()
  list(@CurrentPrincipal() principal: Principal) {
    return principal;
  }
}

/** An app with the lines from the docs and no other; only the issuer's keys come from here. */
async function guarded(options: JwksUriIssuer, issuer: TestIssuer) {
  const throughTheNetwork = globalThis.fetch;
  const asked: string[] = [];
  jest.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url.startsWith('http://127.0.0.1:')) return throughTheNetwork(input, init);
    asked.push(url);
    return Promise.resolve(Response.json(issuer.jwks));
  });
  @Module({ imports: [JwtGuardModule.forRoot({ issuers: [options] })], controllers: [DocumentsController] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const call = async (token: string) => {
    const answer = await fetch(`${await app.getUrl()}/documents`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, body: (await answer.json()) as Members };
  };
  return { app, asked, call };
}

it('finds every example of the docs, each for the profile that it stands for', () => {
  expect([...EXAMPLES.keys()]).toEqual(FIXTURES.map(({ example }) => example));
  const profiles = [...EXAMPLES.values()].map(({ profile }) => profile);
  expect(profiles).toEqual(['keycloak', 'auth0', 'entra', 'cognito', 'generic']);
});

it('takes ten lines, as the docs say', () => {
  const [, block = ''] = /^```ts\n([\s\S]*?)\n```$/m.exec(page) ?? [];
  expect(block.split('\n')).toHaveLength(10);
});

describe.each(FIXTURES)('the docs on $example', ({ example, iss, header, claims, lifetime, principal, idToken }) => {
  it('guard a service that takes its access tokens, and nothing else of it', async () => {
    const options = EXAMPLES.get(example) as JwksUriIssuer;
    const clock = new TestClock(Math.floor(Date.now() / 1000));
    const algorithm = options.algorithms[0] ?? '';
    const issuer = await TestIssuer.create({ issuer: iss, algorithm, clock });
    const { app, asked, call } = await guarded(options, issuer);
    try {
      const now = clock.now();
      const token = (changes: Members = {}) =>
        issuer.token({ ...NOTHING, ...claims, exp: now + lifetime, ...changes }, { alg: algorithm, ...header });

      const good = await call(await token());
      expect(good).toMatchObject({ status: 200, body: { ...principal, issuer: iss, algorithm } });
      // What is not among the claims is not made up.
      for (const name of ['clientId', 'sessionId', 'tokenId']) expect(good.body[name]).toBe(principal[name]);
      expect(new Set(asked)).toEqual(new Set([options.jwksUri]));

      expect(await call(await token(idToken))).toMatchObject({
        status: 401,
        body: { code: expect.stringMatching(/^(not_an_access_token|claim_missing)$/) as string },
      });
      const elsewhere = iss.endsWith('/') ? iss.slice(0, -1) : `${iss}/`;
      const most = options.maxLifetimeSeconds ?? PROFILES[options.profile ?? 'rfc9068'].maxLifetimeSeconds;
      const refused: [Members, string][] = [
        [{ iss: elsewhere }, 'issuer_not_trusted'],
        [
          { aud: 'another-service', ...(example === 'cognito' && { aud: undefined, client_id: 'another' }) },
          'audience_mismatch',
        ],
        [{ exp: now + most + 1 }, 'lifetime_too_long'],
        [{ iat: now - 60, exp: now - 30 }, 'token_expired'],
      ];
      for (const [changes, code] of refused) {
        expect(await call(await token(changes))).toMatchObject({ status: 401, body: { code } });
      }
      const stranger = await TestIssuer.create({ issuer: iss, algorithm, clock });
      const forged = await stranger.token({ ...NOTHING, ...claims }, { ...header, kid: issuer.key.kid });
      expect(await call(forged)).toMatchObject({ status: 401, body: { code: 'signature_invalid' } });
    } finally {
      await app.close();
    }
  });
});
