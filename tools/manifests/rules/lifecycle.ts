import { type V1Probe } from '@kubernetes/client-node';
import { type System, type Workload } from '../system';
import { type Workspace } from '../workspace';
import { environmentOf } from './environment';

/** Probes ask what the apps answer, and what ends has the time for it. */
export function lifecycle(system: System, workspace: Workspace): string[] {
  return [
    ...system.services.flatMap((service) => [...probes(service, workspace), ...ending(system, service, workspace)]),
    ...system.workloads.filter(({ kind }) => kind === 'StatefulSet').flatMap((store) => pings(store)),
  ];
}

function probes({ name, container }: Workload, { healthRoutes }: Workspace): string[] {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  const faults = Object.entries({ startupProbe, readinessProbe, livenessProbe }).flatMap(
    ([probe, { httpGet } = {}]) => {
      if (!httpGet) return [`${name} has no ${probe}`];
      const port = container.ports?.find((one) => one.name === httpGet.port);
      return [
        ...(healthRoutes.includes(httpGet.path ?? '') ? [] : [`${name} has no route for its ${probe}`]),
        ...(port?.name === 'metrics' && httpGet.scheme === undefined
          ? []
          : [`${name} can't answer its ${probe} there`]),
      ];
    },
  );
  if (toleratedSeconds(startupProbe) < 30) faults.push(`${name} has too little time to start`);
  if (toleratedSeconds(livenessProbe) < 30) faults.push(`${name} is ended for a pause`);
  if (toleratedSeconds(readinessProbe) > 10) faults.push(`${name} is asked for long when it can't answer`);
  if (readinessProbe?.httpGet?.path !== '/readyz') faults.push(`${name} is taken for ready when it isn't`);
  for (const { httpGet } of [startupProbe, livenessProbe].filter((probe) => probe !== undefined)) {
    if (httpGet?.path !== '/healthz') faults.push(`${name} is ended for what others fail at`);
  }
  return faults;
}

/** For how long a probe may fail. */
function toleratedSeconds({ periodSeconds = 10, failureThreshold = 3, initialDelaySeconds = 0 }: V1Probe = {}): number {
  return initialDelaySeconds + periodSeconds * failureThreshold;
}

/** What ends first goes on for a while in which nobody new is led to it, then drains, then finishes. */
function ending(system: System, service: Workload, { apps, shutdownLimitSeconds }: Workspace): string[] {
  const { name, pod, container } = service;
  const pause = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
  const drain = Number(environmentOf(system, service).DRAIN_SECONDS ?? Number.NaN);
  const needed = pause + drain + shutdownLimitSeconds;
  if (!apps[name]) return [`${name} is no app of this workspace`];
  return [
    ...(pause >= 5 ? [] : [`${name} ends while connections are still led to it`]),
    ...((pod.terminationGracePeriodSeconds ?? 30) >= needed ? [] : [`${name} is killed before it has ended`]),
  ];
}

/** `probe` may ping, and nothing else. The certificate is for localhost as well. -e: an error is a failure. */
const PING = [
  ...['redis-cli', '-e', '-h', 'localhost', '--tls'],
  ...['--cert', '/run/secrets/tls/tls.crt', '--key', '/run/secrets/tls/tls.key', '--cacert', '/run/secrets/tls/ca.crt'],
  ...['--user', 'probe', '--pass', 'probe', '--no-auth-warning', 'ping'],
].join(' ');

/** Redis is asked by its own client, with its own certificate, and an answer that is an error is a failure. */
function pings({ name, pod, container }: Workload): string[] {
  const mounts = (container.volumeMounts ?? []).map(({ mountPath }) => mountPath);
  const { startupProbe, readinessProbe, livenessProbe } = container;
  // Until it has read its log, which may be long, it answers with an error.
  const hasTime = toleratedSeconds(startupProbe) >= 300 && toleratedSeconds(livenessProbe) >= 30;
  const pinged = Object.entries({ startupProbe, readinessProbe, livenessProbe }).flatMap(([which, probe]) => {
    const command = probe?.exec?.command ?? [];
    const paths = command.filter((word) => word.startsWith('/'));
    const canRead = paths.every((path) => mounts.some((mount) => path.startsWith(`${mount}/`)));
    return [
      ...(command.join(' ') === PING ? [] : [`${name} is not asked by its ${which}`]),
      ...(canRead ? [] : [`${name} has no certificate for its ${which}`]),
      ...((probe?.timeoutSeconds ?? 1) >= 5 ? [] : [`${name} has no time to answer its ${which}`]),
    ];
  });
  return [
    ...pinged,
    ...(hasTime ? [] : [`${name} is ended for a pause`]),
    ...((pod.terminationGracePeriodSeconds ?? 30) >= 30 ? [] : [`${name} is killed before all is on its disk`]),
  ];
}
