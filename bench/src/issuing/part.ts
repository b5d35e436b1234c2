import { type Part } from '../harness/part';
import { asking } from './asking';
import { signing } from './signing';

/** What issuing tokens takes, logins aside. No ratio here is one that has to be kept. */
export const ISSUING: Part = {
  name: 'issuing',
  title: 'Issuing',
  async run(bench) {
    if (bench.check) return { tables: [], targets: [], plots: [] };
    return { tables: [await asking(bench), await signing(bench)], targets: [], plots: [] };
  },
};
