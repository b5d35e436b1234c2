import { configured, inContainer, inPod, mountOf, type Row, set, workload } from './change';

export const lifecycle: readonly Row[] = [
  [
    'a route that is not there',
    inContainer('audit', 'startupProbe/httpGet/path', '/health'),
    /audit has no route for its startupProbe/,
  ],
  ['no probe', inContainer('audit', 'livenessProbe'), /audit has no livenessProbe/],
  [
    'a port that asks for a certificate',
    inContainer('audit', 'readinessProbe/httpGet/port', 'https'),
    /can't answer its readinessProbe there/,
  ],
  [
    'ready as soon as it runs',
    inContainer('audit', 'readinessProbe/httpGet/path', '/healthz'),
    /is taken for ready when it isn't/,
  ],
  [
    'ended for what others fail at',
    inContainer('audit', 'livenessProbe/httpGet/path', '/readyz'),
    /is ended for what others fail at/,
  ],
  ['no pause', inContainer('audit', 'lifecycle'), /ends while connections are still led to it/],
  ['too little time', inPod('audit', 'terminationGracePeriodSeconds', 19), /audit is killed before it has ended/],
  ['a longer drain', configured('DRAIN_SECONDS', '16'), /is killed before it has ended/],
  [
    'a Redis that is only looked for',
    inContainer('redis', 'readinessProbe', { tcpSocket: { port: 6379 } }),
    /redis is not asked by its readinessProbe/,
  ],
  [
    'a ping whose failure is a success',
    (system) => void workload(system, 'redis').container.livenessProbe?.exec?.command?.splice(1, 1),
    /redis is not asked by its/,
  ],
  [
    'a ping without a certificate',
    (system) => set(mountOf(system, 'redis', 'tls'), 'mountPath', '/tls'),
    /redis has no certificate for its/,
  ],
  ['too little time to start', inContainer('audit', 'startupProbe/failureThreshold', 29), /too little time to start/],
  ['a pause that ends it', inContainer('audit', 'livenessProbe/failureThreshold', 2), /audit is ended for a pause/],
  ['asked though it does not answer', inContainer('audit', 'readinessProbe/periodSeconds', 6), /is asked for long/],
  [
    'a log that is long to read',
    inContainer('redis', 'startupProbe/failureThreshold', 149),
    /redis is ended for a pause/,
  ],
  [
    'another Redis asked',
    (system) => {
      const { command = [] } = workload(system, 'redis').container.livenessProbe?.exec ?? {};
      command[command.indexOf('localhost')] = 'records';
    },
    /redis is not asked by its livenessProbe/,
  ],
  ['a ping by default', inContainer('redis', 'readinessProbe/timeoutSeconds'), /redis has no time to answer its read/],
  [
    'a ping of another user',
    (system) => {
      const { command = [] } = workload(system, 'redis').container.startupProbe?.exec ?? {};
      command[command.indexOf('probe')] = 'default';
    },
    /redis is not asked by its startupProbe/,
  ],
  [
    'no time to write',
    inPod('redis', 'terminationGracePeriodSeconds', 29),
    /redis is killed before all is on its disk/,
  ],
];
