import { added, at, inPod, JOB, type Row, without, workload } from './change';

const MORE_OR_LESS = /Role bootstrap may do more or less than/;

export const access: readonly Row[] = [
  ['a token for a service', inPod('auth', 'automountServiceAccountToken'), /Deployment auth has a token/],
  [
    'no token for bootstrap',
    inPod(JOB, 'automountServiceAccountToken', false),
    /bootstrap-0-1-0 has a token, or lacks/,
  ],
  [
    'a token for whoever asks',
    at('ServiceAccount', 'bootstrap', 'automountServiceAccountToken'),
    /hands out its token/,
  ],
  ['names of Services', inPod('auth', 'enableServiceLinks'), /auth has other Services in its environment/],
  ['to read all Secrets', at('Role', 'bootstrap', 'rules/1/resourceNames'), MORE_OR_LESS],
  ['to read another', at('Role', 'bootstrap', 'rules/1/resourceNames/0', 'other'), MORE_OR_LESS],
  [
    'to read what it no longer makes',
    (system) => void workload(system, JOB).container.command?.push('--without-redis'),
    MORE_OR_LESS,
  ],
  ['to overwrite', at('Role', 'bootstrap', 'rules/0/verbs', ['create', 'update']), MORE_OR_LESS],
  ['anything else', at('Role', 'bootstrap', 'rules/0/resources', ['secrets', 'pods']), MORE_OR_LESS],
  ['too little', at('Role', 'bootstrap', 'rules/0/verbs', []), MORE_OR_LESS],
  [
    'another role',
    at('RoleBinding', 'bootstrap', 'roleRef/name', 'admin'),
    /RoleBinding of .*\/Role admin for ServiceAccount token-relay\/bootstrap/,
  ],
  ['a role of the cluster', at('RoleBinding', 'bootstrap', 'roleRef/kind', 'ClusterRole'), /ClusterRole bootstrap for/],
  [
    'a role for a group',
    at('RoleBinding', 'bootstrap', 'subjects/0/kind', 'Group'),
    /for Group token-relay\/bootstrap/,
  ],
  ['a role for another account', at('RoleBinding', 'bootstrap', 'subjects/0/name', 'default'), /token-relay\/default/],
  [
    'a role for an account of another namespace',
    at('RoleBinding', 'bootstrap', 'subjects/0/namespace', 'default'),
    /for ServiceAccount default\/bootstrap/,
  ],
  [
    'a role for somebody besides',
    (system) =>
      void system.named('RoleBinding', 'bootstrap')?.subjects?.push({
        kind: 'ServiceAccount',
        name: 'default',
        namespace: 'token-relay',
      }),
    /token-relay\/bootstrap, ServiceAccount token-relay\/default/,
  ],
  ['no role', without('Role', 'bootstrap'), /a Role of nobody/],
  ['no binding', without('RoleBinding', 'bootstrap'), /a RoleBinding of nobody/],
  ['no account', without('ServiceAccount', 'bootstrap'), /a ServiceAccount of nobody/],
  [
    'a role besides',
    added('rbac.authorization.k8s.io/v1', 'Role', 'more', {
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    }),
    /a Role of bootstrap, more/,
  ],
  [
    'a binding besides',
    added('rbac.authorization.k8s.io/v1', 'RoleBinding', 'more', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
    }),
    /a RoleBinding of bootstrap, more/,
  ],
  ['an account besides', added('v1', 'ServiceAccount', 'more'), /a ServiceAccount of bootstrap, more/],
  ['a Job without an account', inPod(JOB, 'serviceAccountName'), /bootstrap-0-1-0 runs as another account/],
  ["a service with bootstrap's account", inPod('auth', 'serviceAccountName', 'bootstrap'), /auth runs as another/],
  ['another group', at('Role', 'bootstrap', 'rules/0/apiGroups', ['*']), MORE_OR_LESS],
  ['no group', at('Role', 'bootstrap', 'rules/0/apiGroups', []), MORE_OR_LESS],
];
