import { at, type Row } from './change';

export const appliedAgain: readonly Row[] = [
  [
    'templates of claims',
    at('StatefulSet', 'redis', 'spec/volumeClaimTemplates', [{ metadata: { name: 'data' } }]),
    /redis has templates of claims/,
  ],
  ['a protocol by default', at('NetworkPolicy', 'dns', 'spec/egress/0/ports/1/protocol'), /dns leaves a protocol open/],
  ['types by default', at('NetworkPolicy', 'dns', 'spec/policyTypes'), /dns leaves its types open/],
];
