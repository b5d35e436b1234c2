import { type Served } from '../harness/served';
import { COLD_EVERY } from './contenders';
import { type Verified } from './jwt-guard';
import { ask } from './outcome';

/** How much of what comes with `JwtGuard` it has to compute; it counts that itself. */
export class ColdShare {
  private constructor(
    private readonly served: Served,
    private readonly before: Verified,
  ) {}

  /** @param warm what it has to know before it begins */
  static async begin(served: Served, warm: readonly string[]): Promise<ColdShare> {
    for (const authorization of warm) await (await ask(served.url, authorization)).arrayBuffer();
    return new ColdShare(served, await counted(served));
  }

  /** @throws Error where it isn't what was sent to be so: another thing would have been measured */
  async end(): Promise<number> {
    const after = await counted(this.served);
    const [remembered, computed] = [after.remembered - this.before.remembered, after.computed - this.before.computed];
    const share = computed / (remembered + computed);
    if (Math.abs(share * COLD_EVERY - 1) > 0.1)
      throw new Error(`${this.served.label}: ${computed} of ${remembered + computed} tokens were computed`);
    return share;
  }
}

async function counted({ url }: Served): Promise<Verified> {
  return (await (await fetch(`${url}/verified`)).json()) as Verified;
}
