import { selects, type System } from '../system';

const KEYS = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'];

/** The pods of a service are spread over nodes and zones, and start as well where there is one of each. */
export function spread(system: System): string[] {
  const pods = system.workloads.map(({ labels }) => labels);
  return system.services.flatMap(({ kind, name, labels, pod }) => {
    const constraints = pod.topologySpreadConstraints ?? [];
    const keys = constraints.map(({ topologyKey }) => topologyKey);
    return [
      ...KEYS.filter((key) => !keys.includes(key)).map((key) => `is not spread by ${key}`),
      ...keys.filter((key) => !KEYS.includes(key)).map((key) => `is spread by ${key}, which no node has`),
      ...constraints
        .filter(({ labelSelector }) => {
          const selected = pods.filter((other) => selects(labelSelector, other));
          return selected.length !== 1 || selected[0] !== labels;
        })
        .map(({ topologyKey }) => `spreads others by ${topologyKey}`),
      ...constraints
        .filter(({ whenUnsatisfiable }) => whenUnsatisfiable !== 'ScheduleAnyway')
        .map(({ topologyKey }) => `does not start where it can't be spread by ${topologyKey}`),
    ].map((fault) => `${kind} ${name} ${fault}`);
  });
}
