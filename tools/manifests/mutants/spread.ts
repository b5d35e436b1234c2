import { inPod, type Row } from './change';

const FIRST = 'topologySpreadConstraints/0';

export const spread: readonly Row[] = [
  ['by nothing', inPod('auth', 'topologySpreadConstraints'), /auth is not spread by kubernetes.io\/hostname.*io\/zone/],
  ['by what no node has', inPod('auth', `${FIRST}/topologyKey`, 'kubernetes.io/hostnam'), /hostnam, which no node has/],
  [
    'by those of another',
    inPod('auth', `${FIRST}/labelSelector/matchLabels/app.kubernetes.io~1name`, 'audit'),
    /auth spreads others by kubernetes.io\/hostname/,
  ],
  ['by all', inPod('auth', `${FIRST}/labelSelector`, {}), /auth spreads others by kubernetes.io\/hostname/],
  ['or not at all', inPod('auth', `${FIRST}/whenUnsatisfiable`, 'DoNotSchedule'), /does not start where it can't/],
];
