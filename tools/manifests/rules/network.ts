import {
  type V1NetworkPolicyEgressRule,
  type V1NetworkPolicyIngressRule,
  type V1NetworkPolicyPeer,
  type V1NetworkPolicyPort,
} from '@kubernetes/client-node';
import { BlockList } from 'node:net';
import { type Labels, selects, type System } from '../system';

/** Whoever may speak or be spoken to: a pod of the system, a pod elsewhere, or an address outside. */
interface Party {
  readonly name: string;
  /** Of the system itself: only such have policies. */
  readonly isOwn: boolean;
  readonly labels?: Labels;
  readonly namespace?: string;
  readonly address?: string;
  /** `port/protocol`, at which it might be asked. */
  readonly ports: readonly string[];
}

const elsewhere = (name: string, namespace: string, labels: Labels, ports: readonly string[]): Party => ({
  name,
  isOwn: false,
  namespace,
  labels,
  ports,
});

const OTHERS: readonly Party[] = [
  elsewhere('dns', 'kube-system', { 'k8s-app': 'kube-dns' }, ['53/UDP', '53/TCP', '9153/TCP']),
  elsewhere('prometheus', 'monitoring', { 'app.kubernetes.io/name': 'prometheus' }, ['9090/TCP']),
  elsewhere('ingress', 'ingress-nginx', { 'app.kubernetes.io/name': 'ingress-nginx' }, ['443/TCP']),
  elsewhere('stranger', 'other', { 'app.kubernetes.io/name': 'prometheus', 'k8s-app': 'kube-dns' }, [
    '53/UDP',
    '443/TCP',
  ]),
  { name: 'redis-network', isOwn: false, address: '10.20.0.7', ports: ['6379/TCP', '443/TCP'] },
  { name: 'internet', isOwn: false, address: '203.0.113.7', ports: ['443/TCP', '6443/TCP', '53/UDP', '80/TCP'] },
];

/** A port at which nobody is meant to listen. */
const UNUSED = '1/TCP';

/** Every way that the policies leave open, as `from → to:port`. TCP is not named. */
export function openWays(system: System): readonly string[] {
  const namespace = system.of('Namespace')[0]?.metadata.name ?? '';
  const own = system.workloads.map(({ name, labels, container }): Party => {
    const ports = (container.ports ?? []).map(({ containerPort, protocol = 'TCP' }) => `${containerPort}/${protocol}`);
    return { name: name.replace(/-[\d-]+$/, ''), isOwn: true, namespace, labels, ports };
  });
  const parties = [...own, ...OTHERS];
  return parties.flatMap((from) =>
    parties
      .filter((to) => to !== from && (from.isOwn || to.isOwn))
      .flatMap((to) =>
        [...to.ports, UNUSED]
          .filter((port) => maySend(system, from, to, port) && mayReceive(system, from, to, port))
          .map((port) => `${from.name} → ${to.name}:${port.replace('/TCP', '')}`),
      ),
  );
}

function maySend(system: System, from: Party, to: Party, port: string): boolean {
  const policies = policiesOf(system, from, 'Egress');
  const rules = policies.flatMap(({ spec }): V1NetworkPolicyEgressRule[] => spec.egress ?? []);
  return policies.length === 0 || rules.some((rule) => isOneOf(rule.to, to) && isAt(rule.ports, port));
}

function mayReceive(system: System, from: Party, to: Party, port: string): boolean {
  const policies = policiesOf(system, to, 'Ingress');
  const rules = policies.flatMap(({ spec }): V1NetworkPolicyIngressRule[] => spec.ingress ?? []);
  return policies.length === 0 || rules.some((rule) => isOneOf(fromOf(rule), from) && isAt(rule.ports, port));
}

function policiesOf(system: System, { isOwn, labels = {} }: Party, type: string) {
  if (!isOwn) return [];
  return system
    .of('NetworkPolicy')
    .filter(({ spec }) => spec.policyTypes?.includes(type) && selects(spec.podSelector, labels));
}

/** No list of parties is everybody. */
function isOneOf(peers: readonly V1NetworkPolicyPeer[] | undefined, party: Party): boolean {
  return peers === undefined || peers.length === 0 || peers.some((peer) => isParty(peer, party));
}

function isParty({ ipBlock, namespaceSelector, podSelector }: V1NetworkPolicyPeer, party: Party): boolean {
  if (ipBlock) return party.address !== undefined && isWithin(ipBlock.cidr, party.address);
  if (party.labels === undefined) return false;
  const isThere = namespaceSelector
    ? selects(namespaceSelector, { 'kubernetes.io/metadata.name': party.namespace ?? '' })
    : party.isOwn;
  return isThere && selects(podSelector, party.labels);
}

function isWithin(cidr: string, address: string): boolean {
  const [network = '', bits] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(bits));
  return list.check(address);
}

function isAt(ports: readonly V1NetworkPolicyPort[] | undefined, port: string): boolean {
  return ports === undefined || ports.length === 0 || ports.some((one) => `${one.port}/${one.protocol}` === port);
}

/** The models call it otherwise than the API, as `from` is a word of some languages. */
function fromOf(rule: V1NetworkPolicyIngressRule): V1NetworkPolicyPeer[] | undefined {
  return (rule as { from?: V1NetworkPolicyPeer[] }).from;
}
