import { TestIssuer } from '@token-relay/testing';
import { decodeJwt, type JWTPayload } from 'jose';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailable } from '@token-relay/service-kit';
import { Revocations } from '../src/revocation/revocations';
import { type Grant, TokenIssuer } from '../src/tokens/token-issuer';
import { AuthApp, ISSUER, USERS } from './auth-app';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type';
const ACCESS_TOKEN = `${TYPE}:access_token`;

/** Those of the RFC's examples, and one that may ask for nothing but its own destination. */
const CLIENTS = {
  'service77.example.com': { audiences: { 'service16.example.com': ['read', 'write'] } },
  'service16.example.com': { audiences: { 'https://service26.example.com': ['read', 'write'] } },
  'frontend.example.com': { audiences: { 'https://backend.example.com': ['api'] } },
};
type ClientId = keyof typeof CLIENTS;
const [SERVICE77, SERVICE16] = ['service77.example.com', 'service16.example.com'] as const;

describe('token exchange (RFC 8693)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'exchange-'));
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
    const CLIENTS_FILE = join(folder, 'clients.json');
    auth = await AuthApp.start({ SINGLE_AUTH: '1', CLIENTS_FILE, ACCESS_TOKEN_SECONDS: '900' });
  });
  afterAll(async () => {
    await auth.stop();
    rmSync(folder, { recursive: true });
  });

  /** A user's token for a client. */
  const userToken = async (audience: ClientId, more: Partial<Grant> = {}) => {
    const grant = { subject: USERS.alice, audience, clientId: 'app', scopes: ['read', 'write', 'api'], ...more };
    return (await auth.app.get(TokenIssuer).issue(grant)).token.access_token;
  };
  /** A token that auth has signed, good but for what is said. */
  const signed = (claims: JWTPayload, header: { typ?: string } = { typ: 'at+jwt' }, minted = true) =>
    auth.signed({ aud: SERVICE77, client_id: 'app', scope: 'read write', sub_epoch: 1, ...claims }, header, minted);
  const send = (client: ClientId, parameters: Record<string, string> | URLSearchParams) =>
    auth.post('/oauth/token', new URLSearchParams(parameters), {
      authorization: `Basic ${Buffer.from(`${client}:${secrets[client]}`).toString('base64')}`,
    });
  const form = (token: string, audience: string, more: Record<string, string> = {}) => ({
    grant_type: EXCHANGE,
    subject_token: token,
    subject_token_type: ACCESS_TOKEN,
    audience,
    ...more,
  });
  const exchange = (token: string, more: Record<string, string> = {}) => send(SERVICE77, form(token, SERVICE16, more));
  const claimsOf = ({ body }: { body: Record<string, unknown> }) => decodeJwt(body.access_token as string);
  /** Why service77 can't exchange it; `exchanged` if it can. */
  const outcome = async (token: string, more: Record<string, string> = {}) => {
    const { status, body } = await exchange(token, more);
    return status === 200 ? 'exchanged' : `${status} ${body.error as string}: ${body.error_description as string}`;
  };
  const refusedFor = (reason: string) => `400 invalid_request: The subject token is refused: ${reason}.`;

  describe('section 2.1, the request', () => {
    it('says what is wanted, or leaves it out', async () => {
      const token = await userToken(SERVICE77);
      expect(await outcome(token)).toBe('exchanged');
      expect(await outcome(token, { requested_token_type: ACCESS_TOKEN })).toBe('exchanged');
      expect(await outcome(token, { requested_token_type: '' })).toBe('exchanged');
    });

    it.each<[string, Record<string, string>, string]>([
      ['no subject token', { subject_token: '' }, 'invalid_request: The parameter subject_token is missing.'],
      ['no type of it', { subject_token_type: '' }, `invalid_request: The subject_token_type must be ${ACCESS_TOKEN}.`],
      ...['jwt', 'id_token', 'refresh_token', 'saml1', 'saml2'].map(
        (name): [string, Record<string, string>, string] => [
          `a subject token of the type ${name}`,
          { subject_token_type: `${TYPE}:${name}` },
          `invalid_request: The subject_token_type must be ${ACCESS_TOKEN}.`,
        ],
      ),
      [
        'a type that objects have',
        { subject_token_type: 'constructor' },
        `invalid_request: The subject_token_type must be ${ACCESS_TOKEN}.`,
      ],
      ...['jwt', 'id_token', 'refresh_token', 'saml2'].map((name): [string, Record<string, string>, string] => [
        `a wish for the type ${name}`,
        { requested_token_type: `${TYPE}:${name}` },
        'invalid_request: Only access tokens and transaction tokens are issued.',
      ]),
      [
        'an actor token',
        { actor_token: 'a.b.c', actor_token_type: ACCESS_TOKEN },
        'invalid_request: The actor is the client itself: an actor_token is not taken.',
      ],
      [
        'the type of an actor token alone',
        { actor_token_type: ACCESS_TOKEN },
        'invalid_request: The actor is the client itself: an actor_token is not taken.',
      ],
      [
        'a resource',
        { resource: 'https://service16.example.com/' },
        'invalid_target: The target is named by audience, not by resource.',
      ],
      ['no audience', { audience: '' }, 'invalid_target: The client may not exchange tokens for this audience.'],
      [
        'an audience that every object has',
        { audience: 'constructor' },
        'invalid_target: The client may not exchange tokens for this audience.',
      ],
      [
        'the prototype of an object',
        { audience: '__proto__' },
        'invalid_target: The client may not exchange tokens for this audience.',
      ],
      [
        "another client's audience",
        { audience: 'https://service26.example.com' },
        'invalid_target: The client may not exchange tokens for this audience.',
      ],
      [
        'a scope with two spaces',
        { scope: 'read  write' },
        'invalid_scope: The parameter scope must be words with one space between each two.',
      ],
      [
        'a scope with a quote',
        { scope: 'read "' },
        'invalid_scope: The parameter scope must be words with one space between each two.',
      ],
    ])('is refused with %s', async (_what, more, answer) => {
      expect(await outcome(await userToken(SERVICE77), more)).toBe(`400 ${answer}`);
    });

    it.each(['audience', 'resource'])(
      'is for one target: several of %s are refused, the same one too',
      async (name) => {
        const parameters = new URLSearchParams(form(await userToken(SERVICE77), SERVICE16));
        parameters.delete(name);
        for (const value of [SERVICE16, SERVICE16]) parameters.append(name, value);
        expect(await send(SERVICE77, parameters)).toMatchObject({ status: 400, body: { error: 'invalid_target' } });
      },
    );

    it.each([
      ['read write api', undefined, 'read write'],
      ['write', undefined, 'write'],
      ['read write', 'write', 'write'],
      ['read write', 'write api other', 'write'],
      ['read write', 'write read write', 'read write'],
    ])(
      'for a subject with %s asks for %s and gets %s: never more than each of the three has',
      async (has, asks, gets) => {
        const token = await userToken(SERVICE77, { scopes: has.split(' ') });
        const { body } = await exchange(token, asks === undefined ? {} : { scope: asks });
        expect(body.scope).toBe(gets);
        expect(decodeJwt(body.access_token as string).scope).toBe(gets);
      },
    );

    it.each([
      ['api', undefined],
      ['read', 'write'],
      ['api', 'api'],
    ])('for a subject with %s asks for %s and gets nothing', async (has, asks) => {
      const token = await userToken(SERVICE77, { scopes: [has] });
      const expected = '400 invalid_scope: The subject token has none of these scopes.';
      expect(await outcome(token, asks === undefined ? {} : { scope: asks })).toBe(expected);
    });

    it('for a subject without scope gets nothing', async () => {
      expect(await outcome(await userToken(SERVICE77, { scopes: [] }))).toMatch('invalid_scope');
    });
  });

  describe('section 2.1, the subject token', () => {
    it('is one that is meant for the client: a stolen one is of no use to another', async () => {
      expect(await outcome(await userToken(SERVICE16))).toBe(refusedFor('audience_mismatch'));
      expect(await outcome(await signed({ aud: [SERVICE16, SERVICE77] }))).toBe('exchanged');
      expect(await outcome(await signed({ aud: [SERVICE16] }))).toBe(refusedFor('audience_mismatch'));
      expect(await outcome(await signed({ aud: 'app', client_id: SERVICE77 }))).toBe(refusedFor('audience_mismatch'));
    });

    it.each<[string, JWTPayload, string | undefined, string]>([
      ['an ID token', { nonce: 'n', aud: SERVICE77 }, undefined, 'typ_not_allowed'],
      ['an ID token that says what it is', { nonce: 'n' }, 'JWT', 'typ_not_allowed'],
      [
        'a logout token',
        { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
        'logout+jwt',
        'typ_not_allowed',
      ],
      ['a logout token that says that it is for access', { events: {} }, 'at+jwt', 'not_an_access_token'],
      ['a transaction token', { txn: 't', req_wl: SERVICE77 }, 'txntoken+jwt', 'typ_not_allowed'],
      ['an assertion of a client', {}, 'client-authentication+jwt', 'typ_not_allowed'],
      ['a token that is bound to a key', { cnf: { jkt: 'x' } }, 'at+jwt', 'proof_required'],
      ['a token without a name', { jti: undefined }, 'at+jwt', 'claim_missing'],
    ])('is not %s, though auth has signed it for the client', async (_what, claims, typ, code) => {
      const token = await signed(claims, typ === undefined ? {} : { typ });
      expect(await outcome(token)).toBe(refusedFor(code));
    });

    it('is not a refresh token, whatever it is called', async () => {
      const login = await auth.post('/auth/login', JSON.stringify({ username: 'alice', password: 'p' }), {
        'content-type': 'application/json',
      });
      const [, refreshToken = ''] = /__Host-refresh=(rt_[^;]+)/.exec(login.headers.get('set-cookie') ?? '') ?? [];
      expect(refreshToken).toMatch(/^rt_/);
      expect(await outcome(refreshToken)).toBe(refusedFor('token_malformed'));
      expect(await outcome(refreshToken, { subject_token_type: `${TYPE}:refresh_token` })).toMatch('invalid_request');
      expect(auth.lines.join()).not.toContain(refreshToken);
    });

    it('is not one that somebody else has signed', async () => {
      const issuer = await TestIssuer.create({ issuer: ISSUER, audience: SERVICE77 });
      const { kid } = auth.state.keys.signer;
      expect(await outcome(await issuer.token())).toBe(refusedFor('key_unknown'));
      expect(await outcome(await issuer.token({}, { kid }))).toBe(refusedFor('signature_invalid'));
      expect(await outcome(await issuer.token({ iss: 'https://other.test' }))).toBe(refusedFor('issuer_not_trusted'));
    });

    it('is not one that was never issued, however good its signature', async () => {
      expect(await outcome(await signed({}))).toBe('exchanged');
      expect(await outcome(await signed({}, { typ: 'at+jwt' }, false))).toBe(refusedFor('jti_never_issued'));
    });

    it('has a second left to live, and not only the tolerance for clocks', async () => {
      const iat = auth.state.log.issuedAt();
      while (Date.now() / 1000 < iat + 1) await sleep(20);
      const now = Math.floor(Date.now() / 1000);
      expect(await outcome(await signed({ iat, exp: now + 3 }))).toBe('exchanged');
      expect(await outcome(await signed({ iat, exp: now + 1 }))).toBe(refusedFor('token_expired'));
    });

    it.each<[string, (claims: JWTPayload) => Promise<unknown>, string]>([
      ['itself', ({ jti }) => auth.app.get(Revocations).revokeToken(jti ?? ''), 'token_revoked'],
      ['its session', ({ sid }) => auth.app.get(Revocations).revokeSession(sid as string), 'token_revoked'],
      ['its user', ({ sub }) => auth.app.get(Revocations).revokeSubject(sub ?? ''), 'token_revoked'],
      ['everything', () => auth.app.get(Revocations).revokeAll(), 'token_revoked'],
      ['its key', () => auth.state.keys.compromise(auth.state.keys.signer.kid, 'a test'), 'key_revoked'],
    ])('counts until %s is revoked', async (_what, revoke, code) => {
      const [subject, id] = [randomUUID(), randomUUID()];
      const epoch = decodeJwt(await userToken(SERVICE77, { subject })).sub_epoch as number;
      const token = await userToken(SERVICE77, { subject, session: { id, epoch, authTime: 1 } });
      expect(await outcome(token)).toBe('exchanged');
      await revoke(decodeJwt(token));
      expect(await outcome(token)).toBe(refusedFor(code));
    });
  });

  it('a chain of exchanges carries the names of all that were between the first and the last', async () => {
    const chain = { origin_jti: 'first', origin_kid: 'k', origin_iat: 1_700_000_000 };
    const second = await signed({ ...chain, via_jti: ['second'], jti: 'third' });
    // Everything from before auth's first start is revoked: this is about what is carried on.
    const judged = jest.spyOn(auth.state.log, 'isRevoked').mockReturnValue(false);
    const { status, body } = await exchange(second);
    expect(status).toBe(200);
    const next = body.access_token as string;
    const last = await send(SERVICE16, form(next, 'https://service26.example.com'));
    judged.mockRestore();
    expect(claimsOf(last)).toMatchObject({ ...chain, via_jti: ['second', 'third', decodeJwt(next).jti] });
  });

  it('gives out nothing for a subject that is revoked while its token is made', async () => {
    const token = await userToken(SERVICE77);
    const { jti = '' } = decodeJwt(token);
    const issuer = auth.app.get(TokenIssuer);
    const issue = issuer.issue.bind(issuer);
    jest.spyOn(issuer, 'issue').mockImplementationOnce(async (grant) => {
      const issued = await issue(grant);
      await auth.app.get(Revocations).revokeToken(jti);
      return issued;
    });
    expect(await outcome(token)).toBe(refusedFor('token_revoked'));
    expect(auth.logged('token_exchange_refused').at(-1)).toMatchObject({ subject: USERS.alice, subjectJti: jti });
  });

  describe('what can not be decided is 503, and the log says what it was about', () => {
    const undecided = async (token: string, known: object) => {
      const before = auth.logged('token_exchange_undecided').length;
      expect(await exchange(token)).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
      const lines = auth.logged('token_exchange_undecided').slice(before);
      expect(lines).toMatchObject([
        { level: 40, clientId: SERVICE77, audience: SERVICE16, code: 'store_unavailable', ...known },
      ]);
      expect(auth.lines.join()).not.toContain(token);
      return lines[0];
    };

    it('whether the subject token was issued, as the store has lost its memory', async () => {
      const token = await userToken(SERVICE77);
      jest.spyOn(auth.state.store, 'wasMinted').mockResolvedValue(undefined);
      await undecided(token, { subject: USERS.alice, subjectJti: decodeJwt(token).jti, scope: 'read write' });
    });

    it('what the new token is to be signed with, as that key is refused by everybody', async () => {
      const token = await userToken(SERVICE77);
      jest.spyOn(auth.state.keys, 'signingKey').mockRejectedValue(new StoreUnavailable());
      await undecided(token, { subject: USERS.alice });
    });

    it('whether there is the key that the subject token names', async () => {
      const stranger = await TestIssuer.create({ issuer: ISSUER, audience: SERVICE77 });
      jest.spyOn(auth.state.keys, 'look').mockResolvedValue(false);
      expect(await undecided(await stranger.token(), {})).not.toHaveProperty('subject');
    });
  });

  describe('section 2.2.1, the answer', () => {
    it('has these members, and no refresh token', async () => {
      const answer = await exchange(await userToken(SERVICE77));
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toEqual({
        access_token: expect.any(String) as string,
        issued_token_type: ACCESS_TOKEN,
        token_type: 'Bearer',
        expires_in: 300,
        scope: 'read write',
      });
    });

    it('lives for 300 s at most, and not longer than the subject token', async () => {
      const lifetime = async (subjectSeconds: number) => {
        const notAfter = Date.now() / 1000 + subjectSeconds;
        const answer = await exchange(await userToken(SERVICE77, { notAfter }));
        const { iat = 0, exp = 0 } = claimsOf(answer);
        expect(answer.body.expires_in).toBe(exp - iat);
        expect(exp).toBeLessThanOrEqual(notAfter);
        return exp - iat;
      };
      expect(await lifetime(900)).toBe(300);
      expect(await lifetime(100)).toBeGreaterThanOrEqual(98);
      expect(await lifetime(100)).toBeLessThanOrEqual(100);
    });
  });

  it('section 2.3, the example: a resource server gets a token for its backend, for the same user', async () => {
    const token = await userToken('frontend.example.com', { subject: USERS.bob });
    const answer = await send('frontend.example.com', form(token, 'https://backend.example.com', { scope: 'api' }));
    expect(answer.body).toMatchObject({ issued_token_type: ACCESS_TOKEN, token_type: 'Bearer' });
    // The example's claims, but for the lifetime; and with the actor, whom that leaves out.
    expect(claimsOf(answer)).toMatchObject({
      iss: ISSUER,
      sub: USERS.bob,
      aud: 'https://backend.example.com',
      scope: 'api',
      act: { sub: 'frontend.example.com' },
    });
  });

  it('section 4.1, figures 5 and 6: the current actor is outermost, those before are nested in it', async () => {
    const first = await exchange(await userToken(SERVICE77));
    expect(claimsOf(first).act).toEqual({ sub: SERVICE77 });
    const second = await send(SERVICE16, form(first.body.access_token as string, 'https://service26.example.com'));
    expect(claimsOf(second)).toMatchObject({ aud: 'https://service26.example.com', iss: ISSUER, sub: USERS.alice });
    expect(claimsOf(second).act).toEqual({ sub: SERVICE16, act: { sub: SERVICE77 } });
  });

  it('section 4.1: a chain of five is the longest', async () => {
    const chain = (depth: number): object => (depth === 1 ? { sub: 'a' } : { sub: 'a', act: chain(depth - 1) });
    const longest = await exchange(await signed({ act: chain(4) }));
    expect(claimsOf(longest).act).toEqual({ sub: SERVICE77, act: chain(4) });
    expect(await outcome(await signed({ act: chain(5) }))).toBe(
      '400 invalid_request: The token has been passed on too often.',
    );
    expect(await outcome(await signed({ act: chain(6) }))).toBe(refusedFor('claim_malformed'));
  });

  it('section 4.3: client_id is who asked for the token', async () => {
    expect(claimsOf(await exchange(await userToken(SERVICE77))).client_id).toBe(SERVICE77);
  });

  it.each<[string, unknown, boolean]>([
    ['the client', { sub: SERVICE77 }, true],
    ['the client, as this issuer knows it', { sub: SERVICE77, iss: ISSUER }, true],
    ['another', { sub: SERVICE16 }, false],
    ['who is called so by another issuer', { sub: SERVICE77, iss: 'https://other.test' }, false],
    ['nobody', {}, false],
    ['somebody in words that are not known here', { sub: SERVICE77, email: 'a@b.test' }, false],
    ['somebody as a text', SERVICE77, false],
    ['null', null, false],
    ['several', [{ sub: SERVICE77 }], false],
  ])('section 4.4: a subject that says that %s may act for it is heard', async (_who, allowed, isTaken) => {
    const token = await signed({ may_act: allowed });
    expect(await outcome(token)).toBe(isTaken ? 'exchanged' : refusedFor('may_act names another'));
    const { jti: subjectJti } = decodeJwt(token);
    if (!isTaken) expect(auth.logged('token_exchange_refused').at(-1)).toMatchObject({ subjectJti });
    if (isTaken) expect(claimsOf(await exchange(token))).not.toHaveProperty('may_act');
  });

  describe('the log', () => {
    const newest = (message: string) => auth.logged(message).at(-1);

    it('tells of each exchange who got what for whom, and holds no token', async () => {
      const first = await exchange(await userToken(SERVICE77));
      const token = first.body.access_token as string;
      const second = await send(SERVICE16, form(token, 'https://service26.example.com', { scope: 'read' }));
      expect(newest('token_exchanged')).toMatchObject({
        level: 30,
        transactionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        clientId: SERVICE16,
        subject: USERS.alice,
        subjectJti: decodeJwt(token).jti,
        audience: 'https://service26.example.com',
        scope: 'read',
        issuedTokenType: ACCESS_TOKEN,
        actor: [SERVICE16, SERVICE77],
        jti: claimsOf(second).jti,
      });
      expect(auth.lines.join()).not.toContain(token);
      expect(auth.lines.join()).not.toContain(second.body.access_token);
    });

    it('tells of each refusal why, and of the subject only what was verified', async () => {
      const token = await userToken(SERVICE77, { scopes: ['read'] });
      const { body } = await exchange(token, { scope: 'write hunter2' });
      expect(newest('token_exchange_refused')).toMatchObject({
        level: 40,
        transactionId: body.transactionId,
        clientId: SERVICE77,
        subject: USERS.alice,
        subjectJti: decodeJwt(token).jti,
        audience: SERVICE16,
        scope: 'write',
        code: 'invalid_scope',
      });
      const forged = await (await TestIssuer.create({ issuer: ISSUER, audience: SERVICE77 })).token({ sub: 'hunter2' });
      await exchange(forged);
      const refused = newest('token_exchange_refused');
      expect(refused).toMatchObject({ code: 'invalid_request', detail: 'The subject token is refused: key_unknown.' });
      expect(refused).not.toHaveProperty('subject');
      await exchange(token, { audience: 'hunter2' });
      expect(newest('token_exchange_refused')).toMatchObject({ clientId: SERVICE77, code: 'invalid_target' });
      expect(auth.lines.join()).not.toContain('hunter2');
    });
  });
});
