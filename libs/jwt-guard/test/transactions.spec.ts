import {
  type Claims,
  generateTestKey,
  hostileTokens,
  hostileTransactions,
  JwksServer,
  legitimateTransactions,
  TestClock,
  TestIssuer,
} from '@token-relay/testing';
import { randomBytes } from 'node:crypto';
import {
  isRefusal,
  type IssuerOptions,
  type Principal,
  RevocationList,
  type RevocationEntry,
  type RevocationSource,
  type Transaction,
  TokenVerifier,
  type TokenVerifierOptions,
} from '../src';

let issuer: TestIssuer;
beforeEach(async () => {
  issuer = await TestIssuer.create();
});

const issuerOptions = (changes: object = {}, of = issuer): IssuerOptions =>
  ({
    issuer: of.issuer,
    audience: of.audience,
    algorithms: [of.key.algorithm],
    jwks: of.jwks,
    transactions: { trustDomain: of.trustDomain },
    ...changes,
  }) as IssuerOptions;

const verifierWith = (changes: object = {}, more: Partial<TokenVerifierOptions> = {}): TokenVerifier =>
  TokenVerifier.create({ issuers: [issuerOptions(changes)], now: issuer.clock.now, ...more });

/** The code, and what the log is told besides; `accepted` for what is. */
async function verdict(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'accepted';
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return error.debug === undefined ? error.code : `${error.code} (${error.debug})`;
  }
}
const verdictOf = (verifier: TokenVerifier, token: string) => verdict(verifier.verifyTransaction(token));
const said = (run: () => unknown) => verdict((async () => Promise.resolve(run()))());

describe('a transaction token', () => {
  it('is what says for whom, and for what, a chain of services works', async () => {
    const verifier = verifierWith();
    const now = issuer.clock.now();
    const transaction = await verifier.verifyTransaction(await issuer.transactionToken());
    expect(transaction).toEqual({
      id: `19:https://issuer.test:${transaction.subject}`,
      subject: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11',
      issuer: 'https://issuer.test',
      trustDomain: 'trust-domain.test',
      transactionId: '97053963-771d-49cc-a4e3-20aad399c312',
      scopes: ['documents:read', 'documents:write'],
      requestingWorkload: 'gateway',
      details: { document: '1' },
      context: { req_ip: '192.0.2.1' },
      sessionId: '08a5019c-17e1-4977-8f42-65a12843ea02',
      expiresAt: now + 60,
      keyId: issuer.key.kid,
      algorithm: 'ES256',
      claims: issuer.transactionClaims(),
    });
    for (const part of [transaction, transaction.scopes, transaction.details, transaction.claims]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('is remembered: the same object for the same token, until it expires', async () => {
    const verifier = verifierWith();
    const token = await issuer.transactionToken();
    expect(verifier.recallTransaction(token)).toBeUndefined();
    const transaction = await verifier.verifyTransaction(token);
    expect(verifier.recallTransaction(token)).toBe(transaction);
    expect(await verifier.verifyTransaction(token)).toBe(transaction);
    issuer.clock.advance(64.999);
    expect(verifier.recallTransaction(token)).toBe(transaction);
    issuer.clock.advance(0.001);
    expect(await said(() => verifier.recallTransaction(token))).toBe('transaction_expired (token_expired)');
    expect(await verdictOf(verifier, token)).toBe('transaction_expired (token_expired)');
  });

  it('counts without being remembered, too', async () => {
    const verifier = verifierWith({}, { verdictCacheSize: 0 });
    const [token, service] = [await issuer.transactionToken(), await issuer.serviceToken()];
    const transaction = await verifier.verifyTransaction(token);
    expect(verifier.recallTransaction(token)).toBeUndefined();
    const principal = verifier.actingFor(await verifier.verify(service), transaction);
    expect(() => verifier.recheck(principal)).not.toThrow();
  });

  it('is no access token, and an access token is none: not even one that was found good as what it is', async () => {
    const verifier = verifierWith();
    const [access, transaction] = [await issuer.token(), await issuer.transactionToken()];
    for (let time = 0; time < 2; time++) {
      expect(await verdict(verifier.verify(access))).toBe('accepted');
      expect(await verdict(verifier.verifyTransaction(transaction))).toBe('accepted');
      expect(await verdict(verifier.verify(transaction))).toMatch(/^typ_not_allowed/);
      expect(await verdict(verifier.verifyLate(transaction, 60))).toMatch(/^typ_not_allowed/);
      expect(verifier.recall(transaction)).toBeUndefined();
      expect(await verdictOf(verifier, access)).toBe('transaction_invalid (typ_not_allowed: typ)');
      expect(verifier.recallTransaction(access)).toBeUndefined();
      const trace = await verifier.explain(transaction);
      expect(trace).toMatchObject({ outcome: 'rejected', code: 'typ_not_allowed' });
      expect(trace).not.toHaveProperty('principal');
      expect(trace.hints).toContainEqual(expect.stringMatching(/^It is a transaction token: /));
    }
  });

  it.each(['keycloak', 'auth0', 'entra', 'cognito', 'generic'] as const)(
    'is no access token in the profile %s either',
    async (profile) => {
      const verifier = verifierWith({ profile, transactions: undefined });
      const claims: Claims = {
        aud: issuer.audience,
        client_id: 'gateway',
        azp: 'gateway',
        scp: 'a',
        jti: '1',
        typ: 'Bearer',
      };
      expect(await verdict(verifier.verify(await issuer.transactionToken({ ...claims, token_use: 'access' })))).toMatch(
        /^typ_not_allowed/,
      );
    },
  );
});

describe.each(['ES256', 'RS256', 'EdDSA'])('the catalogue of an issuer that signs with %s', (algorithm) => {
  it('is judged as it says, however often it is asked', async () => {
    issuer = await TestIssuer.create({ algorithm });
    const verifier = verifierWith();
    const hostile = await hostileTransactions(issuer);
    const legitimate = legitimateTransactions(issuer);
    const expected = Object.fromEntries([
      ...hostile.map(({ name, code, reason }) => [name, `${code} (${reason})`] as const),
      ...legitimate.map(({ name }) => [name, 'accepted'] as const),
    ]);
    for (let time = 0; time < 2; time++) {
      const outcomes: [name: string, outcome: string][] = [];
      for (const { name, token } of [...hostile, ...legitimate]) {
        const outcome = await verdictOf(verifier, token);
        outcomes.push([name, outcome.replace(/^(\w+ \(\w+)(: .*)?\)$/, '$1)')]);
      }
      expect(Object.fromEntries(outcomes)).toEqual(expected);
    }
    for (const { token } of legitimate) expect(await verdict(verifier.verify(token))).not.toBe('accepted');
  });

  it('of access tokens has none that would do', async () => {
    issuer = await TestIssuer.create({ algorithm });
    const verifier = verifierWith();
    const hostile = await hostileTokens(issuer);
    const outcomes = await Promise.all(hostile.map(({ token }) => verdictOf(verifier, token)));
    // One of them has the typ of a transaction token, and the claims of an access token.
    expect([...new Set(outcomes.map((outcome) => outcome.split(' ')[0]))].sort()).toEqual(['transaction_invalid']);
  });
});

describe('the option transactions', () => {
  it('is what it takes for any to be accepted', async () => {
    const verifier = verifierWith({ transactions: undefined });
    expect(verifier.acceptsTransactions).toBe(false);
    expect(verifierWith().acceptsTransactions).toBe(true);
    const token = await issuer.transactionToken();
    expect(await verdictOf(verifier, token)).toBe('transaction_not_accepted (transactions)');
    expect(await verdictOf(verifier, 'anything')).toBe('transaction_not_accepted (transactions)');
    expect(await said(() => verifier.recallTransaction(token))).toBe('transaction_not_accepted (transactions)');
  });

  it('is for one issuer, and no other', async () => {
    const other = await TestIssuer.create({ issuer: 'https://other.test', clock: issuer.clock });
    const issuers = [issuerOptions(), issuerOptions({ transactions: undefined }, other)];
    const verifier = TokenVerifier.create({ issuers, now: issuer.clock.now });
    expect(await verdictOf(verifier, await issuer.transactionToken())).toBe('accepted');
    expect(await verdictOf(verifier, await other.transactionToken())).toBe('transaction_not_accepted (transactions)');
  });

  it('may ask for a shorter life', async () => {
    const verifier = verifierWith({ transactions: { trustDomain: issuer.trustDomain, maxLifetimeSeconds: 60 } });
    const lives = async (seconds: number) =>
      verdictOf(verifier, await issuer.transactionToken({ exp: issuer.clock.now() + seconds }));
    expect(await lives(60)).toBe('accepted');
    expect(await lives(61)).toBe('transaction_invalid (lifetime_too_long: transactions.maxLifetimeSeconds)');
  });

  it.each([
    ['null', null, 'transactions.trustDomain'],
    ['no trust domain', {}, 'transactions.trustDomain'],
    ['an empty trust domain', { trustDomain: '' }, 'transactions.trustDomain'],
    ['a list of trust domains', { trustDomain: ['a'] }, 'transactions.trustDomain'],
    ['a lifetime of nothing', { trustDomain: 'a', maxLifetimeSeconds: 0 }, 'transactions.maxLifetimeSeconds'],
    ['a lifetime above the cap', { trustDomain: 'a', maxLifetimeSeconds: 301 }, 'transactions.maxLifetimeSeconds'],
    ['a lifetime as text', { trustDomain: 'a', maxLifetimeSeconds: '60' }, 'transactions.maxLifetimeSeconds'],
  ])('refuses %s, and says which', (_name, transactions, named) => {
    expect(() => verifierWith({ transactions })).toThrow(TypeError);
    expect(() => verifierWith({ transactions })).toThrow(new RegExp(`^${named.replace('.', '\\.')}: `));
  });

  it('is for the profile rfc9068 alone, and for no shared secret', () => {
    expect(() => verifierWith({ profile: 'generic' })).toThrow(/^transactions: .* profile rfc9068/);
    const sharedSecret = randomBytes(32);
    const shared = { algorithms: ['HS256'], jwks: undefined, sharedSecret };
    expect(() => verifierWith(shared)).toThrow(/^transactions: .* sharedSecret/);
    expect(() => verifierWith({ ...shared, transactions: undefined })).not.toThrow();
  });
});

describe('a transaction token that was revoked', () => {
  const lineage: Claims = { sub_epoch: 3, origin_jti: 'origin', via_jti: ['via'], origin_kid: 'origin-key' };
  const until = new TestClock().now() + 3_600;
  it.each<[name: string, entry: (kid: string, iat: number) => RevocationEntry, reason: string]>([
    [
      'with its session',
      () => ({ kind: 'sid', value: '08a5019c-17e1-4977-8f42-65a12843ea02', until }),
      'token_revoked',
    ],
    [
      'with its user',
      () => ({ kind: 'sub', value: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11', epoch: 4, until }),
      'token_revoked',
    ],
    ['with the token that it was minted from', () => ({ kind: 'jti', value: 'origin', until }), 'token_revoked'],
    ['with a token in between', () => ({ kind: 'jti', value: 'via', until }), 'token_revoked'],
    [
      'with the key of the token that it was minted from',
      () => ({ kind: 'kid', value: 'origin-key' }),
      'token_revoked',
    ],
    ['with its key', (kid) => ({ kind: 'kid', value: kid }), 'key_revoked'],
    ['with everything', (_kid, iat) => ({ kind: 'all', notBefore: iat, until }), 'token_revoked'],
  ])('%s is refused, remembered or not, and so is the call that it came with', async (_name, entry, reason) => {
    const revocation = new RevocationList({ issuer: issuer.issuer, now: issuer.clock.now });
    const verifier = verifierWith({}, { revocation });
    const iat = issuer.clock.now();
    const token = await issuer.transactionToken({ ...lineage, origin_iat: iat });
    // Of a user who isn't revoked, in another session, by a key that is only this one's.
    const service = await verifier.verify(await issuer.serviceToken('gateway', { iat: iat + 1, exp: iat + 301 }));
    const principal = verifier.actingFor(service, await verifier.verifyTransaction(token));
    expect(() => verifier.recheck(principal)).not.toThrow();
    revocation.add(entry(issuer.key.kid, iat));
    const expected = `transaction_invalid (${reason})`;
    expect(await verdictOf(verifier, token)).toBe(expected);
    expect(await said(() => verifier.recallTransaction(token))).toBe(expected);
    // A key's revocation is the access token's, too, which is asked about first.
    expect(await said(() => verifier.recheck(principal))).toBe(reason === 'key_revoked' ? reason : expected);
    expect(await verdictOf(verifierWith({}, { revocation }), token)).toBe(expected);
  });

  it('is not refused for what another epoch, session or token was revoked', async () => {
    const revocation = new RevocationList({ issuer: issuer.issuer, now: issuer.clock.now });
    revocation.add({ kind: 'sub', value: '6a4f3b52-0c57-4d5d-9a11-6f1f9a4f1c11', epoch: 3, until });
    revocation.add({ kind: 'sid', value: 'another', until });
    revocation.add({ kind: 'jti', value: 'another', until });
    revocation.add({ kind: 'all', notBefore: issuer.clock.now() - 1, until });
    expect(await verdictOf(verifierWith({}, { revocation }), await issuer.transactionToken(lineage))).toBe('accepted');
  });
});

describe('what can not be told of a transaction token', () => {
  it('is no refusal of it: keys', async () => {
    const server = await JwksServer.start(issuer.jwks);
    server.status = 500;
    const verifier = verifierWith({ jwks: undefined, jwksUri: server.url, dangerouslyAllowHttp: true });
    try {
      expect(await verdictOf(verifier, await issuer.transactionToken())).toBe('keys_unavailable');
    } finally {
      verifier.close();
      await server.stop();
    }
  });

  it('is no refusal of it: revocation', async () => {
    let fails = false;
    const revocation: RevocationSource = {
      isRevoked() {
        if (fails) throw new Error('away');
        return false;
      },
    };
    const verifier = verifierWith({}, { revocation });
    const [token, service] = [await issuer.transactionToken(), await issuer.serviceToken()];
    const principal = verifier.actingFor(await verifier.verify(service), await verifier.verifyTransaction(token));
    fails = true;
    expect(await verdictOf(verifier, token)).toBe('revocation_unavailable');
    expect(await said(() => verifier.recheck(principal))).toBe('revocation_unavailable');
  });
});

describe('for whom a service calls', () => {
  let verifier: TokenVerifier;
  let service: Principal;
  let transaction: Transaction;
  beforeEach(async () => {
    verifier = verifierWith();
    service = await verifier.verify(await issuer.serviceToken('gateway', { scope: 'audit:write', roles: ['robot'] }));
    transaction = await verifier.verifyTransaction(await issuer.transactionToken());
  });

  it('is the subject of the transaction, through the service', () => {
    const principal = verifier.actingFor(service, transaction);
    expect(principal).toEqual({
      id: transaction.id,
      subject: transaction.subject,
      issuer: issuer.issuer,
      audience: issuer.audience,
      scopes: ['documents:read', 'documents:write'],
      roles: [],
      clientId: 'gateway',
      sessionId: transaction.sessionId,
      tokenId: undefined,
      actor: ['gateway'],
      transactionId: transaction.transactionId,
      expiresAt: transaction.expiresAt,
      keyId: issuer.key.kid,
      algorithm: 'ES256',
      claims: transaction.claims,
    });
    for (const part of [principal, principal.actor, principal.roles]) expect(Object.isFrozen(part)).toBe(true);
  });

  it('is one principal for the same two tokens', async () => {
    const principal = verifier.actingFor(service, transaction);
    expect(verifier.actingFor(service, transaction)).toBe(principal);
    const other = await verifier.verify(await issuer.serviceToken('resource'));
    expect(verifier.actingFor(other, transaction)).toMatchObject({ clientId: 'resource', actor: ['resource'] });
    expect(verifier.actingFor(service, transaction)).toEqual(principal);
  });

  it('counts until the earlier of the two expires', async () => {
    const soon = issuer.clock.now() + 30;
    const short = await verifier.verify(await issuer.serviceToken('gateway', { exp: soon }));
    expect(verifier.actingFor(short, transaction).expiresAt).toBe(soon);
    const principal = verifier.actingFor(short, transaction);
    issuer.clock.advance(34.999);
    expect(() => verifier.recheck(principal)).not.toThrow();
    issuer.clock.advance(0.001);
    expect(await said(() => verifier.recheck(principal))).toBe('token_expired');
  });

  it('counts as long as the transaction token does', async () => {
    const principal = verifier.actingFor(service, transaction);
    issuer.clock.advance(64.999);
    expect(() => verifier.recheck(principal)).not.toThrow();
    issuer.clock.advance(0.001);
    expect(await said(() => verifier.recheck(principal))).toBe('transaction_expired (token_expired)');
  });

  it('counts as long as both keys are the issuer’s', async () => {
    const [ofService, ofTransaction] = [await generateTestKey(), await generateTestKey()];
    issuer = await TestIssuer.create({ keys: [ofService, ofTransaction] });
    let jwks = issuer.jwks;
    verifier = verifierWith({ jwks: () => jwks });
    service = await verifier.verify(await issuer.serviceToken());
    transaction = await verifier.verifyTransaction(await issuer.transactionToken({}, {}, ofTransaction));
    const principal = verifier.actingFor(service, transaction);
    expect(() => verifier.recheck(principal)).not.toThrow();
    jwks = { keys: [ofService.publicJwk] };
    expect(await said(() => verifier.recheck(principal))).toBe('transaction_invalid (key_unknown)');
    jwks = { keys: [ofTransaction.publicJwk] };
    expect(await said(() => verifier.recheck(principal))).toBe('key_unknown');
  });

  it.each<[name: string, claims: Claims, debug: string]>([
    ["a user's own", { sub: 'a-user' }, 'sub is not client_id'],
    ["a user's own, in a session", { sub: 'a-user', sid: 'a' }, 'sub is not client_id'],
    ['one that was exchanged', { sub: 'a-user', act: { sub: 'gateway' } }, 'sub is not client_id'],
    ['one of a service for which another acts', { act: { sub: 'another' } }, 'act'],
    ['one of a session', { sid: 'a' }, 'sid'],
  ])('is nobody with an access token that is %s', async (_name, claims, debug) => {
    const caller = await verifier.verify(await issuer.serviceToken('gateway', claims));
    expect(await said(() => verifier.actingFor(caller, transaction))).toBe(`service_token_required (${debug})`);
  });

  it('is nobody with an access token of another issuer', async () => {
    const other = await TestIssuer.create({ issuer: 'https://other.test', clock: issuer.clock });
    verifier = TokenVerifier.create({
      issuers: [issuerOptions(), issuerOptions({}, other)],
      now: issuer.clock.now,
    });
    const caller = await verifier.verify(await other.serviceToken());
    transaction = await verifier.verifyTransaction(await issuer.transactionToken());
    expect(await said(() => verifier.actingFor(caller, transaction))).toBe('service_token_required (iss)');
  });

  it('is nobody that somebody has put together', async () => {
    expect(() => verifier.actingFor({ ...service }, transaction)).toThrow(TypeError);
    expect(() => verifier.actingFor(service, { ...transaction })).toThrow(TypeError);
    const principal = verifier.actingFor(service, transaction);
    expect(() => verifier.recheck({ ...principal })).toThrow(TypeError);
    const another = verifierWith();
    await another.verify(await issuer.serviceToken());
    expect(() => another.actingFor(service, transaction)).toThrow(TypeError);
    // Nor does whom a transaction is for call by itself.
    expect(await said(() => verifier.actingFor(principal, transaction))).toMatch(/^service_token_required/);
  });
});
