import { createHash } from 'node:crypto';
import policies from './policies.json';

/**
 * What `CLIENTS_FILE` of auth names: the services with the digests of their secrets and what each may ask for; and the
 * clients of the demo, which have no secret, where that is asked for.
 *
 * @param secrets by the id of the service
 */
export function clientsFile(secrets: ReadonlyMap<string, string>, withDemo: boolean): string {
  const services = policies.services.map(({ id, ...policy }) => ({
    id,
    secrets: [digest(secrets.get(id) ?? '')],
    ...policy,
  }));
  return `${JSON.stringify({ clients: [...services, ...(withDemo ? policies.demo.clients : [])] }, null, 2)}\n`;
}

function digest(secret: string): string {
  // A file that an operator wrote ends with a line feed, which services don't read as part of it.
  return `sha256:${createHash('sha256').update(secret.trim()).digest('base64url')}`;
}
