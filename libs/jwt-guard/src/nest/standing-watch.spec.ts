import { Logger } from '@nestjs/common';
import { type RevocationSource } from '../core/check-revocation';
import { type Principal } from '../core/principal';
import { type Refusal, TokenRejected, VerifierUnavailable } from '../core/refusals';
import { principalOf } from '../../test/principals';
import { currentRelayContext, runInContext } from '../relay/relay-context';
import { type CallRules, CallState } from './call-state';
import { StandingWatch } from './standing-watch';

describe('the watch on what outlives its call', () => {
  /** What the verifier says of a principal, where it doesn't say that all is well. */
  const verdicts = new Map<Principal, Error>();
  const looks = jest.fn((principal: Principal) => {
    const verdict = verdicts.get(principal);
    if (verdict) throw verdict;
  });
  let now: number;
  let changed: () => void;
  let isSubscribed: boolean;
  let watch: StandingWatch;
  let ended: string[];

  const source: RevocationSource = {
    isRevoked: () => false,
    subscribe(listener) {
      changed = listener;
      isSubscribed = true;
      return () => (isSubscribed = false);
    },
  };
  const ending =
    (name: string) =>
    (refusal: Refusal): void =>
      void ended.push(`${name} ${refusal.code}`);

  beforeEach(() => {
    jest.useFakeTimers();
    verdicts.clear();
    ended = [];
    now = 1_299;
    watch = new StandingWatch({ recheck: looks }, () => now, source);
    looks.mockClear();
  });
  afterEach(() => {
    watch.close();
    jest.useRealTimers();
  });

  it('ends it within a second of the expiry, without the tolerance, and once', () => {
    watch.watch(principalOf({ exp: 1_300 }), ending('a'));
    now = 1_299.999;
    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual([]);
    now = 1_300;
    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual(['a token_expired']);
    jest.advanceTimersByTime(60_000);
    changed();
    expect(ended).toEqual(['a token_expired']);
    expect(watch.size).toBe(0);
  });

  it('ends it at once when its token was revoked, and leaves the others', () => {
    const [one, other] = [principalOf({ jti: '1' }), principalOf({ jti: '2' })];
    watch.watch(one, ending('one'));
    watch.watch(one, ending('one again'));
    watch.watch(other, ending('other'));
    verdicts.set(one, new TokenRejected('token_revoked'));
    changed();
    expect(ended).toEqual(['one token_revoked', 'one again token_revoked']);
    expect(watch.size).toBe(1);
  });

  it('ends each in the context of whoever watches it, whoever was first', () => {
    const call = (id: string) =>
      new CallState({} as CallRules, {
        transactionId: id,
        traceparent: undefined,
        locale: undefined,
        deadline: undefined,
      });
    const seen: (string | undefined)[] = [];
    const note = (): void => void seen.push(currentRelayContext()?.transactionId);
    for (const id of ['call-of-alice', 'call-of-bob']) {
      runInContext(call(id), () => watch.watch(principalOf({ exp: 1_300 }), note));
    }
    watch.watch(principalOf({ exp: 1_300 }), note);
    now = 1_300;
    jest.advanceTimersByTime(1_000);
    expect(seen).toEqual(['call-of-alice', 'call-of-bob', undefined]);
  });

  it('goes on when an end fails later, and when the clock is broken', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    watch.watch(principalOf({ exp: 1_300 }), () => Promise.reject(new Error('later')) as unknown as undefined);
    watch.watch(principalOf({ exp: 1_300 }), ending('a'));
    const broken = principalOf({ exp: 1_400 });
    watch.watch(broken, ending('broken'));
    verdicts.set(broken, new TypeError('now: the clock must return a number'));
    now = 1_300;
    jest.advanceTimersByTime(1_000);
    await Promise.resolve();
    expect(ended).toEqual(['a token_expired']);
    expect(log).toHaveBeenCalledTimes(2);
    log.mockRestore();
  });

  it('watches nothing any more when it is closed', () => {
    watch.close();
    watch.watch(principalOf({ exp: 1_300 }), ending('a'));
    expect([watch.size, jest.getTimerCount()]).toEqual([0, 0]);
  });

  it('looks twice for a thousand changes in a row, and again after them', () => {
    const principal = principalOf();
    watch.watch(principal, ending('a'));
    looks.mockClear();
    for (let i = 0; i < 1_000; i++) changed();
    expect(looks).toHaveBeenCalledTimes(1);
    verdicts.set(principal, new TokenRejected('token_revoked'));
    jest.advanceTimersByTime(9);
    expect(ended).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(looks).toHaveBeenCalledTimes(2);
    expect(ended).toEqual(['a token_revoked']);
  });

  it('ends nothing for what can not be told', () => {
    const principal = principalOf();
    watch.watch(principal, ending('a'));
    verdicts.set(principal, new VerifierUnavailable('keys_unavailable'));
    jest.advanceTimersByTime(60_000);
    expect(ended).toEqual([]);
    verdicts.set(principal, new TokenRejected('key_unknown'));
    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual(['a key_unknown']);
  });

  it('calls nobody before it has returned, even for what is over already', () => {
    const principal = principalOf();
    verdicts.set(principal, new TokenRejected('token_revoked'));
    watch.watch(principal, ending('a'));
    expect(ended).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(ended).toEqual(['a token_revoked']);
  });

  it('ends nothing that is watched no more, and keeps no timer for nobody', () => {
    const principal = principalOf();
    const unwatch = watch.watch(principal, ending('a'));
    const unwatchOther = watch.watch(principal, ending('b'));
    expect(jest.getTimerCount()).toBe(1);
    unwatch();
    unwatch();
    verdicts.set(principal, new TokenRejected('token_revoked'));
    changed();
    expect(ended).toEqual(['b token_revoked']);
    unwatchOther();
    jest.advanceTimersByTime(10);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends the others too where one can not be ended', () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    const principal = principalOf();
    watch.watch(principal, () => {
      throw new Error('its socket is broken');
    });
    watch.watch(principal, ending('b'));
    verdicts.set(principal, new TokenRejected('token_revoked'));
    changed();
    expect(ended).toEqual(['b token_revoked']);
    expect(watch.size).toBe(0);
    expect(logged).toHaveBeenCalledTimes(1);
    logged.mockRestore();
  });

  it('refuses a principal of another verifier at once', () => {
    const principal = principalOf();
    verdicts.set(principal, new TypeError('this principal was made by another verifier'));
    expect(() => watch.watch(principal, ending('a'))).toThrow(TypeError);
    expect(watch.size).toBe(0);
  });

  it('does nothing more once it is closed', () => {
    const principal = principalOf();
    watch.watch(principal, ending('a'));
    watch.close();
    expect(isSubscribed).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
    verdicts.set(principal, new TokenRejected('token_revoked'));
    jest.advanceTimersByTime(60_000);
    expect(ended).toEqual([]);
  });
});
