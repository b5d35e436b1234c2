import { type Principal } from '@token-relay/jwt-guard';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StoreUnavailable } from '@token-relay/service-kit';
import { Revocations } from '../src/revocation/revocations';
import { type Grant, TokenIssuer } from '../src/tokens/token-issuer';
import { AuthApp, ISSUER, USERS } from './auth-app';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type';
const TXN_TOKEN = `${TYPE}:txn_token`;
/** As is the audience of operators' tokens, and a client: so that nothing but its type keeps one from being taken. */
const TRUST_DOMAIN = 'auth';

const SCOPES = ['documents:read', 'trade', 'keys:read', 'revocations:write'];
const CLIENTS = {
  gateway: { audiences: { resource: ['documents:read'] }, transactions: { scopes: SCOPES } },
  resource: { audiences: { audit: ['documents:read'] }, transactions: { scopes: ['documents:read'] } },
  [TRUST_DOMAIN]: { audiences: { audit: ['documents:read'] }, transactions: { scopes: ['documents:read'] } },
  audit: { audiences: { resource: ['documents:read'], [TRUST_DOMAIN]: ['documents:read'] } },
};
type ClientId = keyof typeof CLIENTS;

describe('transaction tokens (draft-ietf-oauth-transaction-tokens)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'transactions-'));
  const secrets = Object.fromEntries(Object.keys(CLIENTS).map((id) => [id, randomBytes(32).toString('base64url')]));
  let auth: AuthApp;

  beforeAll(async () => {
    const clients = Object.entries(CLIENTS).map(([id, policy]) => ({
      id,
      secrets: [
        `sha256:${createHash('sha256')
          .update(secrets[id] ?? '')
          .digest('base64url')}`,
      ],
      ...policy,
    }));
    writeFileSync(join(folder, 'clients.json'), JSON.stringify({ clients }));
    auth = await AuthApp.start({ SINGLE_AUTH: '1', CLIENTS_FILE: join(folder, 'clients.json'), TRUST_DOMAIN });
  });
  afterAll(async () => {
    await auth.stop();
    rmSync(folder, { recursive: true });
  });

  const userToken = async (more: Partial<Grant> = {}) => {
    const session = { id: randomUUID(), epoch: Number.MAX_SAFE_INTEGER, authTime: Math.floor(Date.now() / 1000) };
    const grant = { subject: USERS.alice, audience: 'gateway', clientId: 'gateway', scopes: SCOPES, session };
    return (await auth.app.get(TokenIssuer).issue({ ...grant, ...more })).token.access_token;
  };
  const basic = (client: ClientId) => ({
    authorization: `Basic ${Buffer.from(`${client}:${secrets[client]}`).toString('base64')}`,
  });
  const send = (client: ClientId, path: string, parameters: Record<string, string>) =>
    auth.post(path, new URLSearchParams(parameters), basic(client));
  const mint = (token: string, more: Record<string, string> = {}, client: ClientId = 'gateway') =>
    send(client, '/oauth/token', {
      grant_type: EXCHANGE,
      requested_token_type: TXN_TOKEN,
      subject_token: token,
      subject_token_type: `${TYPE}:access_token`,
      audience: TRUST_DOMAIN,
      scope: 'documents:read',
      ...more,
    });
  const minted = async (token: string, more: Record<string, string> = {}, client?: ClientId) => {
    const { status, body } = await mint(token, more, client);
    expect({ status, error: body.error_description }).toEqual({ status: 200, error: undefined });
    return body.access_token as string;
  };
  const refusal = async (more: Record<string, string>, token?: string, client?: ClientId) => {
    const { status, body } = await mint(token ?? (await userToken()), more, client);
    return `${status} ${body.error as string}: ${body.error_description as string}`;
  };

  it('are given as the draft has it: not as a bearer token, and without a refresh token', async () => {
    const answer = await mint(await userToken());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/);
    expect(answer.body).toEqual({
      access_token: expect.any(String) as string,
      issued_token_type: TXN_TOKEN,
      token_type: 'N_A',
      expires_in: 60,
      scope: 'documents:read',
    });
  });

  it('say what is theirs, and nothing of an access token', async () => {
    const subject = await userToken();
    const details = { action: 'BUY', ticker: 'MSFT', quantity: '100', customer: { geo: 'US', n: [1, null, true] } };
    const context = { req_ip: '69.151.72.123', authn: 'face' };
    const token = await minted(subject, {
      scope: 'trade documents:read',
      request_details: JSON.stringify(details, null, 2),
      request_context: JSON.stringify(context),
    });
    const { kid, algorithm } = auth.state.keys.signer;
    expect(decodeProtectedHeader(token)).toEqual({ typ: 'txntoken+jwt', alg: algorithm, kid });
    const { keys } = (await (await fetch(`${auth.url}/.well-known/jwks.json`)).json()) as { keys: [] };
    const options = { issuer: ISSUER, audience: TRUST_DOMAIN, typ: 'txntoken+jwt' };
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }), options);
    const from = decodeJwt(subject);
    expect(payload).toEqual({
      iss: ISSUER,
      aud: TRUST_DOMAIN,
      iat: expect.any(Number) as number,
      exp: (payload.iat ?? 0) + 60,
      txn: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
      sub: USERS.alice,
      scope: 'documents:read trade',
      req_wl: 'gateway',
      tctx: details,
      rctx: context,
      sid: from.sid,
      sub_epoch: from.sub_epoch,
      auth_time: from.auth_time,
      origin_jti: from.jti,
      origin_kid: kid,
      origin_iat: from.iat,
    });
  });

  it('hold no context that nobody has given', async () => {
    const claims = decodeJwt(await minted(await userToken()));
    expect(claims).not.toHaveProperty('tctx');
    expect(claims).not.toHaveProperty('rctx');
  });

  it('are each of another transaction', async () => {
    const subject = await userToken();
    const tokens = await Promise.all(Array.from({ length: 30 }, () => minted(subject)));
    expect(new Set(tokens.map((token) => decodeJwt(token).txn)).size).toBe(30);
  });

  it('live for 60 s, and not longer than the subject token', async () => {
    const lifetime = async (seconds: number) => {
      const notAfter = Math.floor(Date.now() / 1000) + seconds;
      const { body } = await mint(await userToken({ notAfter }));
      const { iat = 0, exp = 0 } = decodeJwt(body.access_token as string);
      expect(body.expires_in).toBe(exp - iat);
      expect(exp).toBeLessThanOrEqual(notAfter);
      return exp - iat;
    };
    expect(await lifetime(300)).toBe(60);
    expect(await lifetime(20)).toBeGreaterThan(15);
    expect(await lifetime(20)).toBeLessThanOrEqual(20);
  });

  it("come from a service's token as from a user's, with all tokens that were before it", async () => {
    const user = await userToken();
    const exchanged = (
      await send('gateway', '/oauth/token', {
        grant_type: EXCHANGE,
        subject_token: user,
        subject_token_type: `${TYPE}:access_token`,
        audience: 'resource',
      })
    ).body.access_token as string;
    const claims = decodeJwt(await minted(exchanged, {}, 'resource'));
    expect(claims).toMatchObject({
      sub: USERS.alice,
      req_wl: 'resource',
      origin_jti: decodeJwt(user).jti,
      via_jti: [decodeJwt(exchanged).jti],
    });
    for (const name of ['act', 'jti', 'client_id']) expect(claims).not.toHaveProperty(name);
    const own = await send('audit', '/oauth/token', { grant_type: 'client_credentials', audience: 'resource' });
    // It has no scope of its own: of a subject whose scope isn't known nobody knows what it may begin.
    expect(await refusal({}, own.body.access_token as string, 'resource')).toMatch('400 invalid_scope');
  });

  it.each([
    ['documents:read', 'documents:read'],
    ['trade documents:read', 'documents:read trade'],
    ['documents:read other', 'documents:read'],
  ])('asked for %s are for %s', async (scope, granted) => {
    const { body } = await mint(await userToken(), { scope });
    expect(body.scope).toBe(granted);
    expect(decodeJwt(body.access_token as string).scope).toBe(granted);
  });

  it.each<[string, Record<string, string>, Partial<Grant>, string]>([
    ['no scope', { scope: '' }, {}, 'invalid_request: The parameter scope is missing.'],
    [
      'a scope that the client may not begin transactions with',
      { scope: 'other' },
      { scopes: ['other'] },
      'invalid_scope: The subject token has none of these scopes.',
    ],
    [
      'a scope that the subject has not',
      { scope: 'trade' },
      { scopes: ['documents:read'] },
      'invalid_scope: The subject token has none of these scopes.',
    ],
    ['a subject without scope', {}, { scopes: [] }, 'invalid_scope: The subject token has none of these scopes.'],
    [
      'a scope that is none',
      { scope: 'trade  trade' },
      {},
      'invalid_scope: The parameter scope must be words with one space between each two.',
    ],
    [
      'another trust domain',
      { audience: 'other' },
      {},
      'invalid_target: The client may not ask for transaction tokens for this trust domain.',
    ],
    [
      'an audience of access tokens',
      { audience: 'resource' },
      {},
      'invalid_target: The client may not ask for transaction tokens for this trust domain.',
    ],
    [
      'no trust domain',
      { audience: '' },
      {},
      'invalid_target: The client may not ask for transaction tokens for this trust domain.',
    ],
    [
      'a resource',
      { resource: 'https://a.test' },
      {},
      'invalid_target: The target is named by audience, not by resource.',
    ],
    [
      'an actor token',
      { actor_token: 'a.b.c' },
      {},
      'invalid_request: The actor is the client itself: an actor_token is not taken.',
    ],
    [
      'a subject for another client',
      {},
      { audience: 'resource' },
      'invalid_request: The subject token is refused: audience_mismatch.',
    ],
    [
      'a subject that the client signs itself',
      { subject_token_type: `${TYPE}:self_signed` },
      {},
      'invalid_request: Who the subject is is taken from an access token, and not from what the client signs itself.',
    ],
    [
      'a subject that the client says',
      { subject_token_type: `${TYPE}:unsigned_json`, subject_token: '{"sub":"x"}' },
      {},
      'invalid_request: Who the subject is is taken from an access token, and not from what the client says.',
    ],
    [
      'a refresh token',
      { subject_token_type: `${TYPE}:refresh_token` },
      {},
      `invalid_request: The subject_token_type must be ${TYPE}:access_token.`,
    ],
  ])('are refused with %s', async (_what, more, grant, answer) => {
    expect(await refusal(more, await userToken(grant))).toBe(`400 ${answer}`);
  });

  it('are for clients that may begin transactions, and for nobody else', async () => {
    expect(await refusal({}, await userToken({ audience: 'audit' }), 'audit')).toMatch('400 invalid_target');
  });

  it.each(['request_details', 'request_context'])(
    'are refused with a %s that is no JSON object, or too large',
    async (name) => {
      const problem = `400 invalid_request: The parameter ${name}`;
      for (const value of ['{', '[]', '"a"', '{"a":1,"a":2}', 'eyJhIjoxfQ', `{"a":"${'x'.repeat(4_089)}"}`]) {
        expect(await refusal({ [name]: value })).toMatch(problem);
      }
      await minted(await userToken(), { [name]: `{"a":"${'x'.repeat(4_088)}"}` });
    },
  );

  it('are refused where they would be larger than verifiers take', async () => {
    const half = `{"a":"${'x'.repeat(4_080)}"}`;
    const token = await userToken();
    expect(await refusal({ request_details: half, request_context: half }, token)).toBe(
      '400 invalid_request: With request_details and request_context the token is too large.',
    );
    const less = `{"a":"${'x'.repeat(1_300)}"}`;
    expect((await minted(token, { request_details: half, request_context: less })).length).toBeLessThanOrEqual(8_192);
  });

  it.each(['request_details', 'request_context'])('do not hold the subject token in %s', async (name) => {
    const user = await userToken();
    const escaped = [...user].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    const problem = '400 invalid_request: The subject token must not be in request_details or request_context.';
    for (const value of [
      JSON.stringify({ token: user }),
      JSON.stringify({ headers: [{ authorization: `Bearer ${user}` }] }),
      JSON.stringify({ [user]: 1 }),
      `{"a":"${escaped.slice(0, 6 * 200)}${user.slice(200)}"}`,
    ]) {
      expect(await refusal({ [name]: value }, user)).toBe(problem);
    }
    await minted(user, { [name]: JSON.stringify({ token: user.slice(0, user.lastIndexOf('.')) }) });
  });

  it('hold what was given exactly, or are refused', async () => {
    const form = new URLSearchParams({
      grant_type: EXCHANGE,
      requested_token_type: TXN_TOKEN,
      subject_token: await userToken(),
      subject_token_type: `${TYPE}:access_token`,
      audience: TRUST_DOMAIN,
      scope: 'documents:read',
    }).toString();
    const headers = { ...basic('gateway'), 'content-type': 'application/x-www-form-urlencoded' };
    const outcome = async (encoded: string) =>
      (await auth.post('/oauth/token', `${form}&request_details=${encoded}`, headers)).status;
    expect(await outcome('{"a":"%C3%A9","b":"%5Cufffd"}')).toBe(200);
    for (const wrong of ['%FF', '%ED%A0%80', '%5Cud800', '%EF%BF%BD']) {
      expect(await outcome(`{"a":"${wrong}"}`)).toBe(400);
    }
    for (const wrong of ['-0', '1e-400', '9007199254740993', '-9007199254740993', '0.1234567890123456789']) {
      expect(await outcome(`{"a":${wrong}}`)).toBe(400);
    }
  });

  it('are never replaced, by whatever name they are brought', async () => {
    const user = await userToken();
    const token = await minted(user, {}, 'gateway');
    expect(await refusal({ subject_token_type: TXN_TOKEN }, token)).toBe(
      '400 invalid_request: A transaction token is never replaced: it is passed on as it is.',
    );
    const asAccessToken = '400 invalid_request: The subject token is refused: typ_not_allowed.';
    expect(await refusal({}, token, TRUST_DOMAIN)).toBe(asAccessToken);
  });

  it('are taken nowhere in the place of an access token', async () => {
    const user = await userToken({ scopes: ['documents:read', 'keys:read', 'revocations:write'] });
    const token = await minted(user, { scope: 'documents:read keys:read revocations:write' });
    const bearer = await auth.admin('GET', 'keys', undefined, token);
    expect(bearer).toMatchObject({ status: 401, body: { code: 'typ_not_allowed' } });
    expect(await auth.asAdmin({ all: true, reason: 'a test' }, token)).toMatchObject({ status: 401 });
    const introspected = await send(TRUST_DOMAIN, '/oauth/introspect', { token });
    expect(introspected.body).toEqual({ active: false });
    const exchanged = await send(TRUST_DOMAIN, '/oauth/token', {
      grant_type: EXCHANGE,
      subject_token: token,
      subject_token_type: `${TYPE}:access_token`,
      audience: 'audit',
    });
    expect(exchanged).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const { last } = auth.state.log.events;
    expect((await send('gateway', '/oauth/revoke', { token })).status).toBe(200);
    expect(auth.state.log.events.last).toBe(last);
    await minted(user);
  });

  it('are no assertion of a client', async () => {
    const token = await minted(await userToken());
    const answer = await auth.post(
      '/oauth/introspect',
      new URLSearchParams({
        token: 'a.b.c',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: token,
      }),
      {},
    );
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  it.each<[string, (subject: Record<string, unknown>) => Promise<unknown>]>([
    ['the subject token', ({ jti }) => auth.app.get(Revocations).revokeToken(jti as string)],
    ['the session', ({ sid }) => auth.app.get(Revocations).revokeSession(sid as string)],
    ['the user', ({ sub }) => auth.app.get(Revocations).revokeSubject(sub as string)],
    ['everything', () => auth.app.get(Revocations).revokeAll()],
    ['the key', () => auth.state.keys.compromise(auth.state.keys.signer.kid, 'a test')],
  ])('are revoked with %s', async (_what, revoke) => {
    const subject = randomUUID();
    const { sub_epoch: epoch } = decodeJwt(await userToken({ subject, session: undefined as never }));
    const session = { id: randomUUID(), epoch: epoch as number, authTime: 1 };
    const user = await userToken({ subject, session });
    const token = await minted(user);
    // As a verifier knows it.
    const claims = decodeJwt(token);
    const principal = {
      issuer: ISSUER,
      subject,
      sessionId: claims.sid,
      keyId: decodeProtectedHeader(token).kid,
      claims,
    } as unknown as Principal;
    expect(auth.state.log.isRevoked(principal)).toBe(false);
    await revoke(decodeJwt(user));
    expect(auth.state.log.isRevoked(principal)).toBe(true);
    expect(await refusal({}, user)).toMatch('The subject token is refused');
  });

  it('are not signed while nobody can say with what', async () => {
    const user = await userToken();
    const signing = jest.spyOn(auth.state.keys, 'signingKey').mockRejectedValue(new StoreUnavailable());
    expect(await mint(user)).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
    signing.mockRestore();
    expect(auth.logged('token_exchange_undecided')).toMatchObject([
      { clientId: 'gateway', subject: USERS.alice, audience: TRUST_DOMAIN, code: 'store_unavailable' },
    ]);
  });

  it('are told of in the log, by their transaction, without what they are about', async () => {
    const user = await userToken();
    const token = await minted(user, { request_details: '{"secret":"hunter2"}' });
    expect(auth.logged('token_exchanged').at(-1)).toMatchObject({
      clientId: 'gateway',
      subject: USERS.alice,
      subjectJti: decodeJwt(user).jti,
      audience: TRUST_DOMAIN,
      scope: 'documents:read',
      issuedTokenType: TXN_TOKEN,
      actor: [],
      txn: decodeJwt(token).txn,
    });
    await refusal({ audience: 'other', request_details: '{"hunter2":' });
    expect(auth.logged('token_exchange_refused').at(-1)).toMatchObject({ clientId: 'gateway', code: 'invalid_target' });
    expect(auth.lines.join()).not.toContain('hunter2');
    expect(auth.lines.join()).not.toContain(token);
  });
});

it('the trust domain is the host of the issuer unless it has a name', async () => {
  const auth = await AuthApp.start();
  try {
    const form = {
      grant_type: EXCHANGE,
      requested_token_type: TXN_TOKEN,
      subject_token: await auth.login('alice'),
      subject_token_type: `${TYPE}:access_token`,
      audience: 'issuer.test',
      scope: 'documents:read documents:write',
    };
    const { body } = await auth.asClient('gateway', '/oauth/token', form);
    expect(body).toMatchObject({ token_type: 'N_A', scope: 'documents:read' });
    expect(decodeJwt(body.access_token as string)).toMatchObject({ aud: 'issuer.test', req_wl: 'gateway' });
    expect((await auth.asClient('resource', '/oauth/token', form)).body).toMatchObject({ error: 'invalid_target' });
  } finally {
    await auth.stop();
  }
});
