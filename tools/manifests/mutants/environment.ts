import {
  configured,
  inContainer,
  JOB,
  mountOf,
  noVariable,
  otherVariable,
  type Row,
  set,
  variable,
  workload,
} from './change';

export const environment: readonly Row[] = [
  ['a name that is not read', variable('audit', 'AUDIT_URI', 'x'), /audit does not read AUDIT_URI/],
  [
    'a name of another service',
    variable('audit', 'RESOURCE_URL', 'https://resource:3002'),
    /audit does not read RESOURCE_URL/,
  ],
  ['a name that is not documented', variable('audit', 'AUDIT_URI', 'x'), /AUDIT_URI, which docs\/configuration.md/],
  [
    'a name that is missing',
    noVariable('resource', 'AUDIT_URL'),
    /resource does not start: .*\n {2}AUDIT_URL: is missing/,
  ],
  ['a value that is wrong', configured('ISSUER', 'localhost'), /ISSUER: must be/],
  ['a hop in clear', configured('AUTH_URL', 'http://auth:3001'), /AUTH_URL: is without TLS/],
  [
    'a file that is not mounted',
    (system) => set(mountOf(system, 'audit', 'client'), 'mountPath', '/run/secrets/other'),
    /AUDIT_CLIENT_SECRET_FILE can not be read/,
  ],
  [
    'another file of the Secret',
    variable('auth', 'CLIENTS_FILE', '/run/secrets/auth/client.json'),
    /no file for CLIENTS_FILE/,
  ],
  [
    'calls that are explained',
    variable('resource', 'EXPLAIN_CALLS', '1'),
    /resource does not start: .*\n {2}EXPLAIN_CALLS: is 1/,
  ],
  ['a demo', variable('auth', 'DEMO', '1'), /auth does not start: .*\n {2}DEMO: is 1/],
  ['another port', variable('audit', 'RPC_PORT', '4004'), /audit does not listen for rpc/],
  ['another port for metrics', configured('METRICS_PORT', '9465'), /does not listen for metrics/],
  [
    'an option of bootstrap that there is not',
    (system) => void workload(system, JOB).container.command?.push('--without-certs'),
    /bootstrap has --without-certs, which/,
  ],
  [
    'a name that bootstrap does not know',
    inContainer(JOB, 'env', [{ name: 'DEMO', value: '1' }]),
    /bootstrap has DEMO, which/,
  ],
  ["a name of Node's own", variable('auth', 'UV_THREADPOOL_SIZE', '1000'), /auth does not read UV_THREADPOOL_SIZE/],
  [
    'hops in clear',
    variable('gateway', 'DANGEROUSLY_ALLOW_HTTP', '1'),
    /has DANGEROUSLY_ALLOW_HTTP, which is for others/,
  ],
  [
    'hops that are not even asked for',
    variable('gateway', 'DANGEROUSLY_FORWARD', '0'),
    /has DANGEROUSLY_FORWARD, which/,
  ],
  ['a console', variable('gateway', 'CONSOLE', '1'), /gateway has CONSOLE, which is for others to switch on/],
  [
    'keys where nothing can be written',
    otherVariable('audit', 'JWKS_CACHE_FILE', '/var/cache/jwks.json'),
    /audit has no file for JWKS_CACHE_FILE/,
  ],
  [
    'keys among the secrets',
    otherVariable('audit', 'JWKS_CACHE_FILE', '/run/secrets/tls/jwks.json'),
    /audit has no file for JWKS_CACHE_FILE/,
  ],
  ['routes that nobody mounts', variable('gateway', 'ROUTES_FILE', '/etc/routes.json'), /has no file for ROUTES_FILE/],
  [
    'records in memory',
    noVariable('resource', 'RECORDS_URL_FILE'),
    /resource mounts records, and is told of no file there/,
  ],
  ['no key', configured('TLS_KEY_FILE'), /auth does not have tls.key for TLS_KEY_FILE/],
  ['no CA', configured('TLS_CA_FILE'), /auth does not have ca.crt for TLS_CA_FILE/],
  ['a key for a certificate', configured('TLS_CERT_FILE', '/run/secrets/tls/tls.key'), /not have tls.crt for TLS_CERT/],
  [
    'room that nothing is written to',
    noVariable('audit', 'JWKS_CACHE_FILE'),
    /audit mounts cache, and is told of no file/,
  ],
];
