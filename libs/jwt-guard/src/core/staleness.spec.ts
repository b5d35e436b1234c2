import { VerifierUnavailable } from './refusals';
import { checkStaleness, staleRule, stalenessLimit, type WhenStaleRule } from './staleness';

const allow = (allowForSeconds: number): WhenStaleRule => ({ allowForSeconds });

describe('the age of revocations', () => {
  it.each<[what: string, rule: WhenStaleRule | undefined, isSafe: boolean, limit: number]>([
    ['without a rule, of what changes something', undefined, false, 70],
    ['with deny, of what changes something', 'deny', false, 10],
    ['with deny, of what changes nothing', 'deny', true, 10],
    ['with 0 s more, of what changes something', allow(0), false, 10],
    ['with 0 s more, of what changes nothing', allow(0), true, 10],
    ['with 30 s more, of what changes something', allow(30), false, 40],
    ['with 30 s more, of what changes nothing', allow(30), true, 40],
    ['with 900 s more, of what changes something', allow(900), false, 910],
  ])('may be, %s, just the limit, and no more', (_what, rule, isSafe, limit) => {
    const check = (ageSeconds: number) => () => checkStaleness(ageSeconds, rule, isSafe);
    expect(check(0)).not.toThrow();
    expect(check(limit)).not.toThrow();
    for (const tooOld of [limit + 0.001, limit + 1, Infinity, NaN]) {
      expect(check(tooOld)).toThrow(expect.objectContaining({ code: 'revocation_stale', status: 503 }) as Error);
    }
    expect(check(limit + 0.001)).toThrow(VerifierUnavailable);
  });

  it('may be anything for what changes nothing, where no rule says otherwise', () => {
    for (const age of [0, 10, 70, 100_000, Infinity]) expect(() => checkStaleness(age, undefined, true)).not.toThrow();
  });
});

describe('a rule', () => {
  it.each<[WhenStaleRule, number]>([
    ['deny', 10],
    [allow(0), 10],
    [allow(0.5), 10.5],
    [allow(900), 910],
  ])('%p is one, with the limit %d', (rule, limit) => {
    expect(stalenessLimit(staleRule('here', rule))).toBe(limit);
  });

  it.each([
    [undefined],
    [null],
    ['allow'],
    [''],
    [60],
    [{}],
    [{ allowForSeconds: -1 }],
    [{ allowForSeconds: 900.001 }],
    [{ allowForSeconds: Infinity }],
    [{ allowForSeconds: NaN }],
    [{ allowForSeconds: '60' }],
  ])('%p is none', (rule) => {
    expect(() => staleRule('here', rule as unknown as WhenStaleRule)).toThrow(/^here: must be 'deny' or/);
  });

  it('can not be changed later', () => {
    const written = { allowForSeconds: 0 };
    const rule = staleRule('here', written);
    written.allowForSeconds = 900;
    expect(rule).toEqual({ allowForSeconds: 0 });
    expect(Object.isFrozen(rule)).toBe(true);
  });
});
