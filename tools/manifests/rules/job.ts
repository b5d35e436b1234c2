import { type System, type Workload } from '../system';

/** Bootstrap's Job runs bootstrap, tries for a while, and stays: applied again, one that is gone would run again. */
export function job(system: System): string[] {
  const jobs = system.workloads.filter(({ kind }) => kind === 'Job');
  return [
    ...(jobs.length === 1 ? [] : [`${jobs.length} Jobs make the Secrets`]),
    ...jobs.flatMap(faultsOf),
    ...system
      .of('Job')
      // Each try waits longer than the one before it: the API server may be away for a while.
      .filter(({ spec }) => (spec.backoffLimit ?? 6) < 3)
      .map(({ metadata }) => `Job ${metadata.name} gives up at once`),
  ];
}

const COMMAND = ['node', 'apps/bootstrap/dist/main.js', 'kubernetes'];

function faultsOf({ kind, name, container }: Workload): string[] {
  const { command = [], args = [] } = container;
  const options = command.slice(COMMAND.length);
  const isBootstrap = COMMAND.every((word, index) => command[index] === word);
  return isBootstrap && args.length === 0 && options.every((word) => word.startsWith('--'))
    ? []
    : [`${kind} ${name} does not run bootstrap`];
}
