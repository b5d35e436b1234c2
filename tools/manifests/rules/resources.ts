import { amountOf } from '../quantity';
import { type System } from '../system';

/** Everything asks for what it needs, and has a bound on its memory. */
export function resources(system: System): string[] {
  return system.workloads.flatMap(({ kind, name, container }) => {
    const { requests = {}, limits = {} } = container.resources ?? {};
    const faults: string[] = [];
    if (!requests.cpu || !requests.memory) faults.push('does not say what it needs');
    if (!limits.memory) faults.push('has no bound on its memory');
    for (const [resource, limit] of Object.entries(limits)) {
      if (amountOf(requests[resource] ?? '0') > amountOf(limit))
        faults.push(`asks for more ${resource} than it may have`);
    }
    return faults.map((fault) => `${kind} ${name} ${fault}`);
  });
}
