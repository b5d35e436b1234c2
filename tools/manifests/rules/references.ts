import { type Labels, selects, type System } from '../system';

/** What is named elsewhere is there, selectors select what they are meant to, and nothing is there twice. */
export function references(system: System): string[] {
  return [...duplicates(system), ...namespaces(system), ...selectors(system), ...servicePorts(system)];
}

function duplicates({ all }: System): string[] {
  const names = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name} is there twice`);
}

function namespaces(system: System): string[] {
  const [namespace] = system.of('Namespace');
  return system.all
    .filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== namespace?.metadata.name)
    .map(({ kind, metadata }) => `${kind} ${metadata.name} is in another namespace`);
}

function selectors(system: System): string[] {
  const pods = system.workloads.map(({ labels }) => labels);
  const faults: string[] = [];
  const require = (what: string, selected: readonly Labels[], count: number): void => {
    if (selected.length !== count) faults.push(`${what} selects ${selected.length} of the workloads, not ${count}`);
  };
  for (const { kind, name, selector, labels } of system.workloads) {
    if (selector && !selects(selector, labels)) faults.push(`${kind} ${name} does not select its own pods`);
    if (selector) require(`${kind} ${name}`, pods.filter((other) => selects(selector, other)), 1);
  }
  for (const { metadata, spec } of system.of('Service')) {
    const selected = pods.filter((labels) => selects({ matchLabels: spec.selector ?? {} }, labels));
    require(`Service ${metadata.name}`, selected, 1);
    if (selected[0] && selected[0]['app.kubernetes.io/name'] !== metadata.name) {
      faults.push(`Service ${metadata.name} leads to another`);
    }
  }
  for (const { metadata, spec } of system.of('PodDisruptionBudget')) {
    require(`PodDisruptionBudget ${metadata.name}`, pods.filter((labels) => selects(spec.selector, labels)), 1);
  }
  for (const { metadata, spec } of system.of('NetworkPolicy')) {
    if (!pods.some((labels) => selects(spec.podSelector, labels))) {
      faults.push(`NetworkPolicy ${metadata.name} selects nothing`);
    }
  }
  return faults;
}

function servicePorts(system: System): string[] {
  return system.of('Service').flatMap(({ metadata, spec }) => {
    const workload = system.workloads.find(({ labels }) => selects({ matchLabels: spec.selector ?? {} }, labels));
    // Metrics are asked for at each pod.
    const asked = (workload?.container.ports ?? []).filter(({ name }) => name !== 'metrics');
    const wrong = (spec.ports ?? [])
      .filter(({ port, targetPort, protocol }) => {
        const target = workload?.container.ports?.find(({ name }) => name === targetPort);
        return target?.containerPort !== port || protocol !== 'TCP' || target.protocol !== protocol;
      })
      .map(({ port }) => `leads port ${port} to none of that name and number`);
    const missing = asked
      .filter(({ name }) => !spec.ports?.some((port) => port.name === name && port.targetPort === name))
      .map(({ name }) => `has no port ${name}`);
    return [...wrong, ...missing].map((fault) => `Service ${metadata.name} ${fault}`);
  });
}
