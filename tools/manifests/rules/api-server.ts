import { type V1Probe } from '@kubernetes/client-node';
import { type Labels, type Manifest, type System, type Workload } from '../system';

/** What an API server refuses, or takes for less than was written, and no schema sees. */
export function apiServer(system: System): string[] {
  return [
    ...system.all.flatMap((manifest) => [
      ...names(manifest),
      ...labelsOf(manifest).flatMap((one) => labels(manifest, one)),
    ]),
    ...system.workloads.flatMap((workload) => [
      ...probes(workload),
      ...twice(workload),
      ...ranges(workload),
      ...labels({ kind: workload.kind, metadata: { name: workload.name } }, workload.labels),
    ]),
  ];
}

/** RFC 1123, as for hosts. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const isSubdomain = (text: string): boolean => text.length <= 253 && text.split('.').every((part) => LABEL.test(part));
const isPortName = (text: string): boolean => LABEL.test(text) && text.length <= 15 && /[a-z]/.test(text);
/** Of a label: the part behind the slash, and its value where there is one. */
const WORD = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

function names({ kind, metadata: { name } }: Manifest): string[] {
  // A Service is a host of its own, and may not begin with a digit (RFC 1035).
  const isName = kind === 'Service' ? LABEL.test(name) && !/^\d/.test(name) : isSubdomain(name);
  return isName ? [] : [`${kind} ${name} has no name that is allowed`];
}

function labelsOf({ metadata, spec }: Manifest): readonly Labels[] {
  const { selector } = (spec ?? {}) as { selector?: { matchLabels?: Labels } };
  return [metadata.labels ?? {}, selector?.matchLabels ?? {}];
}

function labels({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>, given: Labels): string[] {
  return Object.entries(given)
    .filter(([key, value]) => {
      const [name = '', prefix, ...others] = key.split('/').toReversed();
      const isKey = WORD.test(name) && (prefix === undefined || isSubdomain(prefix)) && others.length === 0;
      return !isKey || (value !== '' && !WORD.test(value));
    })
    .map(([key, value]) => `${kind} ${metadata.name} has a label ${key}: ${value}`);
}

function probes({ kind, name, container }: Workload): string[] {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  return Object.entries({ startupProbe, readinessProbe, livenessProbe }).flatMap(([which, probe]) => {
    if (!probe) return [];
    const { exec, grpc, httpGet, tcpSocket, successThreshold = 1 } = probe;
    const handlers = [exec, grpc, httpGet, tcpSocket].filter((handler) => handler !== undefined);
    return [
      ...(handlers.length === 1 ? [] : [`${kind} ${name} has not one way to ask for its ${which}`]),
      ...numbersOf(probe)
        .filter(([, number, least]) => !Number.isInteger(number) || number < least)
        .map(([field, number]) => `${kind} ${name} has ${field} ${number} for its ${which}`),
      ...(which !== 'readinessProbe' && successThreshold !== 1
        ? [`${kind} ${name} has to succeed more than once for its ${which}`]
        : []),
    ];
  });
}

function numbersOf(probe: V1Probe): readonly (readonly [string, number, number])[] {
  const { periodSeconds, timeoutSeconds, failureThreshold, successThreshold, initialDelaySeconds } = probe;
  const positive = Object.entries({ periodSeconds, timeoutSeconds, failureThreshold, successThreshold });
  return [
    ...positive.map(([field, number = 1]) => [field, number, 1] as const),
    ['initialDelaySeconds', initialDelaySeconds ?? 0, 0],
  ];
}

/** The last of two counts, whatever the first said. */
function twice({ kind, name, pod, container }: Workload): string[] {
  const lists = {
    variable: (container.env ?? []).map((one) => one.name),
    mount: (container.volumeMounts ?? []).map(({ mountPath }) => mountPath),
    volume: (pod.volumes ?? []).map((volume) => volume.name),
    port: (container.ports ?? []).flatMap(({ name: one = '', containerPort }) => [one, String(containerPort)]),
  };
  return Object.entries(lists).flatMap(([what, list]) =>
    [...new Set(list.filter((one, index) => list.indexOf(one) !== index))].map(
      (one) => `${kind} ${name} has the ${what} ${one} twice`,
    ),
  );
}

function ranges({ kind, name, pod, container }: Workload): string[] {
  const faults: string[] = [];
  const { restartPolicy = 'Always', terminationGracePeriodSeconds = 30, topologySpreadConstraints = [] } = pod;
  const policies = kind === 'Job' ? ['OnFailure', 'Never'] : ['Always'];
  if (!policies.includes(restartPolicy)) faults.push(`is restarted ${restartPolicy}`);
  if (terminationGracePeriodSeconds < 0) faults.push('has less than no time to end');
  if (topologySpreadConstraints.some(({ maxSkew }) => maxSkew < 1)) faults.push('is spread with a skew below 1');
  if (!LABEL.test(container.name)) faults.push(`has a container ${container.name}`);
  for (const port of container.ports ?? []) {
    if (!isPortName(port.name ?? '')) faults.push(`has a port that is called ${port.name}`);
    if (port.containerPort < 1 || port.containerPort > 65535) faults.push(`has a port ${port.containerPort}`);
  }
  return faults.map((fault) => `${kind} ${name} ${fault}`);
}
