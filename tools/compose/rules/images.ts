import { type System } from '../../manifests/system';
import { type Workspace } from '../../manifests/workspace';
import { type Compose } from '../compose';

/** Node is the entrypoint of the image. */
const COMMAND = 'app/dist/main.js files /secrets';

/** Of the system are the images that the manifests have; of others, versions. */
export function images({ services }: Compose, _base: System, { images: named }: Workspace): string[] {
  const all = Object.entries(services);
  const used = all.map(([, { image }]) => image);
  return [
    ...named.filter((image) => !used.includes(image)).map((image) => `${image} is used by nobody`),
    ...all.flatMap(([name, { image = '', pull_policy: pullPolicy, build, command, profiles = [] }]) => {
      const isOwn = build !== undefined || image.startsWith('token-relay/');
      const faults: string[] = [];
      if (profiles.length === 0 && !named.includes(image)) faults.push('has an image of its own');
      if (!/:v?\d+\.\d+[\w.-]*$/.test(image)) faults.push('has no version');
      if (isOwn && !image.startsWith(`token-relay/${name}:`)) faults.push('runs another app');
      if (isOwn && (build?.context !== '..' || build.dockerfile !== 'docker/Dockerfile' || build.args?.APP !== name)) {
        faults.push('is built of something else');
      }
      if (name === 'bootstrap' && command?.join(' ') !== COMMAND) faults.push('does not run bootstrap');
      // No registry has it: there would only be somebody else's.
      if (isOwn && pullPolicy !== 'never') faults.push('is pulled');
      return faults.map((fault) => `${name} ${fault}`);
    }),
  ];
}
