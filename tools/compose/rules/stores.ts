import { type V1Container } from '@kubernetes/client-node';
import { redisSettings } from '../../manifests/redis-settings';
import { type System } from '../../manifests/system';
import { type Compose } from '../compose';

/** How much it may hold is up to the machine. */
const FREE = ['maxmemory'];

/** Each Redis is told what that of deploy/base is, and asked how it is as there. */
export function stores({ services }: Compose, base: System): string[] {
  return base.workloads
    .filter(({ kind }) => kind === 'StatefulSet')
    .flatMap(({ name, pod, container }) => {
      const { command: [program, ...words] = [], healthcheck, user } = services[name] ?? {};
      const [expected, given] = [settingsOf(container.args ?? []), settingsOf(words)];
      const [marker, ...ping] = healthcheck?.test ?? [];
      const faults = [...new Set([...expected.keys(), ...given.keys()])]
        .filter((setting) => !FREE.includes(setting) && given.get(setting) !== expected.get(setting))
        .map((setting) => `has --${setting} ${given.get(setting) ?? 'not at all'}, and not as in deploy/base`);
      if (program !== 'redis-server') faults.push('runs no redis-server');
      if (!given.has('maxmemory')) faults.push('has no bound on its memory');
      if (marker !== 'CMD' || optionsOf(ping) !== optionsOf(pingOf(container)))
        faults.push('is not asked how it is as in deploy/base');
      // Who the image is for, and the group for which its secrets are readable.
      if (user !== `${pod.securityContext?.runAsUser}:1000`) faults.push('can not read its secrets');
      return faults.map((fault) => `${name} ${fault}`);
    });
}

/** By the address that redis-cli takes by itself. */
function pingOf({ readinessProbe }: V1Container): readonly string[] {
  return (readinessProbe?.exec?.command ?? []).filter((word) => word !== '-h' && word !== 'localhost');
}

/** In whatever order they stand. */
function optionsOf(words: readonly string[]): string {
  const options = words.join(' ').split(/ (?=--)/);
  return options.sort().join(' ');
}

function settingsOf(words: readonly string[]): ReadonlyMap<string, string> {
  try {
    return redisSettings(words);
  } catch (error) {
    return new Map([['', (error as Error).message]]);
  }
}
