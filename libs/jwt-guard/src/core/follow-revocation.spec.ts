import { TestIssuer } from '@token-relay/testing';
import { RevocationCopy } from '../revocation/revocation-copy';
import { type RevocationSource } from './check-revocation';
import { TokenVerifier } from './token-verifier';
import { type TokenVerifierOptions } from './verifier-options';

let issuer: TestIssuer;
beforeAll(async () => (issuer = await TestIssuer.create()));

function verifierWith(source: object | undefined, options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  const revocation = source && ({ isRevoked: () => false, ...source } as RevocationSource);
  return TokenVerifier.create({
    issuers: [{ issuer: issuer.issuer, audience: issuer.audience, algorithms: ['ES256'], jwks: issuer.jwks }],
    now: issuer.clock.now,
    ...(revocation && { revocation }),
    ...options,
  });
}

/** A source whose getters throw; spreading one would call them. */
const broken: RevocationSource = {
  isRevoked: () => false,
  get ageSeconds(): number {
    throw new Error('lost');
  },
  get ready(): boolean {
    throw new Error('lost');
  },
};

describe('how far revocations are behind', () => {
  it.each([
    ['no source', undefined, 0],
    ['a source that is never behind', {}, 0],
    ['0', { ageSeconds: 0 }, 0],
    ['12.5', { ageSeconds: 12.5 }, 12.5],
    ['Infinity', { ageSeconds: Infinity }, Infinity],
    ['less than nothing', { ageSeconds: -0.001 }, Infinity],
    ['no number', { ageSeconds: NaN }, Infinity],
    ['a text', { ageSeconds: '0' }, Infinity],
    ['null', { ageSeconds: null }, Infinity],
    ['a function', { ageSeconds: () => 0 }, Infinity],
  ])('is, of %s, told or taken for endless', (_what, source, age) => {
    expect(verifierWith(source).revocationAgeSeconds).toBe(age);
  });

  it('is endless when the source throws, which is not ready then', () => {
    const verifier = verifierWith(undefined, { revocation: broken });
    expect(verifier.revocationAgeSeconds).toBe(Infinity);
    expect(verifier.revocationReady).toBe(false);
  });

  it('refuses no token by itself', async () => {
    const verifier = verifierWith({ ageSeconds: Infinity });
    const token = await issuer.token();
    await expect(verifier.verify(token)).resolves.toBeDefined();
    expect(verifier.recall(token)).toBeDefined();
    const { stages, outcome } = await verifier.explain(token);
    expect(outcome).toBe('accepted');
    expect(stages.at(-1)?.checks).toContainEqual({
      check: 'revocation_age',
      outcome: 'passed',
      expected: 'at most 10 s; past that, as the handler has it (WhenStale)',
      actual: 'unknown: the source was never complete, or gives no age',
    });
  });

  it.each([
    [0.2, 'less than a second'],
    [75, '1 minute 15 seconds'],
  ])('is explained in words: %d', async (ageSeconds, actual) => {
    const { stages } = await verifierWith({ ageSeconds }).explain(await issuer.token());
    expect(stages.at(-1)?.checks).toContainEqual(expect.objectContaining({ check: 'revocation_age', actual }));
  });

  it('is not explained where there is no source', async () => {
    const { stages } = await verifierWith(undefined).explain(await issuer.token());
    expect(stages.at(-1)?.checks.map(({ check }) => check)).toEqual(['revocation']);
  });
});

describe('a verifier', () => {
  it.each([
    [undefined, true],
    [{}, true],
    [{ ready: true }, true],
    [{ ready: false }, false],
    [{ ready: 1 }, false],
    [{ ready: null }, false],
  ])('with the source %p is ready: %p', (source, ready) => {
    const verifier = verifierWith(source);
    expect(verifier.revocationReady).toBe(ready);
    expect(verifier.ready).toBe(ready);
  });

  it('is ready once a copy is complete, and judges by what it holds before', async () => {
    const copy = new RevocationCopy({ issuer: issuer.issuer, now: issuer.clock.now });
    const verifier = verifierWith(undefined, { revocation: copy });
    const [good, revoked] = [await issuer.token(), await issuer.token({ jti: 'revoked' })];
    copy.merge([{ kind: 'jti', value: 'revoked', until: issuer.clock.now() + 300 }]);
    expect(verifier.ready).toBe(false);
    expect(verifier.revocationAgeSeconds).toBe(Infinity);
    await expect(verifier.verify(revoked)).rejects.toMatchObject({ code: 'token_revoked' });
    await expect(verifier.verify(good)).rejects.toMatchObject({ code: 'revocation_unavailable' });
    copy.completeAsOf(0);
    expect(verifier.ready).toBe(true);
    expect(verifier.revocationAgeSeconds).toBeLessThan(5);
    await expect(verifier.verify(good)).resolves.toBeDefined();
  });

  it('starts its source as it loads, and waits for it', async () => {
    let complete = (): void => undefined;
    const start = jest.fn(() => new Promise<void>((resolve) => (complete = resolve)));
    let loaded = false;
    const loading = verifierWith({ start })
      .load()
      .then(() => (loaded = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([start.mock.calls.length, loaded]).toEqual([1, false]);
    complete();
    await loading;
  });

  it.each<[string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('no route to host'))],
    [
      'throws',
      () => {
        throw new Error('no route to host');
      },
    ],
  ])('loads its keys when its source %s, and says so', async (_what, start) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
    const source = { start, ready: false };
    const silent = verifierWith(source);
    await expect(silent.load()).resolves.toBeUndefined();
    expect(silent.ready).toBe(false);
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('could not be started') as string, { code: 'JWT_GUARD_REVOCATION' }],
    ]);
    const revocationFailed = jest.fn();
    await verifierWith(source, { observer: { revocationFailed } }).load();
    expect(revocationFailed.mock.calls).toEqual([[{ reason: 'no route to host' }]]);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('closes its source, and is closed whatever comes of that', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
    const close = jest.fn();
    verifierWith({ close }).close();
    expect(close).toHaveBeenCalledTimes(1);
    close.mockImplementationOnce(() => {
      throw new Error('closed twice');
    });
    expect(() => verifierWith({ close }).close()).not.toThrow();
    close.mockReturnValueOnce(Promise.reject(new Error('closed twice')));
    expect(() => verifierWith({ close }).close()).not.toThrow();
    await new Promise((resolve) => setImmediate(resolve));
    expect(warn).toHaveBeenCalledTimes(2);
    warn.mockRestore();
  });

  it.each(['isKeyRevoked', 'onKeysChanged', 'subscribe', 'start', 'close'])(
    'is not made with a source whose %s is no method',
    (name) => {
      for (const value of [true, null, 'yes', {}]) {
        expect(() => verifierWith({ [name]: value })).toThrow(new RegExp(`^revocation: its ${name} must be a method`));
      }
      expect(() => verifierWith({ [name]: undefined })).not.toThrow();
    },
  );
});
