import { quantile } from '../harness/statistics';

export interface Load {
  readonly count: number;
  readonly perSecond: number;
  /** How long one takes, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** So many at once, each of which asks again as soon as it is answered. */
export class Lanes {
  constructor(private readonly lanes: number) {}

  /** @param atMost after how many it ends even before that */
  async forMs(ms: number, ask: (index: number) => Promise<void>, atMost = Infinity): Promise<Load> {
    const times: number[] = [];
    let next = 0;
    const begun = performance.now();
    const lane = async (): Promise<void> => {
      while (next < atMost && performance.now() < begun + ms) {
        const asked = performance.now();
        await ask(next++);
        times.push(performance.now() - asked);
      }
    };
    await Promise.all(Array.from({ length: this.lanes }, lane));
    const seconds = (performance.now() - begun) / 1000;
    if (times.length === 0) throw new Error('nothing was asked for');
    const sorted = times.sort((a, b) => a - b);
    return {
      count: times.length,
      perSecond: times.length / seconds,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
    };
  }
}
