import { secondsOf } from '../duration';
import { type System, type Whole } from '../system';

/** As bootstrap makes them where there is no cert-manager: for the clients and the servers of the hops inside. */
const USAGES = ['client auth', 'digital signature', 'server auth'];

/** Certificates are for the names by which services are called, renewed before they end, and of a CA that is there. */
export function certificates(system: System): string[] {
  const namespace = system.of('Namespace')[0]?.metadata.name ?? '';
  return [...system.of('Certificate').flatMap((one) => faultsOf(system, one, namespace)), ...issuers(system)];
}

function longestOf(system: System): number {
  const signed = system.of('Certificate').filter(({ spec }) => !spec.isCA);
  return Math.max(...signed.map(({ spec }) => secondsOf(spec.duration)));
}

function faultsOf(system: System, { metadata, spec }: Whole<'Certificate'>, namespace: string): string[] {
  const { isCA = false, duration, renewBefore, issuerRef, privateKey, usages = [] } = spec;
  const issuer = system.named('Issuer', issuerRef.name);
  const faults: string[] = [];
  if (issuerRef.kind !== 'Issuer' || !issuer) faults.push(`is signed by ${issuerRef.name}, which isn't there`);
  if (renewBefore !== undefined && !(secondsOf(renewBefore) * 2 <= secondsOf(duration)))
    faults.push('is renewed all the time');
  if (privateKey?.algorithm !== 'ECDSA' || privateKey.size !== 256) faults.push('has a key of another kind');
  if (isCA) {
    // Nobody trusts a new one yet.
    if (privateKey?.rotationPolicy !== 'Never') faults.push('is a CA that changes its key');
    if (!(secondsOf(duration) > longestOf(system))) faults.push('is a CA that ends before what it signs');
    if (!issuer?.spec.selfSigned) faults.push('is a CA that another one signs');
  } else {
    if (renewBefore === undefined) faults.push('does not say when it is renewed');
    if (!issuer?.spec.ca) faults.push('is signed by no CA');
    if (privateKey?.rotationPolicy !== 'Always') faults.push('keeps its key');
    if (usages.toSorted().join() !== USAGES.join()) faults.push(`is not for ${USAGES.join(', ')}`);
    faults.push(...namesOf(system, { metadata, spec }, namespace));
  }
  return faults.map((fault) => `Certificate ${metadata.name} ${fault}`);
}

function namesOf(system: System, { metadata: { name }, spec }: Whole<'Certificate'>, namespace: string): string[] {
  const inCluster = ['', `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map(
    (end) => name + end,
  );
  // Those that are called through a forwarded port, or from inside their own pod.
  const local = spec.dnsNames?.includes('localhost') ?? false;
  const { commonName, secretName, dnsNames, ipAddresses = [] } = spec;
  return [
    ...(system.named('Service', name) ? [] : ['is for nobody']),
    ...(commonName === name ? [] : ['calls itself otherwise']),
    ...(secretName === `${name}-tls` ? [] : ['is where nobody mounts it']),
    ...(dnsNames?.join() === [...inCluster, ...(local ? ['localhost'] : [])].join() ? [] : ['is for other names']),
    ...(ipAddresses.join() === (local ? '127.0.0.1' : '') ? [] : ['is for other addresses']),
  ];
}

/** The CA of an issuer is one of those certificates, and nobody mounts it. */
function issuers(system: System): string[] {
  const authorities = system
    .of('Certificate')
    .filter(({ spec }) => spec.isCA)
    .map(({ spec }) => spec.secretName);
  return system
    .of('Issuer')
    .filter(({ spec }) => spec.ca && !authorities.includes(spec.ca.secretName))
    .map(({ metadata }) => `Issuer ${metadata.name} has a CA that nobody makes`);
}
