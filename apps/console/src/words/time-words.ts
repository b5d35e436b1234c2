const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** Seconds as its largest two units: `4 minutes 30 seconds`. */
export function inWords(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole > 0) parts.push(counted(whole, unit));
  }
  if (rest > 0 || parts.length === 0) parts.push(counted(rest, 'second'));
  return parts.slice(0, 2).join(' ');
}

/** Always of the same width until an hour is left, so that nothing beside it moves: `4:05`. */
export function clockOf(seconds: number): string {
  const left = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(left / 3_600), Math.floor(left / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

/** `in 5 minutes`, `2 hours ago`, `now`. */
export function fromNow(at: Date, now: Date): string {
  const seconds = Math.trunc((at.getTime() - now.getTime()) / 1_000);
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${inWords(seconds)}` : `${inWords(-seconds)} ago`;
}

/** In the reader's own time zone, and in the language of the page. */
export function timeOf(at: Date): string {
  return at.toLocaleTimeString('en-GB', { timeStyle: 'medium' });
}

/** With the day, whose month is a word: no two countries read numbers alike. */
export function momentOf(at: Date): string {
  return at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}

/** To what can be told apart: what is at hand takes some microseconds, and never none. */
export function inMilliseconds(ms: number): string {
  if (ms < 0.005) return '< 0.01 ms';
  if (ms >= 100) return `${Math.round(ms)} ms`;
  return `${ms < 10 ? Math.round(ms * 100) / 100 : Math.round(ms * 10) / 10} ms`;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
