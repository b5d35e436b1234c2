export interface BackOffTimes {
  /** The longest wait after a first failure, in milliseconds; doubles with each. */
  readonly backOffMs: number;
  /** The longest wait there is, in milliseconds. */
  readonly maxBackOffMs: number;
}

/**
 * How long to wait before the next try, in milliseconds: anything from 0 to the longest, so that all who have lost the
 * same server don't come back to it at once.
 *
 * @param failures how many there were in a row before this one
 */
export function backOff(failures: number, times: BackOffTimes, random: () => number = Math.random): number {
  return random() * Math.min(times.maxBackOffMs, times.backOffMs * 2 ** failures);
}
