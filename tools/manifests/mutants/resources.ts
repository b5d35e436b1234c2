import { inContainer, type Row } from './change';

export const resources: readonly Row[] = [
  ['more asked for than allowed', inContainer('auth', 'resources/requests/memory', '1Gi'), /more memory/],
  ['other units', inContainer('auth', 'resources/requests/cpu', '2001m'), /more cpu/],
  ['nothing asked for', inContainer('audit', 'resources/requests'), /does not say what it needs/],
  ['no bound', inContainer('audit', 'resources/limits'), /has no bound on its memory/],
  ['a name that there is not', inContainer('audit', 'resources/limits/memry', '1Gi'), /memry, which is no resource/],
  ['thousandths of a byte', inContainer('audit', 'resources/limits/memory', '512m'), /has too little memory to start/],
  [
    'just enough too little',
    inContainer('audit', 'resources/requests/memory', '63Mi'),
    /has too little memory to start/,
  ],
  [
    'half a byte',
    inContainer('audit', 'resources/limits/memory', '300000000500m'),
    /has a fraction of the unit of memory/,
  ],
  ['too little of a core', inContainer('audit', 'resources/requests/cpu', '9m'), /has too little cpu to start/],
];
