import { generateTestKey, hostileTokens, JwksServer, TestIssuer } from '@token-relay/testing';
import { type DecisionTrace } from './explain-token';
import { isRefusal } from './refusals';
import { TokenVerifier } from './token-verifier';
import { type AlgorithmName } from './algorithms';
import { type TokenVerifierOptions } from './verifier-options';

const ALGORITHMS: readonly AlgorithmName[] = ['ES256', 'RS256', 'EdDSA'];

describe('explain', () => {
  let issuer: TestIssuer;
  let verifier: TokenVerifier;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    verifier = verifierFor();
  });

  function verifierFor(options: Partial<TokenVerifierOptions> = {}, more: object = {}): TokenVerifier {
    const keys = { jwks: issuer.jwks, ...more };
    return TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ALGORITHMS, ...keys }],
      now: issuer.clock.now,
      ...options,
    });
  }

  const outcomes = (trace: DecisionTrace) => trace.stages.map(({ stage, outcome }) => `${stage} ${outcome}`);
  const failedChecks = (trace: DecisionTrace) =>
    trace.stages.flatMap(({ checks }) =>
      checks.filter(({ outcome }) => outcome === 'failed').map(({ check }) => check),
    );

  it('of a good token: every stage passed, for whom it is, how old it is, which key', async () => {
    issuer.clock.advance(100);
    const token = await issuer.token({ iat: issuer.clock.now() - 65, exp: issuer.clock.now() + 200 });
    const trace = await verifier.explain(token);
    expect(outcomes(trace)).toEqual([
      'decode passed',
      'select_issuer passed',
      'resolve_key passed',
      'verify_signature passed',
      'validate_claims passed',
      'check_revocation passed',
    ]);
    expect(trace).toMatchObject({
      outcome: 'accepted',
      hints: [],
      principal: { subject: issuer.claims().sub },
      token: { verified: true, bytes: token.length, header: { alg: 'ES256' }, claims: { aud: 'resource' } },
      times: { ageSeconds: 65, age: '1 minute 5 seconds', remainingSeconds: 200, remaining: '3 minutes 20 seconds' },
      key: { kid: issuer.key.kid, source: 'jwks', usable: [{ kid: issuer.key.kid, algorithm: 'ES256' }] },
    });
    expect(trace.code).toBeUndefined();
    expect(failedChecks(trace)).toEqual([]);
  });

  it('says how long each stage took, to a hundredth of a millisecond, unless it was skipped', async () => {
    const good = await verifier.explain(await issuer.token());
    expect(good.stages.map(({ ms }) => typeof ms)).toEqual(Array<string>(6).fill('number'));
    for (const { ms = 0 } of good.stages) expect(ms).toBe(Math.round(ms * 100) / 100);
    const stranger = await verifier.explain(await issuer.token({ iss: 'https://other.test' }));
    expect(stranger.stages.map(({ ms }) => typeof ms)).toEqual([
      ...Array<string>(2).fill('number'),
      ...Array<string>(4).fill('undefined'),
    ]);
  });

  it('never shows the signature', async () => {
    const good = await issuer.token();
    const [, , signature = ''] = good.split('.');
    const traces = [good, await issuer.token({ aud: 'audit' }), `${good}.x`, `Bearer ${good}`, `${good} `];
    for (const token of traces) {
      const [shown, hidden] = [JSON.stringify(await verifier.explain(token)), token.split('.')[2] ?? signature];
      expect(shown).not.toContain(hidden.trim());
      expect(shown).not.toContain(signature);
    }
  });

  it('says of every hostile token what verify says of it, and what was expected instead', async () => {
    for (const { name, token } of await hostileTokens(issuer)) {
      const verdict = await verifier.verify(token).then(
        () => 'accepted',
        (error: unknown) => (isRefusal(error) ? error.code : 'unexpected'),
      );
      const trace = await verifier.explain(token);
      expect([name, trace.outcome, trace.code]).toEqual([name, 'rejected', verdict]);
      const failed = trace.stages.filter(({ outcome }) => outcome === 'failed');
      expect(failed).toHaveLength(1);
      expect([name, failed[0]]).toEqual([name, expect.objectContaining({ code: verdict })]);
      expect([name, failed[0]?.expected, failed[0]?.actual]).toEqual([
        name,
        expect.stringMatching(/./),
        expect.stringMatching(/./),
      ]);
      const after = trace.stages.slice(trace.stages.findIndex(({ outcome }) => outcome === 'failed') + 1);
      expect(after.every(({ outcome }) => outcome === 'skipped')).toBe(true);
      expect(trace.token.verified).toBe(failed[0]?.stage === 'validate_claims');
    }
  });

  it('lists everything that is wrong with the claims, though one thing was enough', async () => {
    const now = issuer.clock.now();
    const wrong = { aud: 'audit', jti: undefined, scope: ['x'], iat: now - 120, exp: now - 60 };
    const trace = await verifier.explain(await issuer.token(wrong));
    expect(failedChecks(trace)).toEqual(['exp', 'aud', 'scope', 'jti']);
  });

  it('looks at the claims of a token whose signature is wrong, and calls them unverified', async () => {
    const stranger = await generateTestKey();
    const trace = await verifier.explain(await issuer.token({ aud: 'audit' }, { kid: issuer.key.kid }, stranger));
    expect(trace).toMatchObject({ code: 'signature_invalid', token: { verified: false } });
    expect(outcomes(trace)).toContain('validate_claims skipped');
    expect(failedChecks(trace)).toEqual(['signature', 'aud']);
  });

  it('is undecided where verify is, and says why', async () => {
    const server = await JwksServer.start({ keys: [] });
    const remote = verifierFor({}, { jwks: undefined, jwksUri: server.url, dangerouslyAllowHttp: true });
    try {
      const trace = await remote.explain(await issuer.token());
      expect(trace).toMatchObject({ outcome: 'undecided', code: 'keys_unavailable', status: 503 });
      expect(trace.hints.join(' ')).toContain('holds no key that can be used');
      expect(trace.key?.source).toBe(server.url);
    } finally {
      remote.close();
      await server.stop();
    }
  });

  it.each<[string, object, string[]]>([
    ['objects for times', { exp: { toString: 1, valueOf: 1 }, iat: { valueOf: 1 } }, ['exp', 'iat']],
    ['a text for exp', { exp: 'x' }, ['exp']],
    ['exp out of every calendar', { exp: 1e300 }, ['exp', 'lifetime']],
    ['exp before iat', { exp: 1_800_000_060, iat: 1_800_000_090 }, ['exp', 'lifetime']],
    ['nbf after exp', { nbf: 1_800_000_399.5, exp: 1_800_000_399 }, ['lifetime']],
  ])('marks with %s just what is wrong', async (_name, claims, checks) => {
    const at = TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ALGORITHMS, jwks: issuer.jwks }],
      now: () => 1_800_000_398,
    });
    const trace = await at.explain(await issuer.token({ iat: 1_800_000_100, exp: 1_800_000_400, ...claims }));
    expect([trace.code, failedChecks(trace)]).toEqual(['claim_malformed', checks]);
  });

  it('tells nobody, and remembers nothing', async () => {
    const verified = jest.fn();
    const quiet = verifierFor({ observer: { verified } });
    const token = await issuer.token();
    await quiet.explain(token);
    expect(verified).not.toHaveBeenCalled();
    expect(quiet.recall(token)).toBeUndefined();
  });

  it('writes what a terminal would act on as escapes', async () => {
    const trace = await verifier.explain(await issuer.token({ aud: '\u001b[2J\u009b31m\u202e\u007f' }));
    const shown = trace.stages.flatMap(({ checks }) => checks.map(({ actual }) => actual)).join('');
    // eslint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/);
    expect(shown).toContain(String.raw`\u001b[2J\u009b31m\u202e\u007f`);
  });

  describe('hints at', () => {
    const hintsOf = async (token: string, of = verifier) => (await of.explain(token)).hints.join('\n');
    const now = () => issuer.clock.now();

    it.each<[string, () => Promise<string> | string, RegExp]>([
      ['the word Bearer', async () => `Bearer ${await issuer.token()}`, /begins with "Bearer"/],
      ['quotes', async () => `"${await issuer.token()}"`, /quotes/],
      ['line breaks', async () => (await issuer.token()).replace('.', '.\n'), /white space/],
      ['percent encoding', async () => (await issuer.token()).replace('.', '%2E'), /percent-encoded/],
      ['an encrypted token', () => 'a.b.c.d.e', /JWE/],
      ['an opaque token', () => 'gho_16C7e42F292c6912E7710c838347Ae178B4a', /opaque/],
      [
        'an unsigned token',
        async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await issuer.token()).split('.')[1]}.`,
        /not signed/,
      ],
      [
        'a shared secret',
        async () =>
          `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${(await issuer.token()).split('.')[1]}.AA`,
        /sharedSecret/,
      ],
      [
        'the issuer with a slash more',
        () => issuer.token({ iss: 'https://issuer.test/' }),
        /differs from https:\/\/issuer.test in/,
      ],
      [
        'milliseconds',
        () => issuer.token({ iat: now() * 1000, exp: (now() + 300) * 1000 }),
        /^exp looks like milliseconds.*\niat looks like milliseconds/,
      ],
      ['a slow clock', () => issuer.token({ iat: now() + 90, exp: now() + 300 }), /clock 1 minute 30 seconds behind/],
      ['a token that is just too late', () => issuer.token({ iat: now() - 300, exp: now() - 6 }), /only just expired/],
      ['the option for a long life', () => issuer.token({ exp: now() + 901 }), /dangerouslyMaxLifetimeSeconds: 901/],
      ['the option for ignored parameters', () => issuer.token({}, { x5c: ['AAAA'] }), /ignoredHeaderParameters/],
      ['the option profile', () => issuer.token({ client_id: undefined }, { typ: 'JWT' }), /profile.*generic/],
      ['the option audience', () => issuer.token({ aud: 'audit' }), /option audience/],
      ['the option algorithms', async () => issuer.token({}, {}, await generateTestKey('PS256')), /algorithms/],
    ])('%s', async (_name, token, hint) => {
      expect(await hintsOf(await token())).toMatch(hint);
    });

    it.each<[string, () => Promise<string>]>([
      ['of a stranger', async () => issuer.token({}, { typ: 'at+jwt', kid: 'unknown' })],
      ['that has expired', () => issuer.token({ iat: now() - 3_000, exp: now() - 2_700 })],
      ['in milliseconds', () => issuer.token({ iat: now() * 1000, exp: (now() + 300) * 1000 })],
      ['for another purpose', () => issuer.token({ events: {} })],
      ['bound to a key', () => issuer.token({ cnf: {} })],
    ])('no option for a token %s', async (_name, token) => {
      expect(await hintsOf(await token())).not.toMatch(/would have|profile/);
    });

    it('a key that is in the set but of no use', async () => {
      const second = await generateTestKey();
      const jwks = { keys: [...issuer.jwks.keys, { ...second.publicJwk, use: 'enc' }] };
      expect(await hintsOf(await issuer.token({}, {}, second), verifierFor({}, { jwks }))).toMatch(
        /its use is not sig/,
      );
    });

    it('the lifetime, where only an option below the cap was too low', async () => {
      const short = verifierFor({ maxLifetimeSeconds: 60 });
      expect(await hintsOf(await issuer.token(), short)).toMatch(/^maxLifetimeSeconds: 300 would/);
    });

    it('no number that is beyond words', async () => {
      const { times } = await verifier.explain(await issuer.token({ exp: 8e12 }));
      expect(times?.remaining).toBe('more than a thousand years');
    });

    it('the clock that was measured to be wrong', async () => {
      const server = await JwksServer.start(issuer.jwks);
      server.headers = { date: new Date((now() + 120) * 1000).toUTCString() };
      const remote = verifierFor({}, { jwks: undefined, jwksUri: server.url, dangerouslyAllowHttp: true });
      try {
        const hints = await hintsOf(await issuer.token({ iat: now() + 120, exp: now() + 400 }), remote);
        expect(hints).toMatch(/issuer's clock is (1 minute 59 seconds|2 minutes.*) ahead of this one/);
      } finally {
        remote.close();
        await server.stop();
      }
    });
  });
});
