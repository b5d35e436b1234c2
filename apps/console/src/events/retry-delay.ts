const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/**
 * How long to wait before the stream is asked for again, in milliseconds: a second, two, four, half a minute at most, less
 * up to a half by chance, so that pages don't come back together.
 *
 * @param failures in a row, 1 for the first
 * @param random from 0 to 1
 */
export function retryDelayMs(failures: number, random: number, retryAfterSeconds = 0): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return Math.max(longest * (1 - random / 2), retryAfterSeconds * 1_000);
}
