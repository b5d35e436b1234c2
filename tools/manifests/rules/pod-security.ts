import { type System, type Workload } from '../system';

const ADMISSION = 'pod-security.kubernetes.io';
/** Of the two that it allows the one that needs nothing on the node. */
const SECCOMP = 'RuntimeDefault';

/**
 * The Pod Security Standard `restricted`, which the namespace enforces, and a read-only root file system.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function podSecurity(system: System): string[] {
  const namespaces = system
    .of('Namespace')
    .filter(({ metadata: { labels = {} } }) => {
      const levels = ['enforce', 'audit', 'warn'].map((mode) => labels[`${ADMISSION}/${mode}`]);
      const { [`${ADMISSION}/enforce-version`]: version = 'latest' } = labels;
      return levels.some((level) => level !== 'restricted') || version !== 'latest';
    })
    .map(({ metadata }) => `Namespace ${metadata.name} does not enforce restricted`);
  return [...namespaces, ...system.workloads.flatMap((workload) => faultsOf(workload))];
}

function faultsOf({ kind, name, annotations, pod, container }: Workload): string[] {
  const faults: string[] = [];
  const refuse = (fault: string, isAtFault: boolean | undefined): void => {
    if (isAtFault) faults.push(`${kind} ${name} ${fault}`);
  };
  const own = container.securityContext ?? {};
  const shared = pod.securityContext ?? {};
  // What was an annotation until 1.30 still counts.
  const isUnconfined = Object.keys(annotations).some((key) => key.startsWith('container.apparmor.security.beta'));
  const seccomp = own.seccompProfile ?? shared.seccompProfile;
  refuse('shares its host', pod.hostNetwork || pod.hostPID || pod.hostIPC || pod.hostUsers);
  refuse(
    'mounts a part of its host',
    pod.volumes?.some(({ hostPath }) => hostPath !== undefined),
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
  refuse('runs in the group of root', (own.runAsGroup ?? shared.runAsGroup ?? 0) === 0 || shared.fsGroup === 0);
  refuse('has no seccomp profile', seccomp?.type !== SECCOMP);
  refuse('has SELinux options of its own', Boolean(own.seLinuxOptions ?? shared.seLinuxOptions));
  refuse('has an AppArmor profile of its own', Boolean(own.appArmorProfile ?? shared.appArmorProfile) || isUnconfined);
  refuse('is a pod of Windows', Boolean(own.windowsOptions ?? shared.windowsOptions));
  refuse('sets sysctls', (shared.sysctls?.length ?? 0) > 0);
  refuse('unmasks /proc', own.procMount !== undefined && own.procMount !== 'Default');
  refuse('can write to its root file system', own.readOnlyRootFilesystem !== true);
  return faults;
}
