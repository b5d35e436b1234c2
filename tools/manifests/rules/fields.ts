import { type System } from '../system';

/** Of a manifest: by name those that it may have, or `any` for all that is below. Lists are looked through. */
type Fields = 'any' | { readonly [name: string]: Fields };

const all = (...names: readonly string[]): Readonly<Record<string, 'any'>> =>
  Object.fromEntries(names.map((name) => [name, 'any']));

const PROBE = {
  httpGet: all('path', 'port'),
  exec: all('command'),
  ...all('periodSeconds', 'timeoutSeconds', 'failureThreshold'),
};
const CONTAINER = {
  ...all('name', 'image', 'imagePullPolicy'),
  resources: all('requests', 'limits'),
  securityContext: { ...all('allowPrivilegeEscalation', 'readOnlyRootFilesystem'), capabilities: all('drop') },
};
const PROBED = { startupProbe: PROBE, readinessProbe: PROBE, livenessProbe: PROBE };
const MOUNTED = { ports: all('name', 'protocol', 'containerPort'), volumeMounts: all('name', 'mountPath', 'readOnly') };
const ENVIRONMENT = { env: all('name', 'value'), envFrom: { configMapRef: all('name') } };
const POD = {
  ...all('automountServiceAccountToken', 'enableServiceLinks'),
  securityContext: {
    ...all('runAsNonRoot', 'runAsUser', 'runAsGroup', 'fsGroup', 'fsGroupChangePolicy'),
    seccompProfile: all('type'),
  },
};
const VOLUMES = {
  name: 'any',
  secret: { ...all('secretName', 'defaultMode'), items: all('key', 'path') },
  emptyDir: all('sizeLimit'),
  configMap: all('name'),
  persistentVolumeClaim: all('claimName'),
} as const;

/** With labels alone, as annotations can switch off what fields switch on. */
const METADATA = { metadata: all('name', 'namespace', 'labels') };
const described = (fields: Readonly<Record<string, Fields>>): Fields => ({
  ...all('apiVersion', 'kind'),
  ...METADATA,
  ...fields,
});
const workload = (
  spec: Record<string, Fields>,
  pod: Record<string, Fields>,
  container: Record<string, Fields>,
): Fields =>
  described({
    spec: {
      ...spec,
      template: {
        metadata: all('labels'),
        spec: { ...POD, ...pod, containers: { ...CONTAINER, ...container } },
      },
    },
  });

const FIELDS: Readonly<Record<string, Fields>> = {
  'v1 Namespace': described({}),
  'v1 ConfigMap': described({ data: 'any' }),
  'v1 ServiceAccount': described({ automountServiceAccountToken: 'any' }),
  'v1 Service': described({
    spec: { selector: 'any', ports: all('name', 'protocol', 'port', 'targetPort') },
  }),
  'v1 PersistentVolumeClaim': described({ spec: { accessModes: 'any', resources: { requests: all('storage') } } }),
  'apps/v1 Deployment': workload(
    { strategy: 'any', selector: all('matchLabels') },
    {
      terminationGracePeriodSeconds: 'any',
      topologySpreadConstraints: all('topologyKey', 'maxSkew', 'whenUnsatisfiable', 'labelSelector'),
      volumes: VOLUMES,
    },
    { ...PROBED, ...MOUNTED, ...ENVIRONMENT, lifecycle: { preStop: { sleep: all('seconds') } } },
  ),
  'apps/v1 StatefulSet': workload(
    { ...all('replicas', 'serviceName'), selector: all('matchLabels') },
    { terminationGracePeriodSeconds: 'any', volumes: VOLUMES },
    { ...PROBED, ...MOUNTED, ...all('command', 'args') },
  ),
  'batch/v1 Job': workload({ backoffLimit: 'any' }, all('serviceAccountName', 'restartPolicy'), {
    command: 'any',
    env: all('name', 'value'),
  }),
  'autoscaling/v2 HorizontalPodAutoscaler': described({
    spec: { ...all('minReplicas', 'maxReplicas', 'metrics'), scaleTargetRef: all('apiVersion', 'kind', 'name') },
  }),
  'policy/v1 PodDisruptionBudget': described({
    spec: { ...all('maxUnavailable', 'minAvailable', 'unhealthyPodEvictionPolicy'), selector: all('matchLabels') },
  }),
  'networking.k8s.io/v1 NetworkPolicy': described({ spec: all('podSelector', 'policyTypes', 'ingress', 'egress') }),
  'networking.k8s.io/v1 Ingress': {
    ...all('apiVersion', 'kind'),
    metadata: { ...METADATA.metadata, annotations: 'any' },
    spec: {
      ingressClassName: 'any',
      tls: all('hosts', 'secretName'),
      rules: { host: 'any', http: { paths: all('path', 'pathType', 'backend') } },
    },
  },
  'rbac.authorization.k8s.io/v1 Role': described({ rules: 'any' }),
  'rbac.authorization.k8s.io/v1 RoleBinding': described({ roleRef: 'any', subjects: 'any' }),
  'cert-manager.io/v1 Issuer': described({ spec: 'any' }),
  'cert-manager.io/v1 Certificate': described({ spec: 'any' }),
};

/**
 * What no rule looks at stands in no manifest. A kind or a field that is needed one day is listed above, and judged by a
 * rule.
 */
export function fields({ all: manifests }: System): string[] {
  return manifests.flatMap((manifest) => {
    const name = `${manifest.kind} ${manifest.metadata.name}`;
    const known = FIELDS[`${manifest.apiVersion} ${manifest.kind}`];
    if (!known) return [`${name} is of a kind that no rule looks at`];
    return othersIn(manifest, known).map((path) => `${name} has ${path}, which no rule looks at`);
  });
}

function othersIn(value: unknown, known: Fields): string[] {
  if (known === 'any' || typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => othersIn(item, known));
  return Object.entries(value).flatMap(([name, field]) => {
    const below = known[name];
    return below ? othersIn(field, below).map((path) => `${name}.${path}`) : [name];
  });
}
