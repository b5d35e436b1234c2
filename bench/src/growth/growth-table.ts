import { type Table } from '../harness/part';
import { slope, summary } from '../harness/statistics';
import { digits } from '../harness/tables';

/** What is measured at each size: the figures of all rounds. */
export interface Grown {
  readonly label: string;
  /** In the order of the sizes; at least one figure each. */
  readonly figures: readonly (readonly number[])[];
  /** How a figure is written. Default: its three first digits. */
  readonly shown?: (value: number) => string;
}

/**
 * A column for each size, and the slope: the exponent of the power law that goes through the medians.
 *
 * @param sizes those that nothing is compared with, like none at all, can't be among them
 */
export function growthTable(
  title: string,
  of: string,
  sizes: readonly number[],
  rows: readonly Grown[],
  notes: readonly string[] = [],
): Table {
  return {
    title,
    columns: [of, ...sizes.map((size) => size.toLocaleString('en')), 'slope'],
    rows: rows.map(({ label, figures, shown = digits }) => {
      const medians = figures.map((values) => summary(values).median);
      const exponent = slope(medians.map((value, i) => [sizes[i] ?? NaN, value]));
      return [label, ...medians.map(shown), Number.isFinite(exponent) ? exponent.toFixed(2) : '–'];
    }),
    notes,
  };
}
