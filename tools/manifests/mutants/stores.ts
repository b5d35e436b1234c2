import { at, mountOf, set, inContainer, inPod, type Row, told, workload } from './change';

export const stores: readonly Row[] = [
  ['two on one disk', at('StatefulSet', 'redis', 'spec/replicas', 2), /redis is not one process/],
  ['none', at('StatefulSet', 'redis', 'spec/replicas', 0), /redis is not one process/],
  ['another Service', at('StatefulSet', 'redis', 'spec/serviceName', 'records'), /redis is called by another Service/],
  [
    'a disk that goes with the pod',
    inPod('redis', 'volumes/0', { name: 'data', emptyDir: {} }),
    /has no disk of its own/,
  ],
  [
    "the other's disk",
    inPod('redis', 'volumes/0/persistentVolumeClaim/claimName', 'records'),
    /redis has no disk of its own/,
  ],
  ['data beside the disk', told('redis', '--dir', '/tmp'), /redis does not have --dir \/data/],
  [
    'writes that are confirmed before',
    told('redis', '--appendfsync', 'everysec'),
    /does not have --appendfsync always/,
  ],
  ['no log', told('records', '--appendonly', 'no'), /records does not have --appendonly yes/],
  [
    'what is forgotten',
    told('redis', '--maxmemory-policy', 'allkeys-lru'),
    /does not have --maxmemory-policy noeviction/,
  ],
  ['more than half of its memory', told('redis', '--maxmemory', '257mb'), /redis may need more memory/],
  ['no bound', told('redis', '--maxmemory', '0mb0'), /redis may need more memory/],
  ['in clear', told('redis', '--port', '6379'), /redis does not have --port 0/],
  [
    'clients without a certificate',
    told('redis', '--tls-auth-clients', 'optional'),
    /does not have --tls-auth-clients yes/,
  ],
  [
    "the other's users",
    told('redis', '--aclfile', '/run/secrets/records/users.acl'),
    /redis does not have --aclfile \/run\/secrets\/redis\/users.acl/,
  ],
  [
    'a setting twice',
    (system) => void workload(system, 'redis').container.args?.push('--appendfsync', 'no'),
    /redis: --appendfsync is said twice/,
  ],
  [
    'a setting that nobody looks at',
    (system) => void workload(system, 'redis').container.args?.push('--requirepass', 'x'),
    /redis has --requirepass, which no rule looks at/,
  ],
  ['another program', inContainer('redis', 'command', ['redis-sentinel']), /redis runs no redis-server/],
  [
    'a disk for several nodes',
    at('PersistentVolumeClaim', 'redis', 'spec/accessModes', ['ReadWriteMany']),
    /PersistentVolumeClaim redis is for several nodes/,
  ],
  [
    'a small disk',
    at('PersistentVolumeClaim', 'redis', 'spec/resources/requests/storage', '1G'),
    /PersistentVolumeClaim redis is smaller than 1Gi/,
  ],
  [
    'users that are mounted elsewhere',
    (system) => set(mountOf(system, 'records', 'records'), 'mountPath', '/run/secrets/record'),
    /records has no file for --aclfile/,
  ],
  [
    'a setting without a value',
    (system) => void workload(system, 'redis').container.args?.push('--rename-command'),
    /redis: --rename-command has no value/,
  ],
];
