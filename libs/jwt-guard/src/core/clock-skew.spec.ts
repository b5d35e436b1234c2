import { ClockSkew } from './clock-skew';

const NOW = 1_800_000_000.5;
const answer = (ahead: number, age?: number) =>
  new Headers({
    date: new Date((NOW - 0.5 - ahead) * 1000).toUTCString(),
    ...(age === undefined ? {} : { age: String(age) }),
  });

describe('ClockSkew', () => {
  it.each([
    ['ahead', 6, 6],
    ['behind', -6, -6],
    ['right', 0, 0],
  ])('measures a clock that is %s', (_name, ahead, measured) => {
    const skew = new ClockSkew(5);
    skew.read(answer(ahead), NOW, 0);
    expect(skew.seconds).toBe(measured);
  });

  it('is certain at the third reading in a row, once', () => {
    const skew = new ClockSkew(5);
    expect([1, 2, 3, 4].map(() => skew.read(answer(6), NOW, 0))).toEqual([false, false, true, false]);
  });

  it('begins anew after a reading within the tolerance', () => {
    const skew = new ClockSkew(5);
    const readings = [6, 6, 5, 6, 6, 6].map((ahead) => skew.read(answer(ahead), NOW, 0));
    expect(readings).toEqual([false, false, false, false, false, true]);
  });

  it('adds the age of a cached answer', () => {
    const skew = new ClockSkew(5);
    skew.read(answer(100, 100), NOW, 0);
    expect(skew.seconds).toBe(0);
  });

  it.each([
    ['below zero', '-50', 0],
    ['a fraction', '1.5', 0],
    ['longer than anybody keeps keys', '1000000000', 0],
    ['no number', 'soon', 0],
    ['of two caches: the first counts', '60, 30', 60],
  ])('an age %s', (_name, age, counted) => {
    const skew = new ClockSkew(5);
    const { date } = Object.fromEntries(answer(0)) as { date: string };
    skew.read(new Headers({ date, age }), NOW, 0);
    expect(skew.seconds).toBe(0 - counted);
  });

  it('takes no date that HTTP does not know', () => {
    const skew = new ClockSkew(5);
    skew.read(new Headers({ date: new Date((NOW - 60) * 1000).toISOString() }), NOW, 0);
    expect(skew.seconds).toBeUndefined();
  });

  it('takes no reading from an answer without a date, and none as certain that may have been held up', () => {
    const skew = new ClockSkew(5);
    skew.read(new Headers(), NOW, 0);
    expect(skew.seconds).toBeUndefined();
    expect([1, 2, 3].map(() => skew.read(answer(6), NOW, 2))).toEqual([false, false, false]);
  });
});
