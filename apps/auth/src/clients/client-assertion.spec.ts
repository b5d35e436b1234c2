import { generateTestKey, TestIssuer, type TestKey } from '@token-relay/testing';
import { SignJWT } from 'jose';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreUnavailable } from '@token-relay/service-kit';
import { EmbeddedStore } from '../store/embedded-store';
import { ClientAssertions, JWT_BEARER } from './client-assertion';
import { CLIENT_ALGORITHMS } from './client-keys';
import { ClientRegistry } from './client-registry';

const ISSUER = 'https://issuer.test';
const NOW = 1_764_100_000;

describe('a client that authenticates by what it signs (RFC 7523, section 3)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assertions-'));
  const lines: string[] = [];
  let key: TestKey;
  let next: TestKey;
  let stranger: TestKey;
  let registry: ClientRegistry;
  let assertions: ClientAssertions;
  let jtis = 0;
  let now = NOW;
  const log = { warn: (details: object, message: string) => void lines.push(JSON.stringify({ ...details, message })) };
  const memory = { firstEpoch: (NOW - 3_600) * 1_000 };

  beforeAll(async () => {
    [key, next, stranger] = await Promise.all([generateTestKey(), generateTestKey(), generateTestKey()]);
    const path = join(folder, 'clients.json');
    const rsa = await generateTestKey('PS256');
    const clients = [
      { id: 'reports', jwks: { keys: [key.publicJwk, next.publicJwk] } },
      { id: 'billing', jwks: { keys: [rsa.publicJwk] } },
      { id: 'gateway', secrets: [`sha256:${'A'.repeat(43)}`] },
      { type: 'native', id: 'phone', scopes: ['a'] },
    ];
    writeFileSync(path, JSON.stringify({ clients }));
    registry = new ClientRegistry({ CLIENTS_FILE: path, NODE_ENV: 'test' });
    assertions = new ClientAssertions(registry, { ISSUER }, new EmbeddedStore(() => now), memory, log);
  });
  beforeEach(() => {
    lines.length = 0;
    now = NOW;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const claims = (more: object = {}) => ({
    iss: 'reports',
    sub: 'reports',
    aud: ISSUER,
    iat: NOW,
    exp: NOW + 60,
    jti: `jti-${jtis++}`,
    ...more,
  });
  const signed = async (more: object = {}, header: object = {}, by = key) => {
    const issuer = await TestIssuer.create({ keys: [by] });
    return issuer.sign(JSON.stringify(claims(more)), { typ: 'client-authentication+jwt', ...header }, by);
  };
  const authenticated = async (assertion: string | Promise<string>, type: string | undefined = JWT_BEARER) =>
    (await assertions.authenticate(await assertion, type, now))?.id;
  /** What the log says of one that is refused. */
  const refusal = async (assertion: string | Promise<string>, type?: string) => {
    expect(await authenticated(assertion, type)).toBeUndefined();
    expect(lines).toHaveLength(1);
    const { message, ...details } = JSON.parse(lines[0] ?? '') as { message: string };
    expect(message).toBe('client_assertion_refused');
    return details;
  };

  it('is known by either of its keys, whether the header names it or not', async () => {
    for (const by of [key, next]) {
      expect(await authenticated(signed({}, {}, by))).toBe('reports');
      expect(await authenticated(signed({}, { kid: undefined }, by))).toBe('reports');
    }
    expect(lines).toEqual([]);
  });

  it.each(['client-authentication+jwt', 'application/client-authentication+JWT', 'JWT', 'jwt', undefined])(
    'may call it %s (RFC 7523bis, section 5)',
    async (typ) => {
      expect(await authenticated(signed({}, { typ }))).toBe('reports');
    },
  );

  it.each(CLIENT_ALGORITHMS)('may sign with %s, with a library of another make', async (algorithm) => {
    const signer = await generateTestKey(algorithm);
    const path = join(folder, `${algorithm}.json`);
    writeFileSync(path, JSON.stringify({ clients: [{ id: 'signer', jwks: { keys: [signer.publicJwk] } }] }));
    const others = new ClientAssertions(
      new ClientRegistry({ CLIENTS_FILE: path, NODE_ENV: 'test' }),
      { ISSUER },
      new EmbeddedStore(() => NOW),
      memory,
      log,
    );
    const assertion = await new SignJWT(claims({ iss: 'signer', sub: 'signer' }))
      .setProtectedHeader({ alg: algorithm, kid: signer.kid })
      .sign(signer.privateKey);
    expect((await others.authenticate(assertion, JWT_BEARER, NOW))?.id).toBe('signer');
  });

  it('is known by each assertion once, and each client by its own', async () => {
    const assertion = await signed({ jti: 'the-same' });
    expect(await authenticated(assertion)).toBe('reports');
    expect(await refusal(assertion)).toEqual({ clientId: 'reports', code: 'jti_used' });
    lines.length = 0;
    expect(await refusal(signed({ jti: 'the-same', iat: NOW + 1 }))).toEqual({ clientId: 'reports', code: 'jti_used' });
  });

  it('is not known again while its clock may be behind: until the last moment that it counts', async () => {
    const assertion = await signed();
    expect(await authenticated(assertion)).toBe('reports');
    now = NOW + 64;
    expect(await refusal(assertion)).toEqual({ clientId: 'reports', code: 'jti_used' });
    lines.length = 0;
    now = NOW + 65;
    expect(await refusal(assertion)).toEqual({ clientId: 'reports', code: 'assertion_expired' });
  });

  it('uses up the names of no other client', async () => {
    const path = join(folder, 'two.json');
    const twin = await generateTestKey();
    const clients = [
      { id: 'reports', jwks: { keys: [key.publicJwk] } },
      { id: 'twin', jwks: { keys: [twin.publicJwk] } },
    ];
    writeFileSync(path, JSON.stringify({ clients }));
    const two = new ClientAssertions(
      new ClientRegistry({ CLIENTS_FILE: path, NODE_ENV: 'test' }),
      { ISSUER },
      new EmbeddedStore(() => NOW),
      memory,
      log,
    );
    const jti = 'of-both';
    for (const [id, by] of [
      ['reports', key],
      ['twin', twin],
    ] as const) {
      const assertion = await signed({ jti, iss: id, sub: id }, {}, by);
      expect((await two.authenticate(assertion, JWT_BEARER, NOW))?.id).toBe(id);
    }
  });

  it.each<[string, object, number, string | undefined]>([
    ['made in the second in which the memory of used ones began', {}, 0, undefined],
    ['made in the second before', {}, 1, 'memory_lost'],
    ['that could have been made then', { iat: undefined, exp: NOW + 30 }, -30, undefined],
    ['that could have been made before', { iat: undefined, exp: NOW + 30 }, -29, 'memory_lost'],
  ])('%s may have been used before that was forgotten, or not', async (_what, more, began, code) => {
    const store = new EmbeddedStore(() => NOW);
    const younger = new ClientAssertions(registry, { ISSUER }, store, { firstEpoch: (NOW + began) * 1_000 + 999 }, log);
    const client = await younger.authenticate(await signed(more), JWT_BEARER, NOW);
    expect(client?.id).toBe(code === undefined ? 'reports' : undefined);
    expect(lines.join()).toMatch(code ?? /^$/);
  });

  it('is known once of many at once', async () => {
    const assertion = await signed();
    const answers = await Promise.all(Array.from({ length: 10 }, () => authenticated(assertion)));
    expect(answers.filter((id) => id === 'reports')).toHaveLength(1);
  });

  it('uses up no assertion that is refused', async () => {
    const jti = 'kept';
    for (const wrong of [signed({ jti }, {}, stranger), signed({ jti, aud: 'https://other.test' })]) {
      expect(await authenticated(wrong)).toBeUndefined();
    }
    expect(await authenticated(signed({ jti }))).toBe('reports');
  });

  it.each<[string, object, object]>([
    ['that ends in 60 s', { exp: NOW + 60 }, {}],
    ['that does not say when it was made', { iat: undefined }, {}],
    ['by a clock that is 5 s ahead', { iat: NOW + 5, exp: NOW + 65 }, {}],
    ['by a clock that is 5 s ahead, without iat', { iat: undefined, exp: NOW + 65 - 5 }, {}],
    ['that has ended 4 s ago', { iat: NOW - 64, exp: NOW - 4 }, {}],
    ['with members of its own', { purpose: 'x' }, { other: 1 }],
  ])('is known by one %s', async (_what, more, header) => {
    expect(await authenticated(signed(more, header))).toBe('reports');
  });

  it.each<[string, object, object, string]>([
    ['ends in 61 s', { exp: NOW + 61 }, {}, 'lifetime_too_long'],
    ['ends in 61 s, and does not say when it was made', { iat: undefined, exp: NOW + 61 }, {}, 'lifetime_too_long'],
    ['was made in 6 s', { iat: NOW + 6, exp: NOW + 60 }, {}, 'not_yet_valid'],
    ['counts in 6 s', { nbf: NOW + 6 }, {}, 'not_yet_valid'],
    ['has ended 5 s ago', { iat: NOW - 65, exp: NOW - 5 }, {}, 'assertion_expired'],
    ['never ends', { exp: undefined }, {}, 'claim_missing'],
    ['ends at a text', { exp: '9' }, {}, 'claim_malformed'],
    ['is for another server', { aud: 'https://other.test' }, {}, 'audience_mismatch'],
    ['is for the token endpoint', { aud: `${ISSUER}/oauth/token` }, {}, 'audience_mismatch'],
    ['is for the issuer, in a list', { aud: [ISSUER] }, {}, 'audience_mismatch'],
    ['is for the issuer and another', { aud: [ISSUER, 'https://other.test'] }, {}, 'audience_mismatch'],
    ['is for nobody', { aud: undefined }, {}, 'claim_missing'],
    ['is issued by another', { iss: 'billing' }, {}, 'claim_malformed'],
    ['is issued by nobody', { iss: undefined }, {}, 'claim_missing'],
    ['has no name', { jti: undefined }, {}, 'claim_missing'],
    ['has an empty name', { jti: '' }, {}, 'claim_malformed'],
    ['has a number for a name', { jti: 7 }, {}, 'claim_malformed'],
    ['has a name that is too long', { jti: 'x'.repeat(257) }, {}, 'claim_malformed'],
    ['is typed as an access token', {}, { typ: 'at+jwt' }, 'typ_not_allowed'],
    ['is typed as a transaction token', {}, { typ: 'txntoken+jwt' }, 'typ_not_allowed'],
    ['is typed as a logout token', {}, { typ: 'logout+jwt' }, 'typ_not_allowed'],
    ['names a key that it has not', {}, { kid: 'other' }, 'key_unknown'],
    ['has a header that must be understood', {}, { crit: ['x'], x: 1 }, 'assertion_malformed'],
  ])('is not known by one that %s', async (_what, more, header, code) => {
    expect(await refusal(signed(more, header))).toEqual({ clientId: 'reports', code });
  });

  it.each<[string, () => Promise<string>, object]>([
    [
      'a key that is not its own',
      () => signed({}, { kid: undefined }, stranger),
      { clientId: 'reports', code: 'signature_invalid' },
    ],
    [
      'a key that is called like its own',
      () => signed({}, { kid: key.kid }, stranger),
      { clientId: 'reports', code: 'signature_invalid' },
    ],
    [
      "another client's name",
      () => signed({ iss: 'billing', sub: 'billing' }),
      { clientId: 'billing', code: 'key_unknown' },
    ],
    ['another algorithm', () => signed({}, { alg: 'ES384' }), { clientId: 'reports', code: 'alg_not_allowed' }],
    ['no algorithm', () => signed({}, { alg: 'none' }), { clientId: 'reports', code: 'alg_not_allowed' }],
    ['the algorithm of a secret', () => signed({}, { alg: 'HS256' }), { clientId: 'reports', code: 'alg_not_allowed' }],
    [
      'the name of a client with a secret',
      () => signed({ iss: 'gateway', sub: 'gateway' }),
      { code: 'client_unknown' },
    ],
    ['the name of a native client', () => signed({ iss: 'phone', sub: 'phone' }), { code: 'client_unknown' }],
    ['the name of nobody', () => signed({ iss: 'nobody', sub: 'nobody' }), { code: 'client_unknown' }],
    [
      'the name of what objects have',
      () => signed({ iss: 'constructor', sub: 'constructor' }),
      { code: 'client_unknown' },
    ],
    ['no name', () => signed({ sub: undefined }), { code: 'assertion_malformed' }],
    ['too much', () => signed({ more: 'x'.repeat(4_096) }), { code: 'assertion_too_large' }],
    ['what is no JWT', () => Promise.resolve('hunter2'), { code: 'assertion_malformed' }],
    ['nothing', () => Promise.resolve(''), { code: 'assertion_malformed' }],
  ])('is not known by %s, and the log holds nothing of it', async (_what, assertion, expected) => {
    expect(await refusal(assertion())).toEqual(expected);
    expect(lines.join()).not.toMatch(/hunter2|nobody|phone/);
  });

  it('is not known by an assertion of another type', async () => {
    for (const type of ['urn:ietf:params:oauth:client-assertion-type:saml2-bearer', '']) {
      lines.length = 0;
      expect(await refusal(signed(), type)).toEqual({ code: 'assertion_type_unknown' });
    }
  });

  it('can not be told while the store does not say whether the assertion was used', async () => {
    const away = { useOnce: () => Promise.reject(new StoreUnavailable()) };
    const others = new ClientAssertions(registry, { ISSUER }, away, memory, log);
    await expect(others.authenticate(await signed(), JWT_BEARER, NOW)).rejects.toBeInstanceOf(StoreUnavailable);
  });
});
