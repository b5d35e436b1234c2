import { at, type Row } from './change';
import { System } from '../system';

const call = (labels: object | undefined, name: string): void =>
  void Object.assign(labels ?? {}, { 'app.kubernetes.io/name': name });

export const references: readonly Row[] = [
  [
    'a selector that misses its pods',
    (system) => call(system.named('Deployment', 'auth')?.spec.selector.matchLabels, 'other'),
    /auth does not select its own pods/,
  ],
  [
    'a selector that takes in others',
    at('Deployment', 'auth', 'spec/selector/matchLabels', { 'app.kubernetes.io/part-of': 'token-relay' }),
    /Deployment auth selects \d of the workloads/,
  ],
  ['a Service for nobody', at('Service', 'auth', 'spec/selector', { a: 'b' }), /Service auth selects 0/],
  [
    'a Service that leads to another',
    (system) => call(system.named('Service', 'auth')?.spec.selector, 'audit'),
    /Service auth leads to another/,
  ],
  ['a Service at another port', at('Service', 'audit', 'spec/ports/1/port', 4004), /leads port 4004 to none/],
  ['a Service to no port', at('Service', 'audit', 'spec/ports/1/targetPort', 'rcp'), /leads port 4003 to none/],
  [
    'a budget for nobody',
    at('PodDisruptionBudget', 'auth', 'spec/selector/matchLabels', { a: 'b' }),
    /PodDisruptionBudget auth selects 0/,
  ],
  [
    'a policy for nobody',
    at('NetworkPolicy', 'auth', 'spec/podSelector/matchLabels', { a: 'b' }),
    /NetworkPolicy auth selects nothing/,
  ],
  ['a namespace of its own', at('Service', 'auth', 'metadata/namespace', 'default'), /Service auth is in another/],
  [
    'the same twice',
    (system) => new System([...system.all, ...system.all.slice(1, 2)]),
    /ConfigMap token-relay is there twice/,
  ],
  ['another protocol', at('Service', 'auth', 'spec/ports/0/protocol', 'UDP'), /leads port 3001 to none/],
  ['a Service without a port', at('Service', 'gateway', 'spec/ports', []), /Service gateway has no port https/],
  ['a port without a name', at('Service', 'gateway', 'spec/ports/0/name'), /Service gateway has no port https/],
];
