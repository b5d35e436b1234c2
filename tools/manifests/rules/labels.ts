import { type Manifest, type System } from '../system';

const NAME = 'app.kubernetes.io/name';
const PART_OF = 'app.kubernetes.io/part-of';
const COMPONENT = 'app.kubernetes.io/component';

/** By kind of what makes pods. Rules, policies and Prometheus tell services by it. */
const COMPONENTS: Readonly<Record<string, string>> = { Deployment: 'service', StatefulSet: 'store', Job: 'bootstrap' };

/** Everything says what it is and what it is a part of, and pods say the same as who makes them. */
export function labels(system: System): string[] {
  const pods = system.workloads.map(({ kind, name, labels: given }) => ({ kind, metadata: { name, labels: given } }));
  return [...system.all, ...pods].flatMap(({ kind, metadata }) => {
    const component = COMPONENTS[kind];
    const expected = {
      [NAME]: nameOf(metadata),
      [PART_OF]: 'token-relay',
      ...(component && { [COMPONENT]: component }),
    };
    return Object.entries(expected)
      .filter(([label, value]) => metadata.labels?.[label] !== value)
      .map(([label, value]) => `${kind} ${metadata.name} does not have the label ${label}: ${value}`);
  });
}

/** Without the version that a Job has in its name. */
function nameOf({ name }: Manifest['metadata']): string {
  return name.replace(/-\d+-\d+-\d+$/, '');
}
