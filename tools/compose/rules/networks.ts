import { type Compose } from '../compose';

/** Who is where: a store is reached by those alone that keep something in it. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  bootstrap: [],
  redis: ['store'],
  records: ['records'],
  auth: ['services', 'store'],
  audit: ['records', 'services'],
  resource: ['records', 'services'],
  gateway: ['edge', 'services'],
  prometheus: ['edge', 'services'],
  grafana: ['edge', 'services'],
};

/** The one that leads out of the machine. */
const EDGE = 'edge';

/** Only what is at the edge has a port, for this machine alone as long as nobody says otherwise. */
export function networks({ services, networks: declared }: Compose): string[] {
  const open = Object.entries(declared).filter(([name, network]) => name !== EDGE && !network?.internal);
  return [
    ...open.map(([name]) => `the network ${name} leads out`),
    ...Object.entries(services).flatMap(([name, { networks: given = [], network_mode: mode, ports = [] }]) => {
      const expected = NETWORKS[name] ?? [];
      const faults = ports
        .filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))
        .map((port) => `is reached from other machines at ${port}`);
      if (ports.length > 0 !== expected.includes(EDGE))
        faults.push('has a port of the machine, or lacks the one it needs');
      if (given.some((one) => !(one in declared))) faults.push('is in a network that is nowhere declared');
      if (given.toSorted().join() !== expected.join()) faults.push(`is not in ${expected.join(', ') || 'no network'}`);
      if (mode !== (expected.length === 0 ? 'none' : undefined)) faults.push('has another network');
      return faults.map((fault) => `${name} ${fault}`);
    }),
  ];
}
