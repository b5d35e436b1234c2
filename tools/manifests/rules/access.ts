import { type System } from '../system';
import { type Workspace } from '../workspace';
import { madeByBootstrap } from './secrets';

/** Only bootstrap speaks to the API server, and may do no more there than make what it makes. */
export function access(system: System, workspace: Workspace): string[] {
  return [...tokens(system), ...roles(system, workspace)];
}

function tokens(system: System): string[] {
  const pods = system.workloads.flatMap(({ kind, name, pod, labels }) => {
    const mayHave = labels['app.kubernetes.io/component'] === 'bootstrap';
    return [
      ...(pod.automountServiceAccountToken === mayHave
        ? []
        : [`${kind} ${name} has a token, or lacks the one it needs`]),
      // They would put names of the cluster among those of the configuration.
      ...(pod.enableServiceLinks === false ? [] : [`${kind} ${name} has other Services in its environment`]),
    ];
  });
  const accounts = system
    .of('ServiceAccount')
    .filter(({ automountServiceAccountToken }) => automountServiceAccountToken !== false)
    .map(({ metadata }) => `ServiceAccount ${metadata.name} hands out its token`);
  return [...pods, ...accounts];
}

/** To make all that it makes, and to look at what is there of it: `create` can't be restricted to names, `get` is. */
function roles(system: System, workspace: Workspace): string[] {
  const made = Object.keys(madeByBootstrap(system, workspace)).sort();
  const wide = system.all.filter(({ kind }) => ['ClusterRole', 'ClusterRoleBinding'].includes(kind));
  const faults = system.of('Role').flatMap(({ metadata, rules = [] }) => {
    const ofSecrets = rules.filter(
      ({ apiGroups, resources }) => apiGroups?.join() === '' && resources?.join() === 'secrets',
    );
    const given = ofSecrets.map(
      ({ verbs, resourceNames }) => `${verbs.join()} ${resourceNames?.toSorted().join() ?? 'any'}`,
    );
    const isExact = given.sort().join('; ') === `create any; get ${made.join()}`;
    return isExact && ofSecrets.length === rules.length
      ? []
      : [`Role ${metadata.name} may do more or less than make ${made.join(', ')}`];
  });
  return [...wide.map(({ kind, metadata }) => `${kind} ${metadata.name} is of the whole cluster`), ...faults];
}
