import { type System } from '../system';
import { type Workspace } from '../workspace';
import { madeByBootstrap } from './secrets';

/** Only bootstrap speaks to the API server, and may do no more there than make what it makes. */
export function access(system: System, workspace: Workspace): string[] {
  return [...tokens(system), ...grants(system), ...roles(system, workspace)];
}

const NAME = 'bootstrap';

function tokens(system: System): string[] {
  const pods = system.workloads.flatMap(({ kind, name, pod, labels }) => {
    const mayHave = labels['app.kubernetes.io/component'] === 'bootstrap';
    return [
      ...(pod.automountServiceAccountToken === mayHave
        ? []
        : [`${kind} ${name} has a token, or lacks the one it needs`]),
      ...(pod.serviceAccountName === (mayHave ? NAME : undefined) ? [] : [`${kind} ${name} runs as another account`]),
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

/** The one account, its role, and what binds the two: nobody else gets a right, and it gets none of another. */
function grants(system: System): string[] {
  const [namespace] = system.of('Namespace').map(({ metadata }) => metadata.name);
  const given = system.of('RoleBinding').map(({ roleRef, subjects = [] }) => {
    const subject = subjects.map((one) => `${one.kind} ${one.namespace}/${one.name}`).join(', ');
    return `${roleRef.apiGroup}/${roleRef.kind} ${roleRef.name} for ${subject}`;
  });
  return [
    ...(['Role', 'RoleBinding', 'ServiceAccount'] as const)
      .map((kind) => ({ kind, names: system.of(kind).map(({ metadata }) => metadata.name) }))
      .filter(({ names }) => names.join() !== NAME)
      .map(({ kind, names }) => `there is a ${kind} of ${names.join(', ') || 'nobody'}, and not of ${NAME} alone`),
    ...given
      .filter((grant) => grant !== `rbac.authorization.k8s.io/Role ${NAME} for ServiceAccount ${namespace}/${NAME}`)
      .map((grant) => `there is a RoleBinding of ${grant}`),
  ];
}

/** To make all that it makes, and to look at what is there of it: `create` can't be restricted to names, `get` is. */
function roles(system: System, workspace: Workspace): string[] {
  const made = Object.keys(madeByBootstrap(system, workspace)).sort();
  return system.of('Role').flatMap(({ metadata, rules = [] }) => {
    const ofSecrets = rules.filter(
      ({ apiGroups, resources }) => JSON.stringify([apiGroups, resources]) === '[[""],["secrets"]]',
    );
    const given = ofSecrets.map(
      ({ verbs, resourceNames }) => `${verbs.join()} ${resourceNames?.toSorted().join() ?? 'any'}`,
    );
    const isExact = given.sort().join('; ') === `create any; get ${made.join()}`;
    return isExact && ofSecrets.length === rules.length
      ? []
      : [`Role ${metadata.name} may do more or less than make ${made.join(', ')}`];
  });
}
