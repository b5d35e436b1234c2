import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from '../refused';

const MOUNTED_AT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Who a pod is to the API server, and where that is. */
export interface ServiceAccount {
  /** Origin of the API server. */
  readonly server: string;
  /** PEM: what its certificate is signed by. */
  readonly ca: string;
  readonly namespace: string;
  /** The token is replaced while it is mounted. */
  readonly token: () => Promise<string>;
}

/**
 * As every pod finds it that mounts its service account's token.
 *
 * @throws Refused where this is no such pod
 */
export function serviceAccountOf(environment: NodeJS.ProcessEnv, mountedAt = MOUNTED_AT): ServiceAccount {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  try {
    if (host === '') throw new Error('KUBERNETES_SERVICE_HOST is missing');
    return {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      ca: readFileSync(join(mountedAt, 'ca.crt'), 'utf8'),
      namespace: readFileSync(join(mountedAt, 'namespace'), 'utf8').trim(),
      token: async () => (await readFile(join(mountedAt, 'token'), 'utf8')).trim(),
    };
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new Refused(`this is no pod of Kubernetes that has its service account's token: ${reason}`, { cause });
  }
}
