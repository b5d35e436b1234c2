/** What a service tells Prometheus, as it was at one moment. */
export class MetricsPage {
  /** By name and labels, as they stand there. */
  readonly series: ReadonlyMap<string, number>;
  /** The names of metrics, with their types. */
  readonly types: ReadonlyMap<string, string>;

  private constructor(readonly text: string) {
    const lines = text.split('\n');
    this.series = new Map(
      lines.flatMap((line) => {
        const [, name, value] = /^([a-zA-Z_:][^#]*?) (\S+)$/.exec(line) ?? [];
        return name === undefined ? [] : [[name, Number(value?.replace('Inf', 'Infinity'))] as const];
      }),
    );
    this.types = new Map(
      lines.flatMap((line) => {
        const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
        return name === undefined || type === undefined ? [] : [[name, type] as const];
      }),
    );
  }

  /** @param origin of the port for metrics, as `http://127.0.0.1:9464` */
  static async read(origin: string): Promise<MetricsPage> {
    return new MetricsPage(await (await fetch(`${origin}/metrics`)).text());
  }

  /** The sum of all series of a name that have these labels; `undefined` where there are none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const found = [...this.series].filter(([series]) => {
      const [named, rest = ''] = series.split('{', 2);
      const held: readonly string[] = rest.replace(/\}$/, '').match(/\w+="(?:[^"\\]|\\.)*"/g) ?? [];
      return named === name && wanted.every((label) => held.includes(label));
    });
    return found.length === 0 ? undefined : found.reduce((total, [, value]) => total + value, 0);
  }
}
