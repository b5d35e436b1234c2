import { VerifierUnavailable } from '../core/refusals';
import { type KeyRevocations, TokenCache } from './token-cache';

const WANTED = { audience: 'resource', scope: 'documents:read', subject: `${'s'.repeat(40)}.end` };
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const TOKEN = `${part({ kid: 'k' })}.${part({ iss: 'https://issuer.example' })}.sig`;
const LONG = 3_600;

describe('a token that was fetched', () => {
  let now: number;
  let cache: TokenCache;

  beforeEach(async () => {
    now = 1_000;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    cache = new TokenCache();
    await cache.fetch(WANTED, () => Promise.resolve({ token: TOKEN, expiresInSeconds: 60 }));
  });

  const recalled = (maxAgeSeconds = LONG, verifier?: KeyRevocations) => cache.recall(WANTED, maxAgeSeconds, verifier);

  it.each([
    [59_999, TOKEN],
    [60_000, undefined],
  ])('is at hand until it expires: after %d ms there is %s', (ms, expected) => {
    now += ms;
    expect(recalled()).toBe(expected);
  });

  it.each([
    [9_999, TOKEN],
    [10_000, undefined],
  ])('is no older than its asker wants: after %d ms there is %s', (ms, expected) => {
    now += ms;
    expect(recalled(10)).toBe(expected);
    expect(recalled()).toBe(TOKEN);
  });

  it('is for the whole token that it was fetched with', () => {
    const other = { ...WANTED, subject: `t${WANTED.subject.slice(1)}` };
    expect(cache.recall(other, LONG, undefined)).toBeUndefined();
    expect(recalled()).toBe(TOKEN);
  });

  it('is dropped when the key that signed it is revoked', () => {
    const isKeyRevoked = jest.fn().mockReturnValueOnce(true).mockReturnValue(false);
    expect(recalled(LONG, { isKeyRevoked })).toBeUndefined();
    expect(isKeyRevoked).toHaveBeenCalledWith('https://issuer.example', 'k');
    expect(recalled(LONG, { isKeyRevoked })).toBeUndefined();
  });

  it('is not given out while nobody can say whether its key is revoked; one that is over is no matter of that', () => {
    const isKeyRevoked = (): never => {
      throw new VerifierUnavailable('revocation_unavailable');
    };
    expect(() => recalled(LONG, { isKeyRevoked })).toThrow(VerifierUnavailable);
    now += 60_000;
    expect(recalled(LONG, { isKeyRevoked })).toBeUndefined();
  });
});
