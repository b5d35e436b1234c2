import { principalOf } from '../../test/principals';
import { isRefusal } from '../core/refusals';
import { RevocationCopy } from './revocation-copy';

const ISSUER = 'https://issuer.test';
const UNTIL = 2_000;

describe('RevocationCopy', () => {
  let nowMs = 0;
  const copy = () => new RevocationCopy({ issuer: ISSUER, now: () => 1_100, monotonic: () => nowMs });
  const verdict = (source: RevocationCopy, claims: Record<string, unknown>): unknown => {
    try {
      return source.isRevoked(principalOf(claims));
    } catch (error) {
      return isRefusal(error) ? error.code : error;
    }
  };

  beforeEach(() => {
    nowMs = 5_000;
  });

  it("can't tell before it was complete once, but of what it knows to be revoked", () => {
    const source = copy();
    source.merge([{ kind: 'jti', value: 'a', until: UNTIL }]);
    expect(verdict(source, { jti: 'a' })).toBe(true);
    expect(verdict(source, { jti: 'b' })).toBe('revocation_unavailable');
    expect(source.ready).toBe(false);
    source.completeAsOf(0);
    expect(verdict(source, { jti: 'a' })).toBe(true);
    expect(verdict(source, { jti: 'b' })).toBe(false);
    expect(source.ready).toBe(true);
  });

  it('has nothing to say of tokens of another issuer, complete or not', () => {
    expect(verdict(copy(), { iss: 'https://other.test' })).toBe(false);
  });

  it('is as old as the monotonic clock says since it was complete, and Infinity before', () => {
    const source = copy();
    expect(source.ageSeconds).toBe(Infinity);
    source.completeAsOf(1_500);
    expect(source.ageSeconds).toBe(1.5);
    nowMs += 10_000;
    expect(source.ageSeconds).toBe(11.5);
  });

  it('is not made older by an answer that was long on its way', () => {
    const source = copy();
    source.completeAsOf(100);
    source.completeAsOf(9_000);
    expect(source.ageSeconds).toBe(0.1);
  });

  it('resolves when it is complete for the first time, for everybody who waits', async () => {
    const source = copy();
    let resolved = false;
    void source.whenReady.then(() => (resolved = true));
    source.merge([{ kind: 'kid', value: 'key-9' }]);
    await Promise.resolve();
    expect(resolved).toBe(false);
    source.completeAsOf(0);
    await Promise.all([source.whenReady, source.whenReady]);
    expect(resolved).toBe(true);
  });

  it('tells those who have subscribed once for all that comes at once, and only of what is new', () => {
    const source = copy();
    const changed = jest.fn();
    const end = source.subscribe(changed);
    source.merge([
      { kind: 'jti', value: 'a', until: UNTIL },
      { kind: 'sid', value: 'a', until: UNTIL },
    ]);
    expect(changed).toHaveBeenCalledTimes(1);
    source.merge([{ kind: 'jti', value: 'a', until: UNTIL }]);
    source.merge([]);
    source.completeAsOf(0);
    expect(changed).toHaveBeenCalledTimes(1);
    end();
    source.merge([{ kind: 'jti', value: 'b', until: UNTIL }]);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('has merged before it tells', () => {
    const source = copy();
    const seen: unknown[] = [];
    source.subscribe(() => seen.push(verdict(source, { jti: 'a' })));
    source.merge([{ kind: 'jti', value: 'a', until: UNTIL }]);
    expect(seen).toEqual([true]);
  });

  it('takes one function given twice for two', () => {
    const source = copy();
    const changed = jest.fn();
    const end = source.subscribe(changed);
    source.subscribe(changed);
    end();
    end();
    source.merge([{ kind: 'jti', value: 'a', until: UNTIL }]);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('tells everybody, whatever one of them throws', () => {
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation();
    const source = copy();
    const changed = jest.fn();
    source.subscribe(() => {
      throw new Error('broken listener');
    });
    source.subscribe(changed);
    expect(() => source.merge([{ kind: 'jti', value: 'a', until: UNTIL }])).not.toThrow();
    expect(changed).toHaveBeenCalledTimes(1);
    expect(String(warned.mock.calls[0]?.[0])).toContain('broken listener');
  });

  it('knows of a revoked key before it is complete, and says no of every other', () => {
    const source = copy();
    source.merge([{ kind: 'kid', value: 'key-9' }]);
    const keys = () => ['key-9', 'key-1'].map((kid) => source.isKeyRevoked(ISSUER, kid));
    expect(keys()).toEqual([true, false]);
    source.completeAsOf(0);
    expect(keys()).toEqual([true, false]);
  });

  it('tells that keys have changed, once for all that comes at once, and nobody who asked for revocations', () => {
    const source = copy();
    const [revoked, keysChanged] = [jest.fn(), jest.fn()];
    source.subscribe(revoked);
    const end = source.onKeysChanged(keysChanged);
    source.onKeysChanged(keysChanged)();
    source.merge([
      { kind: 'keys', version: 1 },
      { kind: 'keys', version: 2 },
    ]);
    expect([keysChanged.mock.calls.length, revoked.mock.calls.length, source.version]).toEqual([1, 0, 0]);
    source.merge([{ kind: 'keys', version: 2 }]);
    expect(keysChanged).toHaveBeenCalledTimes(2);
    source.merge([{ kind: 'kid', value: 'key-9' }]);
    expect([keysChanged.mock.calls.length, revoked.mock.calls.length, source.version]).toEqual([2, 1, 1]);
    end();
    source.merge([{ kind: 'keys', version: 3 }]);
    expect(keysChanged).toHaveBeenCalledTimes(2);
  });

  it('knows what is revoked before it tells that keys have changed', () => {
    const source = copy();
    const seen: unknown[] = [];
    source.onKeysChanged(() => seen.push(source.isKeyRevoked(ISSUER, 'key-9')));
    source.merge([
      { kind: 'keys', version: 1 },
      { kind: 'kid', value: 'key-9' },
    ]);
    expect(seen).toEqual([true]);
  });

  it('tells that keys may have changed once it was complete, and not before', () => {
    const source = copy();
    const changed = jest.fn();
    source.onKeysChanged(changed);
    source.keysMayHaveChanged();
    expect(changed).not.toHaveBeenCalled();
    source.completeAsOf(0);
    source.keysMayHaveChanged();
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('tells what was revoked as it comes, once each, and nothing of what was there at first', () => {
    const source = copy();
    const revoked = jest.fn();
    const end = source.onRevoked(revoked);
    source.merge([{ kind: 'jti', value: 'a', until: UNTIL }]);
    source.completeAsOf(0);
    expect(revoked).not.toHaveBeenCalled();
    const later = [
      { kind: 'jti', value: 'b', until: UNTIL },
      { kind: 'kid', value: 'key-9' },
    ] as const;
    source.merge([{ kind: 'jti', value: 'a', until: UNTIL }, { kind: 'keys', version: 1 }, ...later]);
    source.merge(later);
    expect(revoked.mock.calls).toEqual([[later]]);
    end();
    source.merge([{ kind: 'jti', value: 'c', until: UNTIL }]);
    expect(revoked).toHaveBeenCalledTimes(1);
  });

  it('says how much it holds and how often that was of use', () => {
    const source = copy();
    source.merge([
      { kind: 'jti', value: 'a', until: UNTIL },
      { kind: 'jti', value: 'b', until: 1_000 },
    ]);
    expect(source.stats).toEqual({ entries: 2, hits: 0 });
    verdict(source, { jti: 'a' });
    source.sweep();
    expect(source.stats).toEqual({ entries: 1, hits: 1 });
    expect([...source.entries()]).toEqual([{ kind: 'jti', value: 'a', until: UNTIL }]);
  });
});
