const SECONDS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** In seconds, of a duration such as `30s` or `1h30m`. 0 for none, NaN for what is no duration. */
export function secondsOf(duration = ''): number {
  if (!/^(\d+[hms])*$/.test(duration)) return Number.NaN;
  const parts = [...duration.matchAll(/(\d+)([hms])/g)];
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (SECONDS[unit] ?? Number.NaN), 0);
}
