import { type V1Volume } from '@kubernetes/client-node';
import { type System, type Workload } from '../system';

/** Volumes are there, mounted, of types that bring in nothing that no rule sees, and only written to for what is kept. */
export function volumes(system: System): string[] {
  return system.workloads.flatMap((workload) => {
    const { kind, name, pod, container } = workload;
    const given = (pod.volumes ?? []).map((volume) => volume.name);
    const mounted = (container.volumeMounts ?? []).map((mount) => mount.name);
    return [
      ...mounted.filter((one) => !given.includes(one)).map((one) => `has no volume ${one}`),
      ...given.filter((one) => !mounted.includes(one)).map((one) => `does not mount ${one}`),
      ...(pod.volumes ?? []).flatMap((volume) => faultsOf(system, workload, volume)),
      ...configurations(workload)
        .filter((one) => !system.named('ConfigMap', one))
        .map((one) => `reads ${one}, which isn't there`),
    ].map((fault) => `${kind} ${name} ${fault}`);
  });
}

/** Not `projected` and `csi`, which bring tokens and secrets past the rules for those, and nothing of the node. */
const TYPES = ['secret', 'emptyDir', 'configMap', 'persistentVolumeClaim'];

function faultsOf(system: System, { container }: Workload, volume: V1Volume): string[] {
  const { name, secret, configMap, emptyDir, persistentVolumeClaim: claim } = volume;
  const types = Object.keys(volume).filter((key) => key !== 'name');
  const mounts = (container.volumeMounts ?? []).filter((mount) => mount.name === name);
  const faults: string[] = [];
  if (types.length !== 1 || !TYPES.includes(types[0] ?? '')) faults.push(`has a volume ${name} of another type`);
  if (secret?.optional ?? configMap?.optional) faults.push(`starts without ${name}`);
  if (emptyDir && !emptyDir.sizeLimit) faults.push(`may fill its node with ${name}`);
  if ((secret ?? configMap) && !mounts.every(({ readOnly }) => readOnly)) faults.push(`mounts ${name} to write to it`);
  if (claim && mounts.some(({ readOnly }) => readOnly)) faults.push(`can't write to ${name}`);
  if (claim && !system.named('PersistentVolumeClaim', claim.claimName)) {
    faults.push(`claims ${claim.claimName}, which isn't there`);
  }
  return faults;
}

function configurations({ pod, container }: Workload): readonly string[] {
  return [
    ...(container.envFrom ?? []).flatMap(({ configMapRef }) => configMapRef?.name ?? []),
    ...(pod.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []),
  ];
}
