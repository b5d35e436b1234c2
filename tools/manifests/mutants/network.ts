import { at, type Row, without } from './change';

const rule = (path: string, value?: unknown) => at('NetworkPolicy', 'auth', `spec/egress/0/${path}`, value);
const block = (cidr: string, others: object = {}) => rule('to', [{ ipBlock: { cidr, ...others } }]);

export const network: readonly Row[] = [
  ['nothing that denies', without('NetworkPolicy', 'default-deny'), /redis has no policy for its Egress/],
  [
    'a way out that is none in',
    at('NetworkPolicy', 'redis', 'spec/ingress', []),
    /auth → redis:6379 is let out, and not in/,
  ],
  ['a way in that is none out', rule('ports/0/port', 6380), /auth → redis:6379 is let in, and not out/],
  ['any port', rule('ports'), /auth opens every port/],
  ['ports from one on', rule('ports/0/endPort', 7000), /auth opens ports from 6379 on/],
  ['a port by its name', rule('ports/0/port', 'redis'), /auth names a port redis/],
  ['all addresses', block('0.0.0.0/0'), /auth takes all addresses for 0.0.0.0\/0/],
  ['all addresses of version 6', block('::/0'), /auth takes all addresses for ::\/0/],
  ['most addresses', block('10.0.0.0/8', { except: ['10.1.0.0/16'] }), /auth excepts some of 10.0.0.0\/8/],
  ['no network', block('10.0.0/8'), /auth has 10.0.0\/8, which is no network/],
  ['too small a network', block('10.0.0.0/33'), /auth has 10.0.0.0\/33, which is no network/],
  ['every namespace', rule('to/0', { namespaceSelector: {} }), /auth lets in every namespace/],
];
