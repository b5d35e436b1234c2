import { inPod, mountOf, type Row, set, volumeOf, without, workload } from './change';

export const volumes: readonly Row[] = [
  ['one that is not there', (system) => void workload(system, 'auth').pod.volumes?.pop(), /auth has no volume auth/],
  [
    'one that is not mounted',
    (system) => void workload(system, 'auth').container.volumeMounts?.pop(),
    /auth does not mount auth/,
  ],
  ['no claim for what is kept', without('PersistentVolumeClaim', 'redis'), /redis claims redis, which isn't there/],
  ['no configuration', without('ConfigMap', 'token-relay'), /auth reads token-relay, which isn't there/],
  [
    'a configuration as files that is not there',
    inPod('auth', 'volumes/0', { name: 'tls', configMap: { name: 'routes' } }),
    /auth reads routes, which isn't there/,
  ],
  [
    'a token',
    inPod('auth', 'volumes/0', { name: 'tls', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }),
    /auth has a volume tls of another type/,
  ],
  [
    'what a driver brings',
    inPod('auth', 'volumes/0', { name: 'tls', csi: { driver: 'x' } }),
    /auth has a volume tls of another type/,
  ],
  [
    'a part of the node',
    inPod('auth', 'volumes/0', { name: 'tls', hostPath: { path: '/' } }),
    /auth has a volume tls of another type/,
  ],
  ['nothing at all', inPod('auth', 'volumes/0', { name: 'tls' }), /auth has a volume tls of another type/],
  [
    'a Secret that need not be there',
    (system) => set(volumeOf(system, 'auth', 'tls')?.secret, 'optional', true),
    /auth starts without tls/,
  ],
  [
    'a Secret that is written to',
    (system) => set(mountOf(system, 'auth', 'tls'), 'readOnly', undefined),
    /tls to write/,
  ],
  [
    'a disk that is only read',
    (system) => set(mountOf(system, 'redis', 'data'), 'readOnly', true),
    /can't write to data/,
  ],
  ['room without a bound', (system) => set(volumeOf(system, 'audit', 'cache'), 'emptyDir', {}), /may fill its node/],
];
