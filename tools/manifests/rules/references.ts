import { backendsOf, type Labels, selects, type System } from '../system';

/** What is named elsewhere is there, selectors select what they are meant to, and nothing is there twice. */
export function references(system: System): string[] {
  return [
    ...duplicates(system),
    ...namespaces(system),
    ...selectors(system),
    ...servicePorts(system),
    ...volumes(system),
    ...accounts(system),
    ...ingresses(system),
  ];
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
  for (const { kind, name, selector, labels, pod } of system.workloads) {
    if (selector && !selects(selector, labels)) faults.push(`${kind} ${name} does not select its own pods`);
    if (selector) require(`${kind} ${name}`, pods.filter((other) => selects(selector, other)), 1);
    for (const { labelSelector, topologyKey } of pod.topologySpreadConstraints ?? []) {
      const spread = pods.filter((other) => selects(labelSelector, other));
      if (spread.length !== 1 || spread[0] !== labels) faults.push(`${kind} ${name} spreads others by ${topologyKey}`);
    }
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
    return (spec.ports ?? [])
      .filter(({ port, targetPort }) => {
        const target = workload?.container.ports?.find(({ name }) => name === targetPort);
        return target?.containerPort !== port;
      })
      .map(({ port }) => `Service ${metadata.name} leads port ${port} to none of that name and number`);
  });
}

function volumes(system: System): string[] {
  return system.workloads.flatMap(({ kind, name, pod, container }) => {
    const given = (pod.volumes ?? []).map((volume) => volume.name);
    const mounted = (container.volumeMounts ?? []).map((mount) => mount.name);
    const claims = (pod.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
    const configs = (container.envFrom ?? []).flatMap(({ configMapRef }) => configMapRef?.name ?? []);
    return [
      ...mounted.filter((one) => !given.includes(one)).map((one) => `${kind} ${name} has no volume ${one}`),
      ...given.filter((one) => !mounted.includes(one)).map((one) => `${kind} ${name} does not mount ${one}`),
      ...claims
        .filter((one) => !system.named('PersistentVolumeClaim', one))
        .map((one) => `${kind} ${name} claims ${one}, which isn't there`),
      ...configs
        .filter((one) => !system.named('ConfigMap', one))
        .map((one) => `${kind} ${name} reads ${one}, which isn't there`),
    ];
  });
}

function accounts(system: System): string[] {
  const bindings = system
    .of('RoleBinding')
    .flatMap(({ metadata, roleRef, subjects = [] }) => [
      ...(system.named('Role', roleRef.name) ? [] : [`RoleBinding ${metadata.name} gives a role that isn't there`]),
      ...subjects
        .filter(({ name, namespace }) => !system.named('ServiceAccount', name) || namespace !== metadata.namespace)
        .map(({ name }) => `RoleBinding ${metadata.name} gives it to ${name}, which isn't there`),
    ]);
  const pods = system.workloads
    .filter(({ pod }) => pod.serviceAccountName && !system.named('ServiceAccount', pod.serviceAccountName))
    .map(({ kind, name }) => `${kind} ${name} runs as an account that isn't there`);
  return [...bindings, ...pods];
}

function ingresses(system: System): string[] {
  return system.of('Ingress').flatMap((ingress) =>
    backendsOf(ingress)
      .filter(({ service }) => {
        const ports = system.named('Service', service?.name)?.spec.ports ?? [];
        return !ports.some(({ name }) => name === service?.port?.name);
      })
      .map(() => `Ingress ${ingress.metadata.name} leads to a port that isn't there`),
  );
}
