import { amountOf } from '../quantity';
import { redisBytes, redisSettings } from '../redis-settings';
import { type System, type Workload } from '../system';
import { type Workspace } from '../workspace';
import { mountedFiles } from './secrets';

/** When a write is on the disk: before it is confirmed, or a second later at most. */
const FSYNC: Readonly<Record<string, string>> = { redis: 'always', records: 'everysec' };

/** Each Redis is one process with a disk of its own, keeps what it confirms, and takes TLS with a certificate alone. */
export function stores(system: System, workspace: Workspace): string[] {
  return [
    ...system.workloads
      .filter(({ kind }) => kind === 'StatefulSet')
      .flatMap((store) => [...faultsOf(system, store), ...settings(store, mountedFiles(system, store, workspace))]),
    ...claims(system),
  ];
}

function faultsOf(system: System, { kind, name, replicas, pod }: Workload): string[] {
  const { serviceName } = system.named('StatefulSet', name)?.spec ?? {};
  const kept = (pod.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const faults: string[] = [];
  if (replicas !== 1) faults.push('is not one process');
  if (serviceName !== name) faults.push('is called by another Service');
  if (kept.join() !== name) faults.push('has no disk of its own');
  return faults.map((fault) => `${kind} ${name} ${fault}`);
}

function settings({ kind, name, pod, container }: Workload, files: readonly string[]): string[] {
  const who = `${kind} ${name}`;
  const { command = [], args = [], volumeMounts = [], ports = [] } = container;
  const disk = pod.volumes?.find(({ persistentVolumeClaim }) => persistentVolumeClaim)?.name;
  let given: ReadonlyMap<string, string>;
  try {
    given = redisSettings(args);
  } catch (error) {
    return [`${who}: ${(error as Error).message}`];
  }
  const expected: Readonly<Record<string, string>> = {
    dir: volumeMounts.find((mount) => mount.name === disk)?.mountPath ?? '',
    appendonly: 'yes',
    appendfsync: FSYNC[name] ?? '',
    save: '',
    'maxmemory-policy': 'noeviction',
    port: '0',
    'tls-port': String(ports[0]?.containerPort),
    'tls-auth-clients': 'yes',
    'tls-cert-file': '/run/secrets/tls/tls.crt',
    'tls-key-file': '/run/secrets/tls/tls.key',
    'tls-ca-cert-file': '/run/secrets/tls/ca.crt',
    aclfile: `/run/secrets/${name}/users.acl`,
  };
  const others = [...given.keys()].filter((setting) => setting !== 'maxmemory' && expected[setting] === undefined);
  return [
    ...(command.join(' ') === 'redis-server' ? [] : [`${who} runs no redis-server`]),
    ...Object.entries(expected)
      .filter(([setting, value]) => given.get(setting) !== value)
      .map(([setting, value]) => `${who} does not have --${setting} ${value}`),
    ...[...given]
      .filter(([setting, value]) => setting.endsWith('file') && !files.includes(value))
      .map(([setting]) => `${who} has no file for --${setting}`),
    ...others.map((setting) => `${who} has --${setting}, which no rule looks at`),
    // The other half is for rewriting its log.
    ...(redisBytes(given.get('maxmemory')) * 2 <= amountOf(container.resources?.limits?.memory ?? '0')
      ? []
      : [`${who} may need more memory than it may have`]),
  ];
}

function claims(system: System): string[] {
  return system.of('PersistentVolumeClaim').flatMap(({ metadata, spec }) => {
    const size = amountOf(spec.resources?.requests?.storage ?? '0');
    return [
      ...(spec.accessModes?.join() === 'ReadWriteOnce' ? [] : ['is for several nodes']),
      ...(size >= 2 ** 30 && Number.isInteger(size) ? [] : ['is smaller than 1Gi']),
    ].map((fault) => `PersistentVolumeClaim ${metadata.name} ${fault}`);
  });
}
