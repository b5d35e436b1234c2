import { type System, type Workload } from '../system';

const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const SECCOMP = ['RuntimeDefault', 'Localhost'];

/**
 * The Pod Security Standard `restricted`, which the namespace enforces, and a read-only root file system.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function podSecurity(system: System): string[] {
  const namespaces = system
    .of('Namespace')
    .filter(({ metadata }) => metadata.labels?.['pod-security.kubernetes.io/enforce'] !== 'restricted')
    .map(({ metadata }) => `Namespace ${metadata.name} does not enforce restricted`);
  return [...namespaces, ...system.workloads.flatMap((workload) => faultsOf(workload))];
}

function faultsOf({ kind, name, pod, container }: Workload): string[] {
  const faults: string[] = [];
  const refuse = (fault: string, isAtFault: boolean | undefined): void => {
    if (isAtFault) faults.push(`${kind} ${name} ${fault}`);
  };
  const own = container.securityContext ?? {};
  const shared = pod.securityContext ?? {};
  const seccomp = own.seccompProfile ?? shared.seccompProfile;
  refuse('shares its host', pod.hostNetwork || pod.hostPID || pod.hostIPC || pod.hostUsers);
  refuse(
    'has a volume of a type that is not allowed',
    pod.volumes?.some((volume) => !Object.keys(volume).every((key) => key === 'name' || VOLUMES.includes(key))),
  );
  refuse(
    'has init or ephemeral containers, which nothing checks',
    Boolean(pod.initContainers ?? pod.ephemeralContainers),
  );
  refuse(
    'has a port of its host',
    container.ports?.some(({ hostPort }) => hostPort !== undefined),
  );
  refuse('is privileged', own.privileged);
  refuse('may gain privileges', own.allowPrivilegeEscalation !== false);
  refuse('keeps capabilities', !own.capabilities?.drop?.includes('ALL') || (own.capabilities.add?.length ?? 0) > 0);
  refuse('may run as root', (own.runAsNonRoot ?? shared.runAsNonRoot) !== true);
  refuse('runs as root', (own.runAsUser ?? shared.runAsUser ?? 0) === 0);
  refuse('has no seccomp profile', !SECCOMP.includes(seccomp?.type ?? ''));
  refuse('sets sysctls', (shared.sysctls?.length ?? 0) > 0);
  refuse('unmasks /proc', own.procMount !== undefined && own.procMount !== 'Default');
  refuse('can write to its root file system', own.readOnlyRootFilesystem !== true);
  return faults;
}
