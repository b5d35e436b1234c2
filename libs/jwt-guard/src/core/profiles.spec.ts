import { TestIssuer } from '@token-relay/testing';
import { isProfileName, type ProfileName, PROFILES } from './profiles';
import { isRefusal } from './refusals';
import { TokenVerifier } from './token-verifier';

type Members = Record<string, unknown>;
interface Fixture {
  readonly profile: ProfileName;
  readonly header: Members;
  readonly claims: (now: number) => Members;
  readonly expected: Members;
  /** What the same issuer signs with the same key for other purposes, with the changes against the token above. */
  readonly others: readonly (readonly [name: string, changes: Members])[];
}

const NOTHING = { client_id: undefined, jti: undefined, scope: undefined };

/** Tokens as these issuers send them, by their documentation. */
const FIXTURES: readonly Fixture[] = [
  {
    profile: 'keycloak',
    header: { typ: 'JWT' },
    claims: (now) => ({
      ...NOTHING,
      exp: now + 300,
      iat: now,
      auth_time: now - 60,
      jti: 'onrtac:0b9a8e3c-1c7d-4c62-8d4f-2f2f0b2a1d11',
      aud: ['resource', 'account'],
      typ: 'Bearer',
      azp: 'spa',
      sid: '5f0c6f5e-9f2b-4f53-8d9b-7b3f7e4a2b10',
      acr: '1',
      'allowed-origins': ['https://spa.example'],
      realm_access: { roles: ['offline_access', 'editor'] },
      resource_access: { account: { roles: ['view-profile'] } },
      scope: 'openid profile documents:read',
      email_verified: true,
      preferred_username: 'alice',
    }),
    expected: {
      clientId: 'spa',
      scopes: ['openid', 'profile', 'documents:read'],
      roles: ['offline_access', 'editor'],
      sessionId: '5f0c6f5e-9f2b-4f53-8d9b-7b3f7e4a2b10',
      tokenId: 'onrtac:0b9a8e3c-1c7d-4c62-8d4f-2f2f0b2a1d11',
    },
    others: [
      ['an ID token', { typ: 'ID' }],
      ['a refresh token', { typ: 'Refresh' }],
      ['an offline token', { typ: 'Offline' }],
      ['a logout token', { typ: 'Logout' }],
      ['a logout token of a newer Keycloak', { typ: 'Logout+JWT' }],
      ['a token that does not say what it is', { typ: undefined }],
    ],
  },
  {
    profile: 'auth0',
    header: { typ: 'JWT' },
    claims: (now) => ({
      ...NOTHING,
      sub: 'auth0|65f0c6f5e9f2b4f538d9b7b3',
      aud: ['resource', 'https://tenant.eu.auth0.com/userinfo'],
      iat: now,
      exp: now + 86_400,
      scope: 'openid profile read:documents',
      azp: 'q1w2e3r4t5',
      permissions: ['read:documents'],
    }),
    expected: {
      clientId: 'q1w2e3r4t5',
      tokenId: undefined,
      roles: ['read:documents'],
      scopes: ['openid', 'profile', 'read:documents'],
    },
    others: [
      ['an ID token', { nonce: 'n-0S6_WzA2Mj' }],
      ['an ID token of the hybrid flow', { at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' }],
      ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
    ],
  },
  {
    profile: 'entra',
    header: { typ: 'JWT', x5t: 'abcdefghijklmnopqrstuvwxyz0' },
    claims: (now) => ({
      ...NOTHING,
      iat: now - 300,
      nbf: now - 300,
      exp: now + 5_400,
      aio: 'ATQAy/8TAAAA',
      azp: '11111111-2222-3333-4444-555555555555',
      azpacr: '1',
      name: 'Alice',
      oid: '66666666-7777-8888-9999-000000000000',
      preferred_username: 'alice@example.com',
      rh: '0.AX0A',
      roles: ['Documents.Reader'],
      scp: 'Documents.Read Documents.Write',
      tid: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      uti: 'Yx3nd_9Gv0eUAAAAAAAAAA',
      ver: '2.0',
    }),
    expected: {
      clientId: '11111111-2222-3333-4444-555555555555',
      tokenId: 'Yx3nd_9Gv0eUAAAAAAAAAA',
      scopes: ['Documents.Read', 'Documents.Write'],
      roles: ['Documents.Reader'],
    },
    others: [
      ['an ID token', { scp: undefined, roles: undefined, azp: undefined }],
      ['an ID token with a nonce', { nonce: '678910' }],
      ['an ID token of an app with roles', { scp: undefined, azp: undefined }],
      ['what has neither scp nor roles', { scp: undefined, roles: undefined }],
    ],
  },
  {
    profile: 'cognito',
    header: { typ: undefined },
    claims: (now) => ({
      ...NOTHING,
      aud: undefined,
      client_id: 'resource',
      origin_jti: 'aaaa1111-22bb-33cc-44dd-555555eeeeee',
      jti: 'ffff1111-22bb-33cc-44dd-555555eeeeee',
      event_id: '64f513be-32db-42b0-b78e-b02127b4f463',
      token_use: 'access',
      scope: 'documents/read openid',
      auth_time: now,
      iat: now,
      exp: now + 3_600,
      'cognito:groups': ['editors'],
      username: 'alice',
    }),
    expected: {
      audience: 'resource',
      clientId: 'resource',
      sessionId: 'aaaa1111-22bb-33cc-44dd-555555eeeeee',
      roles: ['editors'],
      scopes: ['documents/read', 'openid'],
    },
    others: [
      ['an ID token', { token_use: 'id', aud: 'resource' }],
      ['a token that does not say what it is for', { token_use: undefined }],
    ],
  },
  {
    profile: 'generic',
    header: { typ: undefined },
    claims: (now) => ({ ...NOTHING, iat: now, exp: now + 3_600, azp: 'spa' }),
    expected: { clientId: 'spa', tokenId: undefined, scopes: [], roles: [] },
    others: [
      ['an ID token', { nonce: 'n' }],
      ['an ID token of the hybrid flow', { c_hash: 'LDktKdoQak3Pk0cnXxCltA' }],
      ['a security event', { events: {} }],
      ["Keycloak's ID token", { typ: 'ID' }],
      ["Cognito's ID token", { token_use: 'id' }],
      ["Cognito's refresh token", { token_use: 'refresh' }],
      ['an ID token with a hash of the state', { s_hash: 'x' }],
    ],
  },
];

describe.each(FIXTURES)('the profile $profile', ({ profile, header, claims, expected, others }) => {
  let issuer: TestIssuer;
  const options = (name?: ProfileName, more: Members = {}) => ({
    issuers: [
      {
        issuer: issuer.issuer,
        audience: 'resource',
        algorithms: ['RS256'] as const,
        jwks: issuer.jwks,
        ...(name && { profile: name }),
        ...more,
      },
    ],
    now: issuer.clock.now,
  });
  const token = (changes: Members = {}) =>
    issuer.token({ ...claims(issuer.clock.now()), ...changes }, { alg: 'RS256', ...header });
  const outcome = async (verifier: TokenVerifier, text: string) => {
    try {
      return await verifier.verify(text);
    } catch (error) {
      if (isRefusal(error)) return error.code;
      throw error;
    }
  };

  beforeAll(async () => {
    issuer = await TestIssuer.create({ algorithm: 'RS256' });
  });

  it('takes its token, and finds its claims', async () => {
    expect(await outcome(TokenVerifier.create(options(profile)), await token())).toMatchObject(expected);
  });

  it('is needed: without it the token is refused, and the trace names it', async () => {
    const strict = TokenVerifier.create(options());
    expect(await outcome(strict, await token())).toEqual(expect.any(String));
    expect((await strict.explain(await token())).hints.join(' ')).toMatch(new RegExp(`profile.*${profile}`));
  });

  it.each(others)('refuses %s', async (_name, changes) => {
    const verdict = await outcome(TokenVerifier.create(options(profile)), await token(changes));
    expect(verdict).toMatch(/^(not_an_access_token|claim_missing)$/);
  });

  it('keeps every other rule: issuer, audience, times, types of claims', async () => {
    const verifier = TokenVerifier.create(options(profile));
    const now = issuer.clock.now();
    const refused: [Members, string][] = [
      [{ iss: 'https://other.test' }, 'issuer_not_trusted'],
      [{ aud: 'other' }, 'audience_mismatch'],
      [{ exp: now - 5, iat: now - 60 }, 'token_expired'],
      [{ exp: undefined }, 'claim_missing'],
      [{ iat: undefined }, 'claim_missing'],
      [{ sub: undefined }, 'claim_missing'],
      [{ sub: 7 }, 'claim_malformed'],
      [{ cnf: { jkt: 'x' } }, 'proof_required'],
      [{ exp: now + 32 * 86_400 }, 'lifetime_too_long'],
    ];
    for (const [changes, code] of refused) expect(await outcome(verifier, await token(changes))).toBe(code);
  });

  it('takes a lifetime up to its own, and beyond that one by its dangerous name only', async () => {
    const most = PROFILES[profile].maxLifetimeSeconds;
    const now = issuer.clock.now();
    const lasting = (seconds: number) => token({ iat: now, nbf: now, exp: now + seconds });
    const verifier = TokenVerifier.create(options(profile));
    expect(await outcome(verifier, await lasting(most))).toMatchObject({ expiresAt: now + most });
    expect(await outcome(verifier, await lasting(most + 1))).toBe('lifetime_too_long');
    expect(() => TokenVerifier.create(options(profile, { maxLifetimeSeconds: most + 1 }))).toThrow(TypeError);
    const dangerous = TokenVerifier.create(options(profile, { dangerouslyMaxLifetimeSeconds: most + 1 }));
    expect(await outcome(dangerous, await lasting(most + 1))).toMatchObject({ expiresAt: now + most + 1 });
    const short = TokenVerifier.create(options(profile, { maxLifetimeSeconds: 60 }));
    expect(await outcome(short, await lasting(61))).toBe('lifetime_too_long');
  });
});

describe('what is tried first', () => {
  it.each<[ProfileName, Members, Members]>([
    ['keycloak', { azp: 'a', client_id: 'b', typ: 'Bearer' }, { clientId: 'a' }],
    [
      'keycloak',
      { azp: undefined, client_id: 'b', typ: 'Bearer', session_state: 's' },
      { clientId: 'b', sessionId: 's' },
    ],
    ['entra', { azp: undefined, appid: 'a', scp: 's', uti: 'u', jti: 'j' }, { clientId: 'a', tokenId: 'u' }],
    ['entra', { azp: 'z', appid: 'a', scp: 's', jti: 'j' }, { clientId: 'z', tokenId: 'j' }],
    ['generic', { client_id: undefined, cid: 'c' }, { clientId: 'c' }],
    ['generic', { client_id: undefined, azp: 'z', cid: 'c' }, { clientId: 'z' }],
    ['generic', { scope: undefined, scp: ['a', 'b'] }, { scopes: ['a', 'b'] }],
    ['generic', { scope: undefined, scp: 'a b' }, { scopes: ['a', 'b'] }],
    ['generic', { scope: 'a', scp: ['b'] }, { scopes: ['a'] }],
    ['generic', { scope: undefined, scp: [] }, { scopes: [] }],
    ['cognito', { aud: 'resource', client_id: 'c', token_use: 'access' }, { clientId: 'c', audience: 'resource' }],
  ])('%s: of %p', async (profile, claims, expected) => {
    const issuer = await TestIssuer.create();
    const { issuer: name, audience, jwks, clock } = issuer;
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: name, audience, algorithms: ['ES256'], jwks, profile }],
      now: clock.now,
    });
    expect(await verifier.verify(await issuer.token(claims, { typ: 'application/JWT' }))).toMatchObject(expected);
  });

  it.each<[ProfileName, Members]>([
    ['generic', { scope: undefined, scp: ['a b'] }],
    ['generic', { scope: undefined, scp: ['a', 1] }],
    ['generic', { scope: undefined, scp: [['a']] }],
    ['generic', { scope: undefined, scp: { a: 1 } }],
    ['generic', { scope: ['a'] }],
    ['generic', { scope: { toString: 1, valueOf: 1 } }],
    ['entra', { scp: 7, azp: 'z' }],
  ])('%s: nothing malformed, as %p', async (profile, claims) => {
    const issuer = await TestIssuer.create();
    const { issuer: name, audience, jwks, clock } = issuer;
    const verifier = TokenVerifier.create({
      issuers: [{ issuer: name, audience, algorithms: ['ES256'], jwks, profile }],
      now: clock.now,
    });
    await expect(verifier.verify(await issuer.token(claims))).rejects.toMatchObject({ code: 'claim_malformed' });
  });

  it('has caps that are what each issuer sends by default', () => {
    const caps = Object.entries(PROFILES).map(([name, { maxLifetimeSeconds }]) => [name, maxLifetimeSeconds]);
    expect(Object.fromEntries(caps)).toEqual({
      rfc9068: 900,
      keycloak: 900,
      auth0: 86_400,
      entra: 5_700,
      cognito: 3_600,
      generic: 3_600,
    });
  });
});

it('has a fixture for every profile but the default', () => {
  const names = FIXTURES.map(({ profile }) => profile);
  expect([...names, 'rfc9068'].sort()).toEqual(Object.keys(PROFILES).sort());
  expect(isProfileName('toString')).toBe(false);
});
