import { at, JOB, type Row } from './change';

const label = (name: string): string => `metadata/labels/app.kubernetes.io~1${name}`;

export const labels: readonly Row[] = [
  [
    'none',
    at('Service', 'auth', 'metadata/labels'),
    /Service auth does not have the label app.kubernetes.io\/name: auth/,
  ],
  [
    "another's name",
    at('Role', 'bootstrap', label('name'), 'auth'),
    /Role bootstrap does not have .*\/name: bootstrap/,
  ],
  [
    'a part of another',
    at('ConfigMap', 'token-relay', label('part-of'), 'x'),
    /does not have .*\/part-of: token-relay/,
  ],
  ['pods of no part', at('Job', JOB, `spec/template/${label('part-of')}`), /bootstrap-0-1-0 does not have .*\/part-of/],
  ['a store as a service', at('StatefulSet', 'redis', label('component'), 'service'), /redis does not have .*: store/],
  [
    'pods that are no service',
    at('Deployment', 'auth', `spec/template/${label('component')}`),
    /Deployment auth does not have the label app.kubernetes.io\/component: service/,
  ],
];
