import { type V1Container, type V1PodSpec } from '@kubernetes/client-node';
import { type Manifest, System } from './system';

/** A change for the worse, and how a rule sees it. */
export interface Mutant {
  readonly rule: string;
  readonly title: string;
  readonly change: (system: System) => System | void;
  readonly refusal: RegExp;
}

/** A change that no cluster would take. */
export interface WrongSchema {
  readonly kind: string;
  readonly name: string;
  readonly change: (manifest: Manifest) => void;
  readonly refusal: RegExp;
}

type Tree = Record<string, unknown>;

/** Sets what is at a path of keys, also where no type knows it. */
function set(target: unknown, path: string, value: unknown): void {
  const keys = path.split('/');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Tree>((at, key) => at[key] as Tree, target as Tree);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}

const CONTAINER = 'spec/template/spec/containers/0';

export const WRONG_SCHEMAS: readonly WrongSchema[] = [
  ['Deployment', 'auth', 'spec/replicaz', 2, /\/spec\/replicaz is unknown/],
  ['Deployment', 'auth', `${CONTAINER}/livenessProbe/httpGet/pth`, '/x', /httpGet\/pth is unknown/],
  ['Deployment', 'auth', `${CONTAINER}/ports/0/containerPort`, '3001', /containerPort must be a number/],
  ['Deployment', 'auth', `${CONTAINER}/env/0/value`, 1, /env\/0\/value must be a string/],
  ['Deployment', 'auth', `${CONTAINER}/args`, 'one', /args must be a list/],
  ['Deployment', 'auth', `${CONTAINER}/resources/limits/memory`, '384MiB', /must match format "quantity"/],
  ['Deployment', 'auth', `${CONTAINER}/imagePullPolicy`, 'Sometimes', /must be equal to one of the allowed values/],
  ['Deployment', 'auth', `${CONTAINER}/name`, undefined, /must have required property name/],
  ['Deployment', 'auth', 'spec/selector', undefined, /must have required property selector/],
  ['Deployment', 'auth', 'metadata/labels', ['auth'], /metadata\/labels must be a map/],
  ['Deployment', 'auth', 'apiVersion', 'extensions/v1beta1', /is not served by Kubernetes/],
  ['Deployment', 'auth', 'apiVersion', 'apps/v3', /is not served by Kubernetes/],
  ['Deployment', 'auth', 'kind', 'Deploiment', /is not served by Kubernetes/],
  ['Deployment', 'auth', 'apiVersion', undefined, /has no apiVersion/],
  ['HorizontalPodAutoscaler', 'auth', 'apiVersion', 'autoscaling/v2beta2', /is not served by Kubernetes/],
  ['HorizontalPodAutoscaler', 'auth', 'spec/maxReplicas', undefined, /must have required property maxReplicas/],
  ['PodDisruptionBudget', 'auth', 'apiVersion', 'policy/v1beta1', /is not served by Kubernetes/],
  ['ConfigMap', 'token-relay', 'data/METRICS_PORT', 9464, /data\/METRICS_PORT must be a string/],
  ['NetworkPolicy', 'auth', 'spec/ingress/0/form', [], /ingress\/0\/form is unknown/],
].map(([kind, name, path, value, refusal]) => ({
  kind: kind as string,
  name: name as string,
  change: (manifest) => set(manifest, path as string, value),
  refusal: refusal as RegExp,
}));

const workload = (system: System, name: string): { pod: V1PodSpec; container: V1Container } => {
  const found = system.workloads.find((one) => one.name === name);
  if (!found) throw new Error(`${name} isn't there`);
  return found;
};
const volumeOf = (system: System, name: string, volume: string) =>
  workload(system, name).pod.volumes?.find((one) => one.name === volume);

/** Sets what is at a path of one manifest. */
const at =
  (kind: string, name: string, path: string, value?: unknown): Mutant['change'] =>
  (system) => {
    const manifest = system.all.find((one) => one.kind === kind && one.metadata.name === name);
    if (!manifest) throw new Error(`${kind} ${name} isn't there`);
    set(manifest, path, value);
  };
const without =
  (kind: string, name: string): Mutant['change'] =>
  (system) =>
    new System(system.all.filter((one) => one.kind !== kind || one.metadata.name !== name));
const variable =
  (name: string, variableName: string, value: string): Mutant['change'] =>
  (system) =>
    void workload(system, name).container.env?.push({ name: variableName, value });
const noVariable =
  (name: string, variableName: string): Mutant['change'] =>
  (system) => {
    const { container } = workload(system, name);
    container.env = container.env?.filter((one) => one.name !== variableName) ?? [];
  };

const JOB = 'bootstrap-0-1-0';
const MORE_OR_LESS = /Role bootstrap may do more or less than/;

const call = (labels: object | undefined, name: string): void =>
  void Object.assign(labels ?? {}, { 'app.kubernetes.io/name': name });

type Row = readonly [title: string, change: Mutant['change'], refusal: RegExp];
const mutants = (rule: string, rows: readonly Row[]): readonly Mutant[] =>
  rows.map(([title, change, refusal]) => ({ rule, title, change, refusal }));

export const MUTANTS: readonly Mutant[] = [
  ...mutants('references', [
    [
      'a selector that misses its pods',
      (system) => call(system.named('Deployment', 'auth')?.spec.selector.matchLabels, 'other'),
      /auth does not select its own pods/,
    ],
    [
      'a selector that takes in others',
      at('Deployment', 'auth', 'spec/selector/matchLabels', { 'app.kubernetes.io/part-of': 'token-relay' }),
      /Deployment auth selects \d of the workloads/,
    ],
    ['a Service for nobody', at('Service', 'auth', 'spec/selector', { a: 'b' }), /Service auth selects 0/],
    [
      'a Service that leads to another',
      (system) => call(system.named('Service', 'auth')?.spec.selector, 'audit'),
      /Service auth leads to another/,
    ],
    ['a Service at another port', at('Service', 'audit', 'spec/ports/1/port', 4004), /leads port 4004 to none/],
    ['a Service to no port', at('Service', 'audit', 'spec/ports/1/targetPort', 'rcp'), /leads port 4003 to none/],
    [
      'a budget for nobody',
      at('PodDisruptionBudget', 'auth', 'spec/selector/matchLabels', { a: 'b' }),
      /PodDisruptionBudget auth selects 0/,
    ],
    [
      'a policy for nobody',
      at('NetworkPolicy', 'auth', 'spec/podSelector/matchLabels', { a: 'b' }),
      /NetworkPolicy auth selects nothing/,
    ],
    [
      'pods that are spread by those of another',
      (system) =>
        call(workload(system, 'auth').pod.topologySpreadConstraints?.[0]?.labelSelector?.matchLabels, 'audit'),
      /auth spreads others by kubernetes.io\/hostname/,
    ],
    ['a namespace of its own', at('Service', 'auth', 'metadata/namespace', 'default'), /Service auth is in another/],
    [
      'the same twice',
      (system) => new System([...system.all, ...system.all.slice(1, 2)]),
      /ConfigMap token-relay is there twice/,
    ],
    [
      'a volume that is not there',
      (system) => void workload(system, 'auth').pod.volumes?.pop(),
      /auth has no volume auth/,
    ],
    [
      'a volume that is not mounted',
      (system) => void workload(system, 'auth').container.volumeMounts?.pop(),
      /auth does not mount auth/,
    ],
    ['no claim for what is kept', without('PersistentVolumeClaim', 'redis'), /redis claims redis, which isn't there/],
    ['no configuration', without('ConfigMap', 'token-relay'), /auth reads token-relay, which isn't there/],
    ['no account', without('ServiceAccount', 'bootstrap'), /runs as an account that isn't there/],
    ['no role', without('Role', 'bootstrap'), /gives a role that isn't there/],
    [
      'a role for somebody else',
      at('RoleBinding', 'bootstrap', 'subjects/0/name', 'default'),
      /gives it to default, which isn't there/,
    ],
  ]),
  ...mutants('scaling', [
    [
      'an autoscaler of nothing',
      at('HorizontalPodAutoscaler', 'auth', 'spec/scaleTargetRef/name', 'x'),
      /scales what is not/,
    ],
    ['two who say how many', at('Deployment', 'auth', 'spec/replicas', 2), /scales what names its replicas itself/],
    ['nobody who says how many', without('HorizontalPodAutoscaler', 'auth'), /auth says nowhere how many/],
    ['more at least than at most', at('HorizontalPodAutoscaler', 'auth', 'spec/minReplicas', 7), /minimum above/],
    [
      'a share of a request that is not made',
      at('Deployment', 'auth', `${CONTAINER}/resources/requests/cpu`),
      /measures a share of no request/,
    ],
    ['nothing measured', at('HorizontalPodAutoscaler', 'auth', 'spec/metrics', []), /auth measures nothing/],
    [
      'a budget as large as the number of pods',
      at('PodDisruptionBudget', 'auth', 'spec', {
        minAvailable: 2,
        selector: { matchLabels: { 'app.kubernetes.io/name': 'auth' } },
      }),
      /PodDisruptionBudget auth lets no pod go/,
    ],
    ['a budget of none', at('PodDisruptionBudget', 'auth', 'spec/maxUnavailable', 0), /auth lets no pod go/],
    ['no budget', without('PodDisruptionBudget', 'auth'), /Deployment auth has no budget/],
    [
      'an update with a gap',
      at('Deployment', 'auth', 'spec/strategy/rollingUpdate/maxUnavailable', 1),
      /auth takes pods away before/,
    ],
    [
      'an update that ends all first',
      at('Deployment', 'auth', 'spec/strategy', { type: 'Recreate' }),
      /takes pods away/,
    ],
  ]),
  ...mutants('resources', [
    [
      'more asked for than allowed',
      at('Deployment', 'auth', `${CONTAINER}/resources/requests/memory`, '1Gi'),
      /more memory/,
    ],
    ['other units', at('Deployment', 'auth', `${CONTAINER}/resources/requests/cpu`, '2001m'), /more cpu/],
    ['nothing asked for', at('Deployment', 'audit', `${CONTAINER}/resources/requests`), /does not say what it needs/],
    ['no bound', at('Deployment', 'audit', `${CONTAINER}/resources/limits`), /has no bound on its memory/],
  ]),
  ...mutants('lifecycle', [
    [
      'a route that is not there',
      at('Deployment', 'audit', `${CONTAINER}/startupProbe/httpGet/path`, '/health'),
      /audit has no route for its startupProbe/,
    ],
    ['no probe', at('Deployment', 'audit', `${CONTAINER}/livenessProbe`), /audit has no livenessProbe/],
    [
      'a port that asks for a certificate',
      at('Deployment', 'audit', `${CONTAINER}/readinessProbe/httpGet/port`, 'https'),
      /can't answer its readinessProbe there/,
    ],
    [
      'ready as soon as it runs',
      at('Deployment', 'audit', `${CONTAINER}/readinessProbe/httpGet/path`, '/healthz'),
      /is taken for ready when it isn't/,
    ],
    [
      'ended for what others fail at',
      at('Deployment', 'audit', `${CONTAINER}/livenessProbe/httpGet/path`, '/readyz'),
      /is ended for what others fail at/,
    ],
    ['no pause', at('Deployment', 'audit', `${CONTAINER}/lifecycle`), /ends while connections are still led to it/],
    [
      'too little time',
      at('Deployment', 'audit', 'spec/template/spec/terminationGracePeriodSeconds', 19),
      /audit is killed before it has ended/,
    ],
    ['a longer drain', at('ConfigMap', 'token-relay', 'data/DRAIN_SECONDS', '16'), /is killed before it has ended/],
    [
      'a Redis that is only looked for',
      at('StatefulSet', 'redis', `${CONTAINER}/readinessProbe`, { tcpSocket: { port: 6379 } }),
      /redis is not asked by its readinessProbe/,
    ],
    [
      'a ping whose failure is a success',
      (system) => void workload(system, 'redis').container.livenessProbe?.exec?.command?.splice(1, 1),
      /redis is not asked by its/,
    ],
    [
      'a ping without a certificate',
      (system) => set(volumeMount(system, 'redis', 'tls'), 'mountPath', '/tls'),
      /redis has no certificate for its/,
    ],
  ]),
  ...mutants('environment', [
    ['a name that is not read', variable('audit', 'AUDIT_URI', 'x'), /audit does not read AUDIT_URI/],
    [
      'a name of another service',
      variable('audit', 'RESOURCE_URL', 'https://resource:3002'),
      /audit does not read RESOURCE_URL/,
    ],
    ['a name that is not documented', variable('audit', 'AUDIT_URI', 'x'), /AUDIT_URI, which docs\/configuration.md/],
    [
      'a name that is missing',
      noVariable('resource', 'AUDIT_URL'),
      /resource does not start: .*\n {2}AUDIT_URL: is missing/,
    ],
    ['a value that is wrong', at('ConfigMap', 'token-relay', 'data/ISSUER', 'localhost'), /ISSUER: must be/],
    ['a hop in clear', at('ConfigMap', 'token-relay', 'data/AUTH_URL', 'http://auth:3001'), /AUTH_URL: is without TLS/],
    [
      'a file that is not mounted',
      (system) => set(volumeMount(system, 'audit', 'client'), 'mountPath', '/run/secrets/other'),
      /AUDIT_CLIENT_SECRET_FILE can not be read/,
    ],
    [
      'another file of the Secret',
      variable('auth', 'CLIENTS_FILE', '/run/secrets/auth/client.json'),
      /no file for CLIENTS_FILE/,
    ],
    [
      'calls that are explained',
      variable('resource', 'EXPLAIN_CALLS', '1'),
      /resource does not start: .*\n {2}EXPLAIN_CALLS: is 1/,
    ],
    ['a demo', variable('auth', 'DEMO', '1'), /auth does not start: .*\n {2}DEMO: is 1/],
    ['another port', variable('audit', 'RPC_PORT', '4004'), /audit does not listen for rpc/],
    [
      'another port for metrics',
      at('ConfigMap', 'token-relay', 'data/METRICS_PORT', '9465'),
      /does not listen for metrics/,
    ],
    [
      'an option of bootstrap that there is not',
      (system) => void workload(system, JOB).container.command?.push('--without-certs'),
      /bootstrap has --without-certs, which/,
    ],
    [
      'a name that bootstrap does not know',
      at('Job', JOB, `${CONTAINER}/env`, [{ name: 'DEMO', value: '1' }]),
      /bootstrap has DEMO, which/,
    ],
  ]),
  ...mutants('secrets', [
    [
      "another's certificate",
      (system) => set(volumeOf(system, 'audit', 'tls')?.secret, 'secretName', 'auth-tls'),
      /audit mounts auth-tls, which isn't its own/,
    ],
    [
      "another's records",
      (system) => set(volumeOf(system, 'resource', 'records')?.secret, 'secretName', 'audit-records'),
      /resource mounts audit-records, which isn't its own/,
    ],
    [
      'the CA itself',
      (system) => set(volumeOf(system, 'audit', 'client')?.secret, 'secretName', 'ca'),
      /audit mounts ca, which isn't its own/,
    ],
    [
      'what nobody makes',
      (system) => set(volumeOf(system, 'audit', 'client')?.secret, 'secretName', 'audit-secret'),
      /audit mounts audit-secret, which nobody makes/,
    ],
    [
      'demo accounts without being asked for them',
      (system) => set(volumeOf(system, 'auth', 'auth')?.secret, 'secretName', 'demo-accounts'),
      /auth mounts demo-accounts, which nobody makes/,
    ],
    [
      'certificates that nobody makes any more',
      (system) => void workload(system, JOB).container.command?.push('--without-certificates'),
      /mounts auth-tls, which nobody makes/,
    ],
    [
      'a key that is not in it',
      (system) => set(volumeOf(system, 'auth', 'auth')?.secret, 'items', [{ key: 'kek', path: 'kek' }]),
      /auth mounts kek, which isn't in auth/,
    ],
    [
      'files for everybody',
      (system) => set(volumeOf(system, 'auth', 'auth')?.secret, 'defaultMode', 0o444),
      /auth mounts auth for others to read/,
    ],
    [
      'files for root alone',
      at('Deployment', 'auth', 'spec/template/spec/securityContext/fsGroup'),
      /auth can't read auth/,
    ],
    [
      'no certificate',
      (system) => set(volumeMount(system, 'auth', 'tls'), 'mountPath', '/tls'),
      /auth has no certificate/,
    ],
    [
      'a secret in the environment',
      (system) =>
        void workload(system, 'audit').container.env?.push({
          name: 'AUDIT_CLIENT_SECRET',
          valueFrom: { secretKeyRef: { name: 'audit-client', key: 'client-secret' } },
        }),
      /audit has a secret in its environment/,
    ],
    [
      'a whole Secret in the environment',
      (system) => void workload(system, 'audit').container.envFrom?.push({ secretRef: { name: 'audit-client' } }),
      /audit has a secret in its environment/,
    ],
    [
      'a Secret with a value',
      (system) => new System([...system.all, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }]),
      /Secret x stands in a manifest/,
    ],
  ]),
  ...mutants('pod security', [
    [
      'a namespace that lets everything in',
      (system) => set(system.named('Namespace', 'token-relay')?.metadata, 'labels', {}),
      /token-relay does not enforce restricted/,
    ],
    ...(
      [
        ['pod', 'hostNetwork', true, /auth shares its host/],
        ['pod', 'hostPID', true, /auth shares its host/],
        ['pod', 'volumes', [{ name: 'x', hostPath: { path: '/' } }], /auth has a volume of a type/],
        ['pod', 'initContainers', [{ name: 'x' }], /auth has init or ephemeral containers/],
        ['pod', 'securityContext/seccompProfile', undefined, /auth has no seccomp profile/],
        ['pod', 'securityContext/seccompProfile/type', 'Unconfined', /auth has no seccomp profile/],
        ['pod', 'securityContext/runAsNonRoot', undefined, /auth may run as root/],
        ['pod', 'securityContext/runAsUser', 0, /auth runs as root/],
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
  ]),
  ...mutants('access', [
    [
      'a token for a service',
      at('Deployment', 'auth', 'spec/template/spec/automountServiceAccountToken'),
      /Deployment auth has a token/,
    ],
    [
      'no token for bootstrap',
      at('Job', JOB, 'spec/template/spec/automountServiceAccountToken', false),
      /bootstrap-0-1-0 has a token, or lacks/,
    ],
    [
      'a token for whoever asks',
      at('ServiceAccount', 'bootstrap', 'automountServiceAccountToken'),
      /hands out its token/,
    ],
    [
      'names of Services',
      at('Deployment', 'auth', 'spec/template/spec/enableServiceLinks'),
      /auth has other Services in its environment/,
    ],
    ['to read all Secrets', at('Role', 'bootstrap', 'rules/1/resourceNames'), MORE_OR_LESS],
    ['to read another', at('Role', 'bootstrap', 'rules/1/resourceNames/0', 'other'), MORE_OR_LESS],
    [
      'to read what it no longer makes',
      (system) => void workload(system, JOB).container.command?.push('--without-redis'),
      MORE_OR_LESS,
    ],
    ['to overwrite', at('Role', 'bootstrap', 'rules/0/verbs', ['create', 'update']), MORE_OR_LESS],
    ['anything else', at('Role', 'bootstrap', 'rules/0/resources', ['secrets', 'pods']), MORE_OR_LESS],
    ['too little', at('Role', 'bootstrap', 'rules/0/verbs', []), MORE_OR_LESS],
    [
      'the whole cluster',
      (system) => set(system.named('Role', 'bootstrap'), 'kind', 'ClusterRole'),
      /ClusterRole bootstrap is of the whole cluster/,
    ],
  ]),
  ...mutants('applied again', [
    [
      'templates of claims',
      at('StatefulSet', 'redis', 'spec/volumeClaimTemplates', [{ metadata: { name: 'data' } }]),
      /redis has templates of claims/,
    ],
    [
      'a protocol by default',
      at('NetworkPolicy', 'dns', 'spec/egress/0/ports/1/protocol'),
      /dns leaves a protocol open/,
    ],
    ['types by default', at('NetworkPolicy', 'dns', 'spec/policyTypes'), /dns leaves its types open/],
  ]),
  ...mutants('images', [
    [
      'an image that is named elsewhere',
      at('Deployment', 'auth', `${CONTAINER}/image`, 'token-relay/auth:0.2.0'),
      /Deployment auth has an image of its own.*token-relay\/auth:\S+ is used by nobody/,
    ],
    [
      'the image of another app',
      (system) => {
        const { container } = workload(system, 'auth');
        container.image = workload(system, 'audit').container.image ?? '';
      },
      /Deployment auth runs another app/,
    ],
    [
      'the Job of another version',
      at('Job', JOB, 'metadata/name', 'bootstrap-0-0-9'),
      /bootstrap-0-0-9 is of another version/,
    ],
  ]),
];

function volumeMount(system: System, name: string, volume: string) {
  return workload(system, name).container.volumeMounts?.find((one) => one.name === volume);
}

/** A change of the policies, and what it opens or closes. */
interface ChangedWays {
  readonly title: string;
  readonly change: Mutant['change'];
  readonly ways: readonly string[];
}

export const OPEN_WAYS: readonly ChangedWays[] = [
  {
    title: 'without the policy that denies by default',
    change: without('NetworkPolicy', 'default-deny'),
    ways: ['redis → internet:443', 'stranger → bootstrap:1'],
  },
  {
    title: 'a rule that names no parties',
    change: at('NetworkPolicy', 'redis', 'spec/ingress/0/from'),
    ways: ['stranger → redis:6379', 'internet → redis:6379'],
  },
  {
    title: 'a rule that names no ports',
    change: at('NetworkPolicy', 'metrics', 'spec/ingress/0/ports'),
    ways: ['prometheus → auth:3001', 'prometheus → auth:1'],
  },
  {
    title: 'a rule for pods of that name anywhere',
    change: at('NetworkPolicy', 'metrics', 'spec/ingress/0/from/0/namespaceSelector', {}),
    ways: ['stranger → auth:9464'],
  },
  {
    title: 'a rule for a whole namespace',
    change: at('NetworkPolicy', 'dns', 'spec/egress/0/to', [{ namespaceSelector: {} }]),
    ways: ['auth → stranger:53/UDP'],
  },
  {
    title: 'a rule for addresses',
    change: at('NetworkPolicy', 'dns', 'spec/egress/0/to', [{ ipBlock: { cidr: '203.0.113.0/24' } }]),
    ways: ['auth → internet:53/UDP'],
  },
];

export const CLOSED_WAYS: readonly ChangedWays[] = [
  {
    title: 'its sender may not',
    change: at('NetworkPolicy', 'gateway', 'spec/egress/0/to/0/podSelector/matchLabels', { a: 'b' }),
    ways: ['gateway → resource:3002'],
  },
  {
    title: 'its receiver may not',
    change: at('NetworkPolicy', 'redis', 'spec/ingress/0/ports/0/port', 6380),
    ways: ['auth → redis:6379'],
  },
  {
    title: 'another protocol',
    change: at('NetworkPolicy', 'audit', 'spec/ingress/0/ports/0/protocol', 'UDP'),
    ways: ['resource → audit:4003'],
  },
  {
    title: 'a direction that the policy has no say in',
    change: at('NetworkPolicy', 'audit', 'spec/policyTypes', ['Ingress']),
    ways: ['audit → auth:3001', 'audit → records:6379'],
  },
];
