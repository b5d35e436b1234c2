import { at, type Change, without } from './change';

/** A change of the policies: what passes then besides, and what no longer does. */
export interface OtherWays {
  readonly title: string;
  readonly change: Change;
  readonly more: readonly string[];
  readonly fewer: readonly string[];
}

const DNS = 'kube-system/k8s-app=kube-dns';
const SERVICES = ['auth', 'audit', 'resource', 'gateway'];
const toDns = (to: string): string[] => SERVICES.flatMap((from) => [`${from} → ${to}:53/UDP`, `${from} → ${to}:53`]);
const fromPrometheus = (from: string, port: string): string[] => SERVICES.map((to) => `${from} → ${to}:${port}`);
const PROMETHEUS = 'monitoring/app.kubernetes.io/name=prometheus';

const table: readonly (readonly [string, Change, string[], string[]])[] = [
  [
    'nothing that denies by default',
    without('NetworkPolicy', 'default-deny'),
    ['redis → anything', 'records → anything', 'anything → bootstrap'],
    [],
  ],
  ['no parties', at('NetworkPolicy', 'redis', 'spec/ingress/0/from'), ['anywhere → redis:6379'], []],
  [
    'no ports',
    at('NetworkPolicy', 'metrics', 'spec/ingress/0/ports'),
    fromPrometheus(PROMETHEUS, '*'),
    fromPrometheus(PROMETHEUS, '9464'),
  ],
  [
    'pods of that name anywhere',
    at('NetworkPolicy', 'metrics', 'spec/ingress/0/from/0/namespaceSelector', {}),
    fromPrometheus('*/app.kubernetes.io/name=prometheus', '9464'),
    fromPrometheus(PROMETHEUS, '9464'),
  ],
  [
    'a whole namespace',
    at('NetworkPolicy', 'dns', 'spec/egress/0/to/0/podSelector'),
    toDns('kube-system/*'),
    toDns(DNS),
  ],
  [
    'every pod of this one',
    at('NetworkPolicy', 'redis', 'spec/ingress/0/from', [{ podSelector: {} }]),
    ['audit', 'resource', 'gateway', 'redis', 'records', 'bootstrap'].map((from) => `${from} → redis:6379`),
    [],
  ],
  [
    'addresses',
    at('NetworkPolicy', 'dns', 'spec/egress/0/to', [
      { ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.8/32'] } },
    ]),
    toDns('203.0.113.0/24 except 203.0.113.8/32'),
    toDns(DNS),
  ],
  [
    'a range of ports',
    at('NetworkPolicy', 'gateway', 'spec/ingress/0/ports/0/endPort', 3999),
    ['anywhere → gateway:3000-3999'],
    ['anywhere → gateway:3000'],
  ],
  [
    'another protocol',
    at('NetworkPolicy', 'gateway', 'spec/ingress/0/ports/0/protocol', 'UDP'),
    ['anywhere → gateway:3000/UDP'],
    ['anywhere → gateway:3000'],
  ],
  [
    'a receiver that is not there',
    at('NetworkPolicy', 'auth', 'spec/egress/0/to/0/podSelector/matchLabels', { a: 'b' }),
    ['auth → nobody:6379'],
    [],
  ],
  [
    'a direction that the policy has no say in',
    at('NetworkPolicy', 'gateway', 'spec/policyTypes', ['Egress']),
    [],
    ['anywhere → gateway:3000'],
  ],
];

export const OTHER_WAYS: readonly OtherWays[] = table.map(([title, change, more, fewer]) => ({
  title,
  change,
  more,
  fewer,
}));
