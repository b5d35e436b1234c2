import { at, type Row, set, workload } from './change';

export const podSecurity: readonly Row[] = [
  [
    'a namespace that lets everything in',
    (system) => set(system.named('Namespace', 'token-relay')?.metadata, 'labels', {}),
    /token-relay does not enforce restricted/,
  ],
  ...['audit', 'warn'].map((mode): Row => [
    `nobody told by ${mode}`,
    at('Namespace', 'token-relay', `metadata/labels/pod-security.kubernetes.io~1${mode}`, 'baseline'),
    /token-relay does not enforce restricted/,
  ]),
  ...['v1.19', 'v1.30'].map((version): Row => [
    `what was restricted in ${version}`,
    at('Namespace', 'token-relay', 'metadata/labels/pod-security.kubernetes.io~1enforce-version', version),
    /token-relay does not enforce restricted/,
  ]),
  [
    'AppArmor as it was switched off before',
    at('Deployment', 'auth', 'spec/template/metadata/annotations', {
      'container.apparmor.security.beta.kubernetes.io/auth': 'unconfined',
    }),
    /auth has an AppArmor profile/,
  ],
  ...(
    [
      ['pod', 'hostNetwork', true, /auth shares its host/],
      ['pod', 'hostPID', true, /auth shares its host/],
      ['pod', 'volumes', [{ name: 'x', hostPath: { path: '/' } }], /auth mounts a part of its host/],
      ['pod', 'initContainers', [{ name: 'x' }], /auth has init or ephemeral containers/],
      ['pod', 'securityContext/seccompProfile', undefined, /auth has no seccomp profile/],
      ['pod', 'securityContext/seccompProfile/type', 'Unconfined', /auth has no seccomp profile/],
      ['container', 'securityContext/seccompProfile', { type: 'Localhost' }, /auth has no seccomp profile/],
      ['pod', 'securityContext/runAsNonRoot', undefined, /auth may run as root/],
      ['pod', 'securityContext/runAsUser', 0, /auth runs as root/],
      ['pod', 'securityContext/runAsGroup', 0, /auth runs in the group of root/],
      ['pod', 'securityContext/fsGroup', 0, /auth runs in the group of root/],
      ['pod', 'securityContext/seLinuxOptions', { type: 'spc_t' }, /auth has SELinux options/],
      ['pod', 'securityContext/appArmorProfile', { type: 'Unconfined' }, /auth has an AppArmor profile/],
      ['pod', 'securityContext/windowsOptions', { hostProcess: true }, /auth is a pod of Windows/],
      ['container', 'securityContext/seLinuxOptions', { user: 'x' }, /auth has SELinux options/],
      ['container', 'securityContext/windowsOptions', { hostProcess: true }, /auth is a pod of Windows/],
      ['pod', 'securityContext/sysctls', [{ name: 'x', value: '1' }], /auth sets sysctls/],
      ['container', 'securityContext/privileged', true, /auth is privileged/],
      ['container', 'securityContext/allowPrivilegeEscalation', undefined, /auth may gain privileges/],
      ['container', 'securityContext/capabilities', undefined, /auth keeps capabilities/],
      ['container', 'securityContext/capabilities/drop', ['NET_RAW'], /auth keeps capabilities/],
      ['container', 'securityContext/capabilities/add', ['CHOWN'], /auth keeps capabilities/],
      ['container', 'securityContext/procMount', 'Unmasked', /auth unmasks \/proc/],
      ['container', 'securityContext/readOnlyRootFilesystem', false, /auth can write to its root/],
      ['container', 'ports/0/hostPort', 3001, /auth has a port of its host/],
    ] as const
  ).map(([part, path, value, refusal]): Row => [
    `${part} ${path} ${JSON.stringify(value)}`,
    (system) => set(workload(system, 'auth')[part], path, value),
    refusal,
  ]),
];
