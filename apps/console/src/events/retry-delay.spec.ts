import { retryDelayMs } from './retry-delay';

describe('the wait before the events are asked for again', () => {
  it('doubles up to half a minute', () => {
    expect([1, 2, 3, 6, 50].map((failures) => retryDelayMs(failures, 0))).toEqual([
      1_000, 2_000, 4_000, 30_000, 30_000,
    ]);
  });

  it('is shorter by a half at most', () => {
    expect(retryDelayMs(2, 1)).toBe(1_000);
  });

  it('is never shorter than the server asks for', () => {
    expect(retryDelayMs(1, 1, 7)).toBe(7_000);
  });
});
