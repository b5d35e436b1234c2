import { type Part } from '../harness/part';
import { feed } from './feed';
import { verifierMemory } from './memory';
import { embeddedSessions, redisSessions } from './sessions';
import { verificationSizes } from './verification-sizes';

/** How throughput and memory change as sessions, services, keys and tokens become more. */
export const GROWTH: Part = {
  name: 'growth',
  title: 'Growth',
  async run(bench) {
    const embedded = await embeddedSessions(bench);
    if (bench.check) return { tables: [embedded.table], targets: [embedded.target], plots: [] };
    const tables = [
      embedded.table,
      await redisSessions(bench),
      await feed(bench),
      ...(await verificationSizes(bench)),
      await verifierMemory(bench),
    ];
    return { tables, targets: [embedded.target], plots: [] };
  },
};
