import { type Rounds } from './rounds';
import { ratio, summary, type Summary } from './statistics';
import { type Table } from './part';

/**
 * How those that took turns compare: the time of one operation with its spread, and how many times as long as the base it
 * takes, round by round.
 */
export function timesTable(title: string, rounds: Rounds, base: string, notes?: readonly string[]): Table {
  const baseRounds = of(rounds, base);
  const rows = [...rounds].map(([label, values]) => {
    const times = ratio(values, baseRounds);
    return [label, `${digits(times.median)} ×`, spread(times, ''), time(summary(values).median), spreadOfTime(values)];
  });
  return {
    title,
    columns: ['', `in times of “${base}”`, 'middle half', 'each', 'middle half'],
    rows,
    ...(notes && { notes }),
  };
}

/** How many times as long as the base it takes. */
export function times(rounds: Rounds, label: string, base: string): Summary {
  return ratio(of(rounds, label), of(rounds, base));
}

export function of(rounds: Rounds, label: string): readonly number[] {
  const values = rounds.get(label);
  if (!values) throw new Error(`${label} was not measured`);
  return values;
}

/** @param ns nanoseconds */
export function time(ns: number): string {
  if (ns >= 1e6) return `${digits(ns / 1e6)} ms`;
  return ns >= 1e3 ? `${digits(ns / 1e3)} µs` : `${digits(ns)} ns`;
}

/** Three digits that count. */
export function digits(value: number): string {
  if (value === 0) return '0';
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 4));
}

export function spread({ low, high }: Summary, unit: string): string {
  return `${digits(low)}–${digits(high)}${unit}`;
}

function spreadOfTime(values: readonly number[]): string {
  const { low, high } = summary(values);
  return `${time(low)}–${time(high)}`;
}
