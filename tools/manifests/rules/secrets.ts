import { type Manifest, type System, type Workload } from '../system';
import { type SecretKeys, type Workspace } from '../workspace';

/** Each pod mounts its own Secrets alone, all of which somebody makes, and none of them stands in a manifest. */
export function secrets(system: System, workspace: Workspace): string[] {
  return [
    ...system.of('Secret').map(({ metadata }) => `Secret ${metadata.name} stands in a manifest`),
    ...system.workloads.flatMap((workload) => [
      ...mounts(workload, allMade(system, workspace)),
      ...certificate(workload),
      ...environmentSecrets(workload, workspace),
    ]),
    ...system.all.flatMap((manifest) => values(manifest, workspace)),
  ];
}

/** What an operator gives, besides what bootstrap and cert-manager make: deploy/README.md says so. */
const GIVEN: SecretKeys = { 'external-redis': ['redis-url', 'ca.crt'] };

/** Whose a Secret is, where its name isn't that of a service, alone or before `-tls`, `-client` or `-records`. */
const OWNERS: Readonly<Record<string, string>> = {
  'demo-accounts': 'auth',
  'external-redis': 'auth',
};

/** What the Job makes, by what it is told. */
export function madeByBootstrap(system: System, { secretsOf }: Workspace): SecretKeys {
  const { command = [], args = [], env = [] } = system.of('Job')[0]?.spec.template.spec?.containers[0] ?? {};
  const words = [...command, ...args];
  return secretsOf({
    hasAuthority: !words.includes('--without-certificates'),
    hasRedis: !words.includes('--without-redis'),
    hasRecords: !words.includes('--without-records'),
    hasDemoAccounts: env.some(({ name, value }) => name === 'DEMO_ACCOUNTS' && value === '1'),
  });
}

function allMade(system: System, workspace: Workspace): SecretKeys {
  const certificates = system.of('Certificate').map(({ spec }) => [spec.secretName, ['tls.crt', 'tls.key', 'ca.crt']]);
  return { ...GIVEN, ...madeByBootstrap(system, workspace), ...(Object.fromEntries(certificates) as SecretKeys) };
}

function mounts({ kind, name, pod }: Workload, made: SecretKeys): string[] {
  return (pod.volumes ?? []).flatMap(({ secret }) => {
    if (!secret) return [];
    const { secretName = '', items = [], defaultMode } = secret;
    const owner = OWNERS[secretName] ?? secretName.replace(/-(tls|client|records)$/, '');
    const keys = made[secretName];
    const faults: string[] = [];
    if (!keys) faults.push(`mounts ${secretName}, which nobody makes`);
    if (owner !== name) faults.push(`mounts ${secretName}, which isn't its own`);
    for (const { key } of items) if (!keys?.includes(key)) faults.push(`mounts ${key}, which isn't in ${secretName}`);
    if (defaultMode !== 0o440) faults.push(`mounts ${secretName} for others to read`);
    if (pod.securityContext?.fsGroup === undefined) faults.push(`can't read ${secretName}`);
    return faults.map((fault) => `${kind} ${name} ${fault}`);
  });
}

function certificate({ kind, name, pod, container }: Workload): string[] {
  if (kind === 'Job') return [];
  const volume = pod.volumes?.find(({ secret }) => secret?.secretName === `${name}-tls`);
  const mount = container.volumeMounts?.find((one) => one.name === volume?.name);
  return mount?.mountPath === '/run/secrets/tls' ? [] : [`${kind} ${name} has no certificate`];
}

/** In the environment a secret is seen by whoever may look at the pod, and by every child process. */
function environmentSecrets({ kind, name, container }: Workload, { secretNames }: Workspace): string[] {
  const { env = [], envFrom = [] } = container;
  const isSecret =
    env.some((variable) => variable.valueFrom?.secretKeyRef ?? secretNames.has(variable.name)) ||
    envFrom.some(({ secretRef }) => secretRef);
  return isSecret ? [`${kind} ${name} has a secret in its environment`] : [];
}

/** What is a secret by its look, wherever it stands. */
function values({ kind, metadata, ...others }: Manifest, { secretNames }: Workspace): string[] {
  const shared = kind === 'ConfigMap' ? Object.keys(others.data ?? {}) : [];
  return [
    ...textsIn([metadata, others])
      .filter(isSecretText)
      .map(() => 'has a password in a URL, or a private key'),
    ...shared.filter((name) => secretNames.has(name)).map((name) => `has ${name} for everybody to read`),
  ].map((fault) => `${kind} ${metadata.name} ${fault}`);
}

/** A URL with a password, or a private key. */
export function isSecretText(text: string): boolean {
  return /[a-z]+:\/\/[^\s/@]*:[^\s/@]+@/.test(text) || /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
}

/** All texts, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The files that a container finds. */
export function mountedFiles(system: System, { pod, container }: Workload, workspace: Workspace): readonly string[] {
  const made = allMade(system, workspace);
  return (container.volumeMounts ?? []).flatMap(({ name, mountPath }) => {
    const { secret, configMap } = pod.volumes?.find((volume) => volume.name === name) ?? {};
    const shared = Object.keys(system.named('ConfigMap', configMap?.name)?.data ?? {});
    const files = secret?.items?.map(({ path }) => path) ?? made[secret?.secretName ?? ''] ?? shared;
    return files.map((file) => `${mountPath}/${file}`);
  });
}
