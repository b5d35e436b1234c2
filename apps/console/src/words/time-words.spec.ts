import { clockOf, fromNow, inMilliseconds, inWords, momentOf, timeOf } from './time-words';

describe('time in words', () => {
  it.each([
    [-1, '0 seconds'],
    [0, '0 seconds'],
    [1, '1 second'],
    [59.9, '59 seconds'],
    [60, '1 minute'],
    [270, '4 minutes 30 seconds'],
    [3_600, '1 hour'],
    [90_061, '1 day 1 hour'],
  ])('%d s are %s', (seconds, words) => {
    expect(inWords(seconds)).toBe(words);
  });

  it.each([
    [-5, '0:00'],
    [5, '0:05'],
    [299.9, '4:59'],
    [3_599, '59:59'],
    [3_661, '1:01:01'],
  ])('a clock shows %d s as %s', (seconds, shown) => {
    expect(clockOf(seconds)).toBe(shown);
  });

  it.each([
    [500, 'now'],
    [-999, 'now'],
    [60_000, 'in 1 minute'],
    [-7_200_000, '2 hours ago'],
  ])('what is %d ms from now is %s', (ms, words) => {
    expect(fromNow(new Date(1e12 + ms), new Date(1e12))).toBe(words);
  });

  it.each([
    [0, '< 0.01 ms'],
    [0.0049, '< 0.01 ms'],
    [0.005, '0.01 ms'],
    [0.016, '0.02 ms'],
    [12.34, '12.3 ms'],
    [123.4, '123 ms'],
  ])('%d ms is shown as %s', (ms, shown) => {
    expect(inMilliseconds(ms)).toBe(shown);
  });

  it.each([
    [new Date(2026, 10, 26, 16, 12, 34), '16:12:34', '26 Nov 2026, 16:12:34'],
    [new Date(2026, 0, 2, 0, 5, 6), '00:05:06', '2 Jan 2026, 00:05:06'],
  ])('the clock on the wall shows %s as %s', (at, time, moment) => {
    expect(timeOf(at)).toBe(time);
    expect(momentOf(at)).toBe(moment);
  });
});
