import { amountOf } from '../quantity';
import { type System } from '../system';

/** The least that something starts with, in cores and bytes, and the unit that the server counts in. */
const RESOURCES: Readonly<Record<string, { readonly least: number; readonly unit: number }>> = {
  cpu: { least: 0.01, unit: 1e-3 },
  memory: { least: 64 * 2 ** 20, unit: 1 },
};

/** Everything asks for what it needs, and has a bound on its memory. */
export function resources(system: System): string[] {
  return system.workloads.flatMap(({ kind, name, container }) => {
    const { requests = {}, limits = {} } = container.resources ?? {};
    const faults: string[] = [];
    if (!requests.cpu || !requests.memory) faults.push('does not say what it needs');
    if (!limits.memory) faults.push('has no bound on its memory');
    for (const [resource, quantity] of [...Object.entries(requests), ...Object.entries(limits)]) {
      const known = RESOURCES[resource];
      if (!known) faults.push(`has ${resource}, which is no resource`);
      else if (amountOf(quantity) < known.least) faults.push(`has too little ${resource} to start`);
      else if (!isWhole(amountOf(quantity) / known.unit)) faults.push(`has a fraction of the unit of ${resource}`);
    }
    for (const [resource, limit] of Object.entries(limits)) {
      if (amountOf(requests[resource] ?? '0') > amountOf(limit))
        faults.push(`asks for more ${resource} than it may have`);
    }
    return faults.map((fault) => `${kind} ${name} ${fault}`);
  });
}

/** Also where a decimal can't be exact. */
function isWhole(number: number): boolean {
  return Math.abs(number - Math.round(number)) < 1e-6;
}
