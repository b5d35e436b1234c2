import { Counter, type Histogram, type Registry } from 'prom-client';

interface Described {
  readonly name: string;
  readonly help: string;
}

/**
 * A counter for what happens on the way of every call: to count is an addition, and only who reads makes series of it.
 * All of them are there from the beginning, at 0: of one that appears at 1 nobody sees that it has risen.
 */
export class Counts<Key extends string> {
  readonly #counts: Map<Key, number>;

  /** @param labels of each key that there can be */
  constructor(registry: Registry, described: Described, labels: ReadonlyMap<Key, Readonly<Record<string, string>>>) {
    const counts = (this.#counts = new Map([...labels.keys()].map((key) => [key, 0])));
    const labelNames = [...new Set([...labels.values()].flatMap((one) => Object.keys(one)))];
    new Counter({
      ...described,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        for (const [key, labelled] of labels) this.inc(labelled, counts.get(key));
      },
    });
  }

  /** Counts nothing of a key that there can't be. */
  add(key: Key): void {
    const count = this.#counts.get(key);
    if (count !== undefined) this.#counts.set(key, count + 1);
  }
}

/** One series of `LabelledCounts`. */
export interface Count {
  value: number;
}

/** The same for labels of which it is known only later which there are: whoever counts keeps the series. */
export class LabelledCounts {
  readonly #series: { readonly labels: Readonly<Record<string, string>>; readonly count: Count }[] = [];

  constructor(registry: Registry, described: Described, labelNames: readonly string[]) {
    const series = this.#series;
    new Counter({
      ...described,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const { labels, count } of series) this.inc(labels, count.value);
      },
    });
  }

  /** A series of its own, at 0: to be asked for once for the same labels. */
  series(labels: Readonly<Record<string, string>>): Count {
    const count = { value: 0 };
    this.#series.push({ labels, count });
    return count;
  }
}

/** A histogram for the same places; prom-client's own takes a quarter of a microsecond for each value. */
export class Distribution {
  readonly #series: Series[] = [];
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];

  /** @param bounds of the buckets, in ascending order; @param labels of its first series, told apart by their index */
  constructor(
    registry: Registry,
    { name, help }: Described,
    private readonly bounds: readonly number[],
    labels: readonly Readonly<Record<string, string>>[] = [{}],
    labelNames: readonly string[] = Object.keys(labels[0] ?? {}),
  ) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    for (const labelled of labels) this.series(labelled);
    // All that a registry asks of a metric are the members here: its type names prom-client's four classes.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** One more: to be asked for once for the same labels. @returns its index */
  series(labels: Readonly<Record<string, string>>): number {
    return this.#series.push({ labels, counts: new Float64Array(this.bounds.length + 1), sum: 0 }) - 1;
  }

  add(value: number, index = 0): void {
    const series = this.#series[index];
    if (!series) return;
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.sum += value;
  }

  reset(): void {
    for (const series of this.#series) {
      series.counts.fill(0);
      series.sum = 0;
    }
  }

  get() {
    const { name, help, type, aggregator } = this;
    return Promise.resolve({
      name,
      help,
      type,
      aggregator,
      values: this.#series.flatMap((series) => this.#values(series)),
    });
  }

  #values({ labels, counts, sum }: Series) {
    let count = 0;
    const buckets = [...this.bounds, '+Inf'].map((le, index) => {
      count += counts[index] as number;
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** By bucket, each without those below it. */
  readonly counts: Float64Array;
  sum: number;
}
