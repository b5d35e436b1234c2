import { LOGIN_RULES } from './login-throttle';
import { countersIn, Throttle, type ThrottleRule } from './throttle';

describe('a throttle in memory', () => {
  beforeEach(() => void jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
  afterEach(() => void jest.useRealTimers());

  const RULE = { free: 2, memorySeconds: 600, firstDelaySeconds: 5, longestDelaySeconds: 20 };

  it('refuses until the wait is over, and not a millisecond longer', async () => {
    const throttle = new Throttle(RULE, countersIn(undefined));
    await throttle.begin('a');
    for (const delaySeconds of [5, 10, 20, 20]) {
      expect(await throttle.begin('a')).toEqual({ waitMs: 0, delaySeconds });
      expect(await throttle.wait('a')).toBe(delaySeconds * 1_000);
      jest.advanceTimersByTime(delaySeconds * 1_000 - 1);
      expect(await throttle.wait('a')).toBe(1);
      expect(await throttle.begin('a')).toEqual({ waitMs: 1, delaySeconds: 0 });
      jest.advanceTimersByTime(1);
      expect(await throttle.wait('a')).toBe(0);
    }
  });

  it('does not make a delay longer for attempts that it refuses', async () => {
    const throttle = new Throttle(RULE, countersIn(undefined));
    for (let i = 0; i < 50; i++) await throttle.begin('a');
    expect(await throttle.wait('a')).toBe(5_000);
    jest.advanceTimersByTime(5_000);
    expect(await throttle.begin('a')).toEqual({ waitMs: 0, delaySeconds: 10 });
  });

  /** How many attempts are made in so many hours by somebody who tries as often as there may be one, and each second. */
  async function guesses(rule: ThrottleRule, hours: number): Promise<number> {
    const throttle = new Throttle(rule, countersIn(undefined));
    let made = 0;
    for (const end = Date.now() + hours * 3_600_000; Date.now() < end; jest.advanceTimersByTime(1_000)) {
      while ((await throttle.begin('a')).waitMs === 0) made++;
    }
    return made;
  }

  it.each([
    ['an account', LOGIN_RULES.account, 1, 67],
    ['an account', LOGIN_RULES.account, 24, 1_602],
    ['an address', LOGIN_RULES.address, 1, 110],
    ['an address', LOGIN_RULES.address, 24, 519],
  ])('leaves %s, by the rule for logins, so many guesses: %j in %i h: %i', async (_of, rule, hours, expected) => {
    expect(await guesses(rule, hours)).toBe(expected);
  });

  it('counts so many keys and no more, and forgets those that were counted longest ago', async () => {
    const throttle = new Throttle(RULE, countersIn(undefined, 3));
    for (const thing of ['a', 'b', 'c']) {
      await throttle.begin(thing);
      await throttle.begin(thing);
    }
    expect(await throttle.wait('a')).toBeGreaterThan(0);
    for (const thing of ['d', 'e']) await throttle.begin(thing);
    expect(await throttle.wait('a')).toBe(0);
    expect(await throttle.wait('b')).toBe(0);
    expect(await throttle.wait('c')).toBeGreaterThan(0);
  });
});
