import { at, inContainer, inPod, JOB, type Row, variable } from './change';

const SKEW = 'topologySpreadConstraints/0/maxSkew';

export const apiServer: readonly Row[] = [
  [
    'less than no time',
    inContainer('auth', 'livenessProbe/periodSeconds', -1),
    /auth has periodSeconds -1 for its live/,
  ],
  ['no time', inContainer('auth', 'startupProbe/timeoutSeconds', 0), /auth has timeoutSeconds 0 for its startupProbe/],
  [
    'half a time',
    inContainer('auth', 'readinessProbe/failureThreshold', 1.5),
    /has failureThreshold 1.5 for its ready?/,
  ],
  [
    'two successes',
    inContainer('auth', 'livenessProbe/successThreshold', 2),
    /has to succeed more than once for its live/,
  ],
  [
    'two ways to ask',
    inContainer('auth', 'livenessProbe/exec', { command: ['true'] }),
    /auth has not one way to ask for its livenessProbe/,
  ],
  ['no way to ask', inContainer('auth', 'livenessProbe/httpGet'), /auth has not one way to ask for its livenessProbe/],
  ['no skew', inPod('auth', SKEW, 0), /auth is spread with a skew below 1/],
  ['a name with capitals', at('ConfigMap', 'token-relay', 'metadata/name', 'Token'), /ConfigMap Token has no name/],
  ['a name with underscores', at('Role', 'bootstrap', 'metadata/name', 'boot_strap'), /boot_strap has no name/],
  ['a name of no host', at('Service', 'auth', 'metadata/name', '1auth'), /Service 1auth has no name/],
  ['a dot in the name of a host', at('Service', 'auth', 'metadata/name', 'a.b'), /Service a.b has no name/],
  ['a long name', at('Role', 'bootstrap', 'metadata/name', 'a'.repeat(64)), /Role a+ has no name/],
  ['a label with spaces', at('Deployment', 'auth', 'metadata/labels/x', 'a b'), /auth has a label x: a b/],
  ['a long label', at('Deployment', 'auth', 'metadata/labels/x', 'a'.repeat(64)), /auth has a label x: a+/],
  ['a key with slashes', at('Deployment', 'auth', 'metadata/labels/a~1b~1c', ''), /auth has a label a\/b\/c/],
  [
    'a label of pods',
    at('Deployment', 'auth', 'spec/template/metadata/labels/x', '-'),
    /Deployment auth has a label x: -/,
  ],
  ['a variable twice', variable('auth', 'TLS_CLIENTS', 'gateway'), /auth has the variable TLS_CLIENTS twice/],
  [
    'a mount twice',
    inContainer('auth', 'volumeMounts/1/mountPath', '/run/secrets/tls'),
    /auth has the mount \/run\/secrets\/tls twice/,
  ],
  ['a volume twice', inPod('auth', 'volumes/1/name', 'tls'), /auth has the volume tls twice/],
  ['a port twice', inContainer('auth', 'ports/1/containerPort', 3001), /auth has the port 3001 twice/],
  ['a service that is not restarted', inPod('auth', 'restartPolicy', 'Never'), /Deployment auth is restarted Never/],
  ['a Job that never ends', inPod(JOB, 'restartPolicy'), /Job bootstrap-0-1-0 is restarted Always/],
  ['no time to end', inPod('auth', 'terminationGracePeriodSeconds', -1), /auth has less than no time to end/],
  ['a container with capitals', inContainer('auth', 'name', 'Auth'), /auth has a container Auth/],
  [
    'a port with a long name',
    inContainer('auth', 'ports/1/name', 'metrics-of-auth0'),
    /port that is called metrics-of/,
  ],
  ['a port without a letter', inContainer('auth', 'ports/1/name', '9464'), /auth has a port that is called 9464/],
  ['a port that there is not', inContainer('auth', 'ports/0/containerPort', 65536), /auth has a port 65536/],
];
