import { backOff } from './back-off';

const TIMES = { backOffMs: 100, maxBackOffMs: 2_000 };

describe('backOff', () => {
  it.each([
    [0, 100],
    [1, 200],
    [4, 1_600],
    [5, 2_000],
    [5_000, 2_000],
    [Infinity, 2_000],
  ])('after %d failures before, waits anything up to %d ms', (failures, longest) => {
    expect(backOff(failures, TIMES, () => 0)).toBe(0);
    expect(backOff(failures, TIMES, () => 0.5)).toBe(longest / 2);
    expect(backOff(failures, TIMES, () => 1)).toBe(longest);
  });
});
