import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type System, type Workload } from '../../manifests/system';
import { type Workspace } from '../../manifests/workspace';
import { type Compose } from '../compose';

const FOLDER = resolve(__dirname, '../../../docker');

/** With demo accounts, which are an overlay in Kubernetes, and with monitoring. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  auth: ['demo-accounts:/run/secrets/demo-accounts:ro'],
  prometheus: [
    '../deploy/monitoring/prometheus.yml:/etc/prometheus/prometheus.yml:ro',
    '../deploy/monitoring/alerts.yaml:/etc/prometheus/alerts.yaml:ro',
    'prometheus-data:/prometheus',
  ],
  grafana: [
    './grafana/provisioning:/etc/grafana/provisioning:ro',
    '../deploy/monitoring/dashboard.json:/var/lib/grafana/dashboards/token-relay.json:ro',
    'grafana-data:/var/lib/grafana',
  ],
};

/**
 * Who mounts which secrets is as in deploy/base: each its own alone, to read. Of the machine itself there is only what
 * monitoring reads.
 */
export function volumes({ services, volumes: declared }: Compose, base: System, { secretsOf }: Workspace): string[] {
  const made = secretsOf({ hasAuthority: true, hasRedis: true, hasRecords: true, hasDemoAccounts: true });
  const inBase = new Map(base.workloads.map((workload) => [workload.name, mountsOf(workload)]));
  inBase.set(
    'bootstrap',
    Object.keys(made).map((name) => `${name}:/secrets/${name}`),
  );
  return Object.entries(services).flatMap(([name, { volumes: given = [] }]) => {
    const expected = [...(inBase.get(name) ?? []), ...(BESIDES[name] ?? [])];
    const files = given.filter((one) => one.startsWith('.'));
    const named = given.map((one) => one.split(':')[0] ?? '').filter((one) => /^[a-z]/.test(one));
    return [
      ...expected.filter((one) => !given.includes(one)).map((one) => `does not mount ${one}`),
      ...given.filter((one) => !expected.includes(one)).map((one) => `mounts ${one}`),
      ...files.filter((one) => !existsSync(join(FOLDER, one.split(':')[0] ?? ''))).map((one) => `has no ${one}`),
      ...named.filter((one) => !(one in declared)).map((one) => `has a volume ${one} that is nowhere declared`),
    ].map((fault) => `${name} ${fault}`);
  });
}

/** Secrets by the names that they have there, and the disk. */
function mountsOf({ name, pod, container }: Workload): string[] {
  return (pod.volumes ?? []).flatMap((volume) => {
    const path = container.volumeMounts?.find((mount) => mount.name === volume.name)?.mountPath;
    if (volume.persistentVolumeClaim) return [`${name}-data:${path}`];
    return volume.secret ? [`${volume.secret.secretName}:${path}:ro`] : [];
  });
}
