import { generateTestKey, JwksServer, type TestKey, TestIssuer } from '@token-relay/testing';
import { type VerificationEvent, type VerifierObserver } from './observer';
import { isRefusal } from './refusals';
import { rawToken, type ValidatedToken } from './token-states';
import { TokenVerifier } from './token-verifier';
import { VerdictCache } from './verdict-cache';
import { type VerificationKey } from './verification-key';
import { type TokenVerifierOptions } from './verifier-options';

describe('a remembered token', () => {
  let issuer: TestIssuer;
  let events: VerificationEvent[];
  const observer: VerifierObserver = { verified: (event) => void events.push(event) };
  const revoked = new Set<string>();
  const revocation = { isRevoked: ({ tokenId = '' }) => revoked.has(tokenId) };

  beforeEach(async () => {
    issuer = await TestIssuer.create();
    events = [];
    revoked.clear();
  });

  const verifierFor = (options: Partial<TokenVerifierOptions> = {}) =>
    TokenVerifier.create({
      issuers: [{ issuer: issuer.issuer, audience: 'resource', algorithms: ['ES256'], jwks: issuer.jwks }],
      now: issuer.clock.now,
      observer,
      revocation,
      ...options,
    });
  const outcome = async (verifier: TokenVerifier, token: string) => {
    try {
      return (await verifier.verify(token)).id;
    } catch (error) {
      if (isRefusal(error)) return error.code;
      throw error;
    }
  };
  const cached = () => events.map((event) => event.cached);

  it('is answered with the same principal, without its signature being computed again', async () => {
    const verifier = verifierFor();
    const token = await issuer.token();
    const first = await verifier.verify(token);
    expect(verifier.recall(`${token}`)).toBe(first);
    expect(await verifier.verify([...token].join(''))).toBe(first);
    expect(cached()).toEqual([false, true, true]);
  });

  it('can not be changed by one request for another', async () => {
    const { claims } = await verifierFor().verify(await issuer.token({ address: { lines: ['a'] } }));
    const address = claims.address as { lines: string[] };
    expect(() => address.lines.push('b')).toThrow(TypeError);
    expect(() => Object.assign(address, { city: 'c' })).toThrow(TypeError);
  });

  it('expires to the second', async () => {
    const verifier = verifierFor();
    const token = await issuer.token();
    await verifier.verify(token);
    issuer.clock.advance(300 + 4.999);
    expect(await outcome(verifier, token)).toBe((await verifier.verify(token)).id);
    issuer.clock.advance(0.001);
    expect(await outcome(verifier, token)).toBe('token_expired');
    expect(cached().at(-1)).toBe(true);
  });

  it('is refused again while the clock is set back to before it was issued', async () => {
    const verifier = verifierFor();
    const token = await issuer.token();
    await verifier.verify(token);
    issuer.clock.advance(-6);
    expect(await outcome(verifier, token)).toBe('token_issued_in_future');
  });

  it('is refused as soon as it is revoked, and when that can not be told', async () => {
    let down = false;
    const verifier = verifierFor({
      revocation: {
        isRevoked: (principal) => {
          if (down) throw new Error('down');
          return revocation.isRevoked(principal);
        },
      },
    });
    const token = await issuer.token();
    await verifier.verify(token);
    down = true;
    expect(await outcome(verifier, token)).toBe('revocation_unavailable');
    down = false;
    revoked.add('token-1');
    expect(await outcome(verifier, token)).toBe('token_revoked');
    expect(cached()).toEqual([false, true, true]);
  });

  it.each([
    ['another payload', 1],
    ['another header', 0],
  ])('gives nothing to a token that has %s and the same end', async (_name, part) => {
    const verifier = verifierFor();
    const [good, other] = [await issuer.token(), await issuer.token({ sub: 'admin' }, { foo: 'bar' })];
    await verifier.verify(good);
    const parts = good.split('.');
    parts[part] = other.split('.')[part] ?? '';
    expect(verifier.recall(parts.join('.'))).toBeUndefined();
    expect(await outcome(verifier, parts.join('.'))).toBe('signature_invalid');
    expect(cached().at(-1)).toBe(false);
  });

  it('was good: nothing is remembered of a bad one', async () => {
    const verifier = verifierFor();
    const bad = [
      await issuer.token({ aud: 'audit' }),
      await issuer.token({}, {}, await generateTestKey()),
      await issuer.token({ iat: issuer.clock.now() + 6 }),
    ];
    for (const token of [...bad, ...bad]) await outcome(verifier, token);
    expect(cached()).toEqual(bad.concat(bad).map(() => false));
    // The third was refused for its time only: it is good as soon as that has come.
    issuer.clock.advance(1);
    expect(await outcome(verifier, bad[2] ?? '')).toMatch(/^19:/);
  });

  it('is one of as many as the option says: the one that was not asked for the longest is forgotten', async () => {
    const verifier = verifierFor({ verdictCacheSize: 2 });
    const [a = '', b = '', c = ''] = await Promise.all(['a', 'b', 'c'].map((jti) => issuer.token({ jti })));
    for (const token of [a, b, a, c]) await verifier.verify(token);
    expect([a, b, c].map((token) => verifier.recall(token) !== undefined)).toEqual([true, false, true]);
    const none = verifierFor({ verdictCacheSize: 0 });
    await none.verify(a);
    expect(none.recall(a)).toBeUndefined();
  });

  describe('with keys from a JWKS', () => {
    let server: JwksServer;
    let verifier: TokenVerifier;
    let second: TestKey;

    beforeEach(async () => {
      second = await generateTestKey();
      server = await JwksServer.start(issuer.jwks);
      verifier = verifierFor({
        issuers: [
          {
            issuer: issuer.issuer,
            audience: 'resource',
            algorithms: ['ES256'],
            jwksUri: server.url,
            dangerouslyAllowHttp: true,
          },
        ],
      });
    });
    afterEach(async () => {
      verifier.close();
      await server.stop();
    });

    /** Makes the verifier fetch: the token of a key that it doesn't know waits for that. */
    const refetch = async () => outcome(verifier, await issuer.token({}, {}, second));

    it('stays remembered when the set is fetched again with its key', async () => {
      const token = await issuer.token();
      await verifier.verify(token);
      server.body = { keys: [...issuer.jwks.keys, second.publicJwk] };
      expect(await refetch()).toMatch(/^19:/);
      expect(server.requests).toBe(2);
      expect(verifier.recall(token)).toBeDefined();
    });

    it('is forgotten when its key leaves the set', async () => {
      const token = await issuer.token();
      await verifier.verify(token);
      server.body = { keys: [second.publicJwk] };
      await refetch();
      expect(verifier.recall(token)).toBeUndefined();
      expect(await outcome(verifier, token)).toBe('key_unknown');
    });

    it('is forgotten when another key takes the id of its own', async () => {
      const token = await issuer.token();
      await verifier.verify(token);
      const impostor = await generateTestKey();
      server.body = { keys: [{ ...impostor.publicJwk, kid: issuer.key.kid }, second.publicJwk] };
      await refetch();
      expect(await outcome(verifier, token)).toBe('signature_invalid');
    });
  });
});

describe('VerdictCache', () => {
  const key = {} as VerificationKey;
  const verdict = (raw: string, known: () => unknown = () => key, claims: object = {}) =>
    ({ raw: rawToken(raw), key, issuer: { keys: { known } }, principal: { claims } }) as unknown as ValidatedToken;

  it('stays within its bytes', () => {
    const cache = new VerdictCache({ entries: 1_000, bytes: 20_000 });
    for (let i = 0; i < 100; i++) cache.remember(verdict(`${'x'.repeat(1_000)}${String(i).padStart(32, '0')}`));
    expect(cache.size).toBeGreaterThan(5);
    expect(cache.size).toBeLessThan(10);
  });

  it('asks about the key by itself when it is asked', () => {
    const cache = new VerdictCache({ entries: 10, bytes: 10_000 });
    let current: unknown = key;
    cache.remember(verdict('first', () => current));
    current = undefined;
    expect(cache.recall(rawToken('first'))).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('counts what many small objects take', () => {
    const cache = new VerdictCache({ entries: 1_000, bytes: 100_000 });
    const claims = { lists: Array.from({ length: 900 }, () => []) };
    for (let i = 0; i < 10; i++) cache.remember(verdict(`${i}`.padStart(32), () => key, claims));
    expect(cache.size).toBe(2);
  });

  it('does not take a verdict whose key has left, and drops those whose key leaves', () => {
    const cache = new VerdictCache({ entries: 10, bytes: 10_000 });
    let current: unknown = key;
    cache.remember(verdict('first', () => undefined));
    expect(cache.size).toBe(0);
    cache.remember(verdict('second', () => current));
    cache.remember(verdict('third'));
    current = undefined;
    cache.prune();
    expect(cache.size).toBe(1);
    expect(cache.recall(rawToken('third'))).toBeDefined();
  });
});
