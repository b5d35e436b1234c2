import { generateTestKey, hostileTokens, TestClock, TestIssuer } from '@token-relay/testing';
import { type RequestHeaders } from './authorization-header';
import { type VerificationEvent } from './observer';
import { type Principal } from './principal';
import { TokenRejected, VerifierUnavailable } from './refusals';
import { TokenVerifier } from './token-verifier';
import { type AlgorithmName } from './algorithms';
import { type TokenVerifierOptions } from './verifier-options';

const ALGORITHMS: readonly AlgorithmName[] = ['ES256', 'RS256', 'PS256', 'EdDSA'];

function verifierFor(issuer: TestIssuer, options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  return TokenVerifier.create({
    issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ALGORITHMS, jwks: issuer.jwks }],
    now: issuer.clock.now,
    ...options,
  });
}

async function verdict(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
    return 'accepted';
  } catch (error) {
    if (error instanceof TokenRejected) return error.code;
    throw error;
  }
}

describe('TokenVerifier', () => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    verifier = verifierFor(issuer);
  });

  it('makes a frozen principal of a good token', async () => {
    const token = await issuer.token({
      act: { sub: 'resource', act: { sub: 'gateway' } },
      sid: 's1',
      roles: ['r'],
    });
    const principal = await verifier.verify(token);
    expect(principal).toMatchObject<Partial<Principal>>({
      id: `19:https://issuer.test:${principal.subject}`,
      issuer: 'https://issuer.test',
      audience: 'resource',
      scopes: ['documents:read', 'documents:write'],
      roles: ['r'],
      clientId: 'gateway',
      sessionId: 's1',
      tokenId: 'token-1',
      actor: ['resource', 'gateway'],
      transactionId: undefined,
      expiresAt: issuer.clock.now() + 300,
      keyId: issuer.key.kid,
      algorithm: 'ES256',
    });
    const parts = [
      principal,
      principal.actor,
      principal.scopes,
      principal.roles,
      principal.claims,
      principal.claims.act,
    ];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
    expect(Object.isFrozen(principal.claims)).toBe(true);
  });

  it.each(ALGORITHMS)('accepts %s where it is on the list, and refuses it where it is not', async (algorithm) => {
    const signer = await TestIssuer.create({ algorithm, clock: new TestClock() });
    const token = await signer.token();
    expect(await verdict(verifierFor(signer), token)).toBe('accepted');
    const others = ALGORITHMS.filter((name) => name !== algorithm);
    const { publicJwk } = await generateTestKey(others[0]);
    const picky = verifierFor(signer, {
      issuers: [
        {
          issuer: signer.issuer,
          audience: 'resource',
          algorithms: others,
          jwks: { keys: [{ ...publicJwk }] },
        },
      ],
    });
    expect(await verdict(picky, token)).toBe('alg_not_allowed');
  });

  it('never puts a token or an unverified claim into what it throws', async () => {
    for (const { token } of await hostileTokens(issuer, { algorithms: [...ALGORITHMS] })) {
      const error: unknown = await verifier.verify(token).catch((thrown: unknown) => thrown);
      const { message, debug = '' } = error as TokenRejected;
      for (const part of token.split('.').filter((piece) => piece.length > 8)) {
        expect(`${message} ${debug}`).not.toContain(part);
      }
      expect(`${message} ${debug}`).not.toMatch(/evil|attacker/i);
    }
  });

  describe('at its boundaries', () => {
    it.each([
      ['exp', { iat: -300, exp: -4 }, 'accepted'],
      ['exp', { iat: -300, exp: -5 }, 'token_expired'],
      ['iat', { iat: 5, exp: 300 }, 'accepted'],
      ['iat', { iat: 6, exp: 300 }, 'token_issued_in_future'],
      ['lifetime', { iat: 0, exp: 900 }, 'accepted'],
      ['lifetime', { iat: 0, exp: 901 }, 'lifetime_too_long'],
      ['lifetime', { iat: 0, exp: 1 }, 'accepted'],
      ['lifetime', { iat: 0, exp: 0 }, 'claim_malformed'],
    ])('%s %p is %s', async (_what, { iat, exp }, expected) => {
      const now = issuer.clock.now();
      expect(await verdict(verifier, await issuer.token({ iat: now + iat, exp: now + exp }))).toBe(expected);
    });

    it.each([
      [5, 'accepted'],
      [6, 'token_not_yet_valid'],
    ])('nbf %i seconds ahead is %s', async (seconds, expected) => {
      expect(await verdict(verifier, await issuer.token({ nbf: issuer.clock.now() + seconds }))).toBe(expected);
    });

    it.each([
      [1, 'accepted'],
      [5, 'accepted'],
      [6, 'claim_malformed'],
    ])('a chain of %i actors is %s', async (depth, expected) => {
      const act = Array.from({ length: depth }).reduce<object | undefined>(
        (inner) => ({ sub: 'a', act: inner }),
        undefined,
      );
      expect(await verdict(verifier, await issuer.token({ act }))).toBe(expected);
    });

    it('takes a token of just the largest size, and none that is a byte larger', async () => {
      const token = await issuer.token();
      expect(await verdict(verifierFor(issuer, { maxTokenBytes: token.length }), token)).toBe('accepted');
      expect(await verdict(verifierFor(issuer, { maxTokenBytes: token.length - 1 }), token)).toBe('token_too_large');
    });
  });

  it.each([['at+jwt'], ['application/at+jwt'], ['AT+JWT']])('accepts typ %s', async (typ) => {
    expect(await verdict(verifier, await issuer.token({}, { typ }))).toBe('accepted');
  });

  it('finds its audience in a list', async () => {
    expect(await verdict(verifier, await issuer.token({ aud: ['audit', 'resource'] }))).toBe('accepted');
  });

  it('refuses a key of one issuer for the tokens of another', async () => {
    const other = await TestIssuer.create({ issuer: 'https://other.test' });
    const both = verifierFor(issuer, {
      issuers: [issuer, other].map(({ issuer: name, jwks }) => ({
        issuer: name,
        audience: 'resource',
        algorithms: ['ES256'],
        jwks,
      })),
    });
    expect(await verdict(both, await other.token())).toBe('accepted');
    expect(await verdict(both, await other.token({ iss: issuer.issuer }))).toBe('key_unknown');
    const idsOf = async (token: string) => (await both.verify(token)).id;
    expect(await idsOf(await other.token())).not.toBe(await idsOf(await issuer.token()));
  });

  it('holds each issuer to its own list of algorithms, and each key to its own algorithm', async () => {
    const rsa = await TestIssuer.create({ issuer: 'https://rsa.test', algorithm: 'RS256' });
    const both = verifierFor(issuer, {
      issuers: [
        { issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'], jwks: issuer.jwks },
        { issuer: rsa.issuer, audience: 'resource', algorithms: ['RS256', 'PS256'], jwks: rsa.jwks },
      ],
    });
    expect(await verdict(both, await rsa.token())).toBe('accepted');
    expect(await verdict(both, await issuer.token({ iss: rsa.issuer }))).toBe('alg_not_allowed');
    expect(await verdict(both, await rsa.token({ iss: issuer.issuer }))).toBe('alg_not_allowed');
    // The same key, used with another algorithm that the issuer may use.
    const pss = await generateTestKey('PS256');
    expect(await verdict(both, await rsa.token({}, { kid: rsa.key.kid }, pss))).toBe('key_alg_mismatch');
  });

  it('takes no clock that does not tell the time', async () => {
    await expect(verifierFor(issuer, { now: () => NaN }).verify(await issuer.token())).rejects.toThrow(TypeError);
  });

  it('asks the revocation source about what is verified, and only that', async () => {
    const asked: (string | undefined)[] = [];
    const revocation = { isRevoked: (principal: Principal) => asked.push(principal.tokenId) > 1 };
    const asking = verifierFor(issuer, { revocation });
    expect(await verdict(asking, await issuer.token({ jti: 'first' }))).toBe('accepted');
    expect(await verdict(asking, await issuer.token({ jti: 'second' }))).toBe('token_revoked');
    expect(await verdict(asking, await issuer.token({ aud: 'audit' }))).toBe('audience_mismatch');
    expect(asked).toEqual(['first', 'second']);
  });

  it('passes on what its revocation source throws as a refusal', async () => {
    const isRevoked = () => {
      throw new VerifierUnavailable('upstream_timeout');
    };
    await expect(verifierFor(issuer, { revocation: { isRevoked } }).verify(await issuer.token())).rejects.toMatchObject(
      {
        code: 'upstream_timeout',
      },
    );
  });

  it('takes roles as SCIM has them', async () => {
    const { roles } = await verifier.verify(
      await issuer.token({ roles: [{ value: 'admin', display: 'Administrator' }, 'editor'] }),
    );
    expect(roles).toEqual(['admin', 'editor']);
    for (const bad of [[{ display: 'x' }], [null], [7], 'admin', { value: 'admin' }]) {
      expect(await verdict(verifier, await issuer.token({ roles: bad }))).toBe('claim_malformed');
    }
  });

  it('refuses a token that is never valid, though each of its times is within the tolerance', async () => {
    const now = issuer.clock.now();
    expect(await verdict(verifier, await issuer.token({ iat: now - 100, exp: now + 1, nbf: now + 4 }))).toBe(
      'claim_malformed',
    );
    expect(await verdict(verifier, await issuer.token({ iat: now - 100, exp: now + 4, nbf: now + 4 }))).toBe(
      'claim_malformed',
    );
    expect(await verdict(verifier, await issuer.token({ iat: now - 100, exp: now + 4, nbf: now + 3 }))).toBe(
      'accepted',
    );
  });

  describe('authenticate', () => {
    const outcome = (headers: RequestHeaders) =>
      verifier.authenticate(headers).then(
        ({ subject }) => subject,
        (error: unknown) => (error as TokenRejected).code,
      );

    it('finds the token in the headers of Node, of fetch, and in any case of letters', async () => {
      const authorization = `Bearer ${await issuer.token()}`;
      const { sub } = issuer.claims();
      expect(await outcome({ authorization })).toBe(sub);
      expect(await outcome({ authorization: [authorization] })).toBe(sub);
      expect(await outcome({ Authorization: authorization.replace('Bearer', 'bEARER ') })).toBe(sub);
      expect(await outcome(new Headers({ authorization }))).toBe(sub);
    });

    it('refuses none, two, and what is malformed', async () => {
      const authorization = `Bearer ${await issuer.token()}`;
      expect(await outcome({})).toBe('token_missing');
      expect(await outcome({ authorization: undefined })).toBe('token_missing');
      expect(await outcome(new Headers())).toBe('token_missing');
      expect(await outcome({ authorization: 'Basic YTpi' })).toBe('token_missing');
      expect(await outcome({ authorization: [authorization, authorization] })).toBe('authorization_repeated');
      expect(await outcome({ authorization, Authorization: authorization })).toBe('authorization_repeated');
      const joined = new Headers([
        ['authorization', authorization],
        ['authorization', authorization],
      ]);
      expect(await outcome(joined)).toBe('authorization_malformed');
      expect(await outcome({ authorization: `${authorization} x` })).toBe('authorization_malformed');
    });
  });

  it('tells its observer of every verdict, and nothing of the token', async () => {
    const events: VerificationEvent[] = [];
    let revoked = false;
    const observed = verifierFor(issuer, {
      observer: { verified: (event) => events.push(event) },
      revocation: { isRevoked: () => revoked },
    });
    const token = await issuer.token();
    await observed.verify(token);
    await observed.verify(token);
    const foreign = await issuer.token({ iss: 'https://evil.test' });
    await verdict(observed, foreign);
    revoked = true;
    await verdict(observed, token);
    await verdict(observed, undefined as unknown as string);
    const durationSeconds = expect.any(Number) as number;
    expect(events).toEqual([
      { outcome: 'accepted', issuer: issuer.issuer, cached: false, tokenBytes: token.length, durationSeconds },
      { outcome: 'accepted', issuer: issuer.issuer, cached: true, tokenBytes: token.length, durationSeconds },
      {
        outcome: 'rejected',
        code: 'issuer_not_trusted',
        cached: false,
        tokenBytes: foreign.length,
        durationSeconds,
        detail: 'issuers',
      },
      { outcome: 'rejected', code: 'token_revoked', cached: true, tokenBytes: token.length, durationSeconds },
      {
        outcome: 'rejected',
        code: 'token_malformed',
        cached: true,
        tokenBytes: 0,
        durationSeconds,
        detail: 'not a string',
      },
    ]);
    // The first has a signature to compute, the second doesn't.
    const [first = NaN, second = NaN] = events.map((event) => event.durationSeconds);
    expect(first).toBeGreaterThan(0);
    expect(second).toBeLessThan(1);
  });

  it('looks at no clock where nobody is told', async () => {
    const looked = jest.spyOn(performance, 'now');
    const token = await issuer.token();
    await verifier.verify(token);
    looked.mockClear();
    await verifier.verify(token);
    expect(looked).not.toHaveBeenCalled();
  });

  it('reports the keys of each issuer', async () => {
    await verifier.verify(await issuer.token());
    const report = verifier.keyReports.get(issuer.issuer);
    expect(report?.usable.map(({ kid }) => kid)).toEqual(issuer.jwks.keys.map(({ kid }) => kid));
  });

  it.each([[undefined], [null], [7], [{}], [Object.create(null)], [Symbol('x')], [['a.b.c']]])(
    'refuses %p, which is no token at all',
    async (value) => {
      expect(await verdict(verifier, value as unknown as string)).toBe('token_malformed');
      await expect(verifier.explain(value as unknown as string)).rejects.toMatchObject({ code: 'token_malformed' });
    },
  );

  it.each<[string, () => unknown]>([
    ['a promise', () => Promise.resolve(false)],
    ['a promise that fails', () => Promise.reject(new Error('down'))],
    ['nothing', () => undefined],
    ['a text', () => 'no'],
    ['a number', () => 0],
  ])('can not tell when its revocation source answers %s', async (_name, isRevoked) => {
    const unsure = verifierFor(issuer, { revocation: { isRevoked: isRevoked as () => boolean } });
    await expect(unsure.verify(await issuer.token())).rejects.toMatchObject({ code: 'revocation_unavailable' });
  });

  it.each<[string, () => unknown]>([
    ['fails later', () => Promise.reject(new Error('metrics are down'))],
    [
      'throws what can not be printed',
      () => {
        throw Object.create(null) as Error;
      },
    ],
  ])('goes on when its observer %s, and says so', async (_name, verified) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
    const observed = verifierFor(issuer, { observer: { verified } });
    expect(await verdict(observed, await issuer.token())).toBe('accepted');
    await new Promise((resolve) => setImmediate(resolve));
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/^The observer's verified failed: /), { code: 'JWT_GUARD_OBSERVER' }],
    ]);
  });
});

describe('TokenVerifier.create', () => {
  const good = {
    issuer: 'https://issuer.test',
    audience: 'resource',
    algorithms: ['ES256'],
    jwksUri: 'https://a.test/',
  };
  const create = (issuer: object, options: object = {}) =>
    TokenVerifier.create({ issuers: [{ ...good, ...issuer }], ...options } as TokenVerifierOptions);

  it('takes what is complete', () => {
    expect(() => create({}).close()).not.toThrow();
  });

  it.each([
    ['issuer', { issuer: undefined }],
    ['audience', { audience: undefined }],
    ['audience', { audience: [] }],
    ['audience', { audience: '' }],
    ['algorithms', { algorithms: undefined }],
    ['algorithms', { algorithms: [] }],
    ['algorithms', { algorithms: ['none'] }],
    ['algorithms', { algorithms: ['HS256'] }],
    ['algorithms', { algorithms: ['es256'] }],
    ['algorithms', { algorithms: ['toString'] }],
    ['jwksUri', { jwksUri: undefined }],
    ['jwksUri', { jwksUri: 'http://a.test/' }],
    ['jwksUri', { jwksUri: 'file:///keys' }],
    ['jwksUri', { jwks: { keys: [] } }],
    ['jwksUri', { jwksUri: 'https://user:secret@a.test/' }],
    ['profile', { profile: 'okta' }],
    ['profile', { profile: 'toString' }],
    ['maxLifetimeSeconds', { maxLifetimeSeconds: 0 }],
    ['dangerouslyMaxLifetimeSeconds', { dangerouslyMaxLifetimeSeconds: Infinity }],
    ['ignoredHeaderParameters', { ignoredHeaderParameters: ['crit'] }],
    ['ignoredHeaderParameters', { ignoredHeaderParameters: 'jku' }],
    ['jwks', { jwksUri: undefined, jwks: { keys: [] } }],
  ])('names %s when it is %p', (name, issuer) => {
    expect(() => create(issuer)).toThrow(new RegExp(`^${name}`));
  });

  it.each([
    ['clockToleranceSeconds', 60, 61],
    ['clockToleranceSeconds', 0, -1],
    ['maxLifetimeSeconds', 900, 901],
    ['maxTokenBytes', 256, 255],
    ['verdictCacheSize', 0, -1],
  ])('%s may be %d, and not %d', (name, taken, refused) => {
    expect(() => create({}, { [name]: taken }).close()).not.toThrow();
    expect(() => create({}, { [name]: refused })).toThrow(name);
  });

  it('takes a jwksUri without TLS only when asked to in so many words', () => {
    expect(() => create({ jwksUri: 'http://a.test/', dangerouslyAllowHttp: true }).close()).not.toThrow();
  });

  it.each([
    ['revocation', { revocation: null }],
    ['revocation', { revocation: {} }],
    ['now', { now: 5 }],
    ['verdictCacheSize', { verdictCacheSize: 0.5 }],
  ])('names %s when it is %p', (name, options) => {
    expect(() => create({}, options)).toThrow(new RegExp(`^${name}`));
  });

  it('takes one lifetime of an issuer, not two', () => {
    expect(() => create({ maxLifetimeSeconds: 60, dangerouslyMaxLifetimeSeconds: 3_600 })).toThrow(/one or the other/);
  });

  it('refuses to start without an issuer, and with one listed twice', () => {
    expect(() => TokenVerifier.create({ issuers: [] })).toThrow('issuers');
    expect(() => TokenVerifier.create({ issuers: [null as never] })).toThrow(/^issuer: required/);
    const issuer = good as TokenVerifierOptions['issuers'][number];
    expect(() => TokenVerifier.create({ issuers: [issuer, issuer] })).toThrow('twice');
  });
});
