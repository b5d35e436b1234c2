import {
  type V1LabelSelector,
  type V1NetworkPolicyEgressRule,
  type V1NetworkPolicyIngressRule,
  type V1NetworkPolicyPeer,
  type V1NetworkPolicyPort,
} from '@kubernetes/client-node';
import { isIP } from 'node:net';
import { selects, type System, type Whole, type Workload } from '../system';

/** Nothing passes that no policy names, and what one names is let out here, in there, and to no more than it says. */
export function network(system: System): string[] {
  return [...denied(system), ...halfOpen(system), ...system.of('NetworkPolicy').flatMap(vague)];
}

const SIDES = ['Egress', 'Ingress'] as const;
type Side = (typeof SIDES)[number];

/**
 * All that the policies let pass, as `from → to:port`. The pods of the system are called by their names, others by
 * their namespace and their labels, and addresses as they stand there. TCP is not named.
 */
export function openWays(system: System): readonly string[] {
  const unbound = SIDES.flatMap((side) =>
    system.workloads
      .filter((workload) => policiesOf(system, workload, side).length === 0)
      .map((workload) => (side === 'Egress' ? `${nameOf(workload)} → anything` : `anything → ${nameOf(workload)}`)),
  );
  return [...new Set([...SIDES.flatMap((side) => waysOf(system, side)), ...unbound])];
}

function waysOf(system: System, side: Side): readonly string[] {
  return system.workloads.flatMap((workload) =>
    policiesOf(system, workload, side)
      .flatMap(({ spec }) => rulesOf(side === 'Egress' ? spec.egress : spec.ingress))
      .flatMap(({ peers, ports }) =>
        peersOf(system, peers).flatMap((peer) =>
          portsOf(ports).map((port) =>
            side === 'Egress' ? `${nameOf(workload)} → ${peer}:${port}` : `${peer} → ${nameOf(workload)}:${port}`,
          ),
        ),
      ),
  );
}

/** Without the version that a Job has in its name. */
function nameOf({ name }: Workload): string {
  return name.replace(/-[\d-]+$/, '');
}

function policiesOf(system: System, { labels }: Workload, side: Side) {
  return system
    .of('NetworkPolicy')
    .filter(({ spec }) => spec.policyTypes?.includes(side) && selects(spec.podSelector, labels));
}

interface Rule {
  readonly peers: readonly V1NetworkPolicyPeer[];
  readonly ports: readonly V1NetworkPolicyPort[];
}

function rulesOf(rules: readonly (V1NetworkPolicyEgressRule & V1NetworkPolicyIngressRule)[] = []): readonly Rule[] {
  return rules.map((rule) => {
    // The models call it otherwise than the API, as `from` is a word of some languages.
    const { from } = rule as { from?: V1NetworkPolicyPeer[] };
    return { peers: rule.to ?? from ?? [], ports: rule.ports ?? [] };
  });
}

/** No list of parties is everybody. */
function peersOf(system: System, peers: readonly V1NetworkPolicyPeer[]): readonly string[] {
  if (peers.length === 0) return ['anywhere'];
  return peers.flatMap(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock) return [[ipBlock.cidr, ...(ipBlock.except ?? [])].join(' except ')];
    if (namespaceSelector) return [`${namespaceOf(namespaceSelector)}/${labelsOf(podSelector)}`];
    const selected = system.workloads.filter(({ labels }) => selects(podSelector, labels)).map(nameOf);
    return selected.length > 0 ? selected : ['nobody'];
  });
}

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

function namespaceOf(selector: V1LabelSelector): string {
  const { [NAMESPACE_NAME]: name, ...others } = selector.matchLabels ?? {};
  return name && Object.keys(others).length === 0 && !selector.matchExpressions ? name : labelsOf(selector);
}

function labelsOf({ matchLabels = {}, matchExpressions }: V1LabelSelector = {}): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions ? [JSON.stringify(matchExpressions)] : [];
  return [...labels.sort(), ...expressions].join() || '*';
}

function portsOf(ports: readonly V1NetworkPolicyPort[]): readonly string[] {
  if (ports.length === 0) return ['*'];
  return ports.map(({ port = '*', endPort, protocol }) => {
    const range = endPort === undefined ? `${port}` : `${port}-${endPort}`;
    return protocol === 'TCP' ? range : `${range}/${protocol}`;
  });
}

function denied(system: System): string[] {
  return SIDES.flatMap((side) =>
    system.workloads
      .filter((workload) => policiesOf(system, workload, side).length === 0)
      .map(({ kind, name }) => `${kind} ${name} has no policy for its ${side}`),
  );
}

/** Of a way from pod to pod both ends have to know. */
function halfOpen(system: System): string[] {
  const own = system.workloads.map(nameOf);
  const isInside = (way: string): boolean => {
    const [from = '', to = ''] = way.split(/ → |:/);
    return own.includes(from) && own.includes(to);
  };
  const [sent, received] = [new Set(waysOf(system, 'Egress')), new Set(waysOf(system, 'Ingress'))];
  return [
    ...[...sent].filter((way) => isInside(way) && !received.has(way)).map((way) => `${way} is let out, and not in`),
    ...[...received].filter((way) => isInside(way) && !sent.has(way)).map((way) => `${way} is let in, and not out`),
  ];
}

/** What isn't said by one port, one network, or one's name. */
function vague({ metadata, spec }: Whole<'NetworkPolicy'>): string[] {
  const rules = [...rulesOf(spec.egress), ...rulesOf(spec.ingress)];
  const blocks = rules.flatMap(({ peers }) => peers.flatMap(({ ipBlock }) => ipBlock ?? []));
  const faults = [
    ...rules.flatMap(({ ports }) => [
      ...(ports.length === 0 ? ['opens every port'] : []),
      ...ports.filter(({ port }) => typeof port !== 'number').map(({ port }) => `names a port ${port}`),
      ...ports.filter(({ endPort }) => endPort !== undefined).map(({ port }) => `opens ports from ${port} on`),
    ]),
    ...blocks.filter(({ cidr }) => !isNetwork(cidr)).map(({ cidr }) => `has ${cidr}, which is no network`),
    ...blocks.filter(({ cidr }) => /\/0+$/.test(cidr)).map(({ cidr }) => `takes all addresses for ${cidr}`),
    ...blocks.filter(({ except }) => except).map(({ cidr }) => `excepts some of ${cidr}`),
    ...rules
      .filter(({ peers }) => peers.some(({ namespaceSelector: one }) => one && labelsOf(one) === '*'))
      .map(() => 'lets in every namespace'),
  ];
  return faults.map((fault) => `NetworkPolicy ${metadata.name} ${fault}`);
}

function isNetwork(cidr: string): boolean {
  const [address = '', bits = '', ...others] = cidr.split('/');
  const most = { 4: 32, 6: 128 }[isIP(address)];
  return most !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= most && others.length === 0;
}
