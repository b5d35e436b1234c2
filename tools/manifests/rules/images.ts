import { type System } from '../system';
import { type Workspace } from '../workspace';

/** Images are those that the one place names, and of the version that the workspace has. */
export function images(system: System, { version, images: named }: Workspace): string[] {
  const used = system.workloads.map(({ kind, name, container }) => ({ who: `${kind} ${name}`, ...container }));
  const jobs = system.of('Job').map(({ metadata }) => metadata.name);
  return [
    ...used.filter(({ image = '' }) => !named.includes(image)).map(({ who }) => `${who} has an image of its own`),
    ...named
      .filter((image) => own(image) && !image.includes('@') && !image.endsWith(`:${version}`))
      .map((image) => `${image} is of another version`),
    ...named.filter((image) => /:(latest)?$/.test(image)).map((image) => `${image} has no version`),
    ...named.filter((image) => !used.some((one) => one.image === image)).map((image) => `${image} is used by nobody`),
    ...used
      .filter(({ image = '', name }) => own(image) && !new RegExp(`token-relay/${name}[:@]`).test(image))
      .map(({ who }) => `${who} runs another app`),
    ...used
      .filter(({ image = '', imagePullPolicy }) => imagePullPolicy !== pullPolicyOf(image))
      .map(({ who, image = '' }) => `${who} is not pulled ${pullPolicyOf(image) ?? 'by default'}`),
    // What a Job does can't be changed: the next version needs one of its own.
    ...jobs
      .filter((name) => !name.endsWith(`-${version.replaceAll('.', '-')}`))
      .map((name) => `Job ${name} is of another version`),
  ];
}

const own = (image: string): boolean => /(^|\/)token-relay\//.test(image);

/** Where no registry is named none has ours: what isn't there is an error then, and nobody else's of the same name. */
function pullPolicyOf(image: string): string | undefined {
  if (!own(image)) return undefined;
  return image.startsWith('token-relay/') ? 'Never' : 'IfNotPresent';
}
