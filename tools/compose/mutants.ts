import { type Compose, type ComposeService } from './compose';

type Change = (compose: Compose) => void;

/** A change for the worse, and what a rule says of it. */
type Row = readonly [title: string, change: Change, refusal: RegExp];

const service = (compose: Compose, name: string): ComposeService => {
  const found = compose.services[name];
  if (!found) throw new Error(`${name} isn't there`);
  return found;
};

/** Sets a field of a service; `undefined` removes it. */
const having =
  (name: string, field: string, value?: unknown): Change =>
  (compose) => {
    if (value === undefined) delete service(compose, name)[field];
    else service(compose, name)[field] = value;
  };

const told =
  (name: string, variable: string, value: string): Change =>
  (compose) =>
    void Object.assign((service(compose, name).environment ??= {}), { [variable]: value });

const notTold =
  (name: string, variable: string): Change =>
  (compose) =>
    void delete service(compose, name).environment?.[variable];

/** One word of its command in place of another. */
const saying =
  (name: string, word: string, ...others: readonly string[]): Change =>
  (compose) => {
    const { command = [] } = service(compose, name);
    command.splice(command.indexOf(word), 1, ...others);
  };

const mounting =
  (name: string, from: string, ...others: readonly string[]): Change =>
  (compose) => {
    const { volumes = [] } = service(compose, name);
    volumes.splice(volumes.indexOf(from), 1, ...others);
  };

export const COMPOSE_MUTANTS: Readonly<Record<string, readonly Row[]>> = {
  images: [
    ['another version', having('auth', 'image', 'token-relay/auth:0.2.0'), /auth has an image of its own/],
    ['another Redis', having('redis', 'image', 'redis:7.2-bookworm'), /redis has an image of its own/],
    ['whatever is the latest', having('grafana', 'image', 'grafana/grafana:latest'), /grafana has no version/],
    ['no version', having('prometheus', 'image', 'prom/prometheus'), /prometheus has no version/],
    ['another app', having('auth', 'image', 'token-relay/audit:0.1.0'), /auth runs another app/],
    ['an image of another app', having('auth', 'build', { args: { APP: 'audit' } }), /auth is built of something else/],
    ["somebody else's image", having('auth', 'pull_policy'), /auth is pulled/],
    [
      'a service that is gone',
      (compose) => void delete compose.services.audit,
      /token-relay\/audit:\S+ is used by nobody/,
    ],
    [
      'another Dockerfile',
      having('auth', 'build', { context: '..', args: { APP: 'auth' } }),
      /auth is built of something/,
    ],
    ['another command', saying('bootstrap', 'files', 'kubernetes'), /bootstrap does not run bootstrap/],
  ],
  environment: [
    ['a name that is not read', told('audit', 'AUDIT_URI', 'x'), /audit has AUDIT_URI, which docs\/configuration.md/],
    ['a name of another', told('audit', 'RESOURCE_URL', 'x'), /audit has RESOURCE_URL, which docs/],
    ['a name that bootstrap does not know', told('bootstrap', 'DEMO', '0'), /bootstrap has DEMO, which docs/],
    ['other clients', told('auth', 'TLS_CLIENTS', 'gateway'), /auth has another TLS_CLIENTS than in deploy\/base/],
    ['any client', notTold('audit', 'TLS_CLIENTS'), /audit has another TLS_CLIENTS than in deploy\/base/],
    ['another address', told('gateway', 'RESOURCE_URL', 'https://audit:3003'), /gateway has another RESOURCE_URL/],
    ['another mode', told('gateway', 'NODE_ENV', 'development'), /gateway has another NODE_ENV/],
    ['a shorter drain', told('gateway', 'DRAIN_SECONDS', '1'), /gateway has another DRAIN_SECONDS/],
    ['records in memory', notTold('resource', 'RECORDS_URL_FILE'), /resource has another RECORDS_URL_FILE/],
    ['a secret', told('audit', 'AUDIT_CLIENT_SECRET', 'x'), /audit has a secret in AUDIT_CLIENT_SECRET/],
    ['a password', told('audit', 'REVOCATIONS_URL', 'rediss://verifier:x@redis:6379'), /secret in REVOCATIONS_URL/],
    [
      'hops in clear',
      told('gateway', 'DANGEROUSLY_ALLOW_HTTP', '1'),
      /has DANGEROUSLY_ALLOW_HTTP, which is for others/,
    ],
    ['a console', told('gateway', 'CONSOLE', '1'), /gateway has CONSOLE, which is for others to switch on/],
    ['demo accounts', told('bootstrap', 'DEMO_ACCOUNTS', '1'), /bootstrap has DEMO_ACCOUNTS, which is for others/],
    ['nobody waited for', having('redis', 'depends_on'), /redis does not wait for bootstrap/],
    ['a store not waited for', having('audit', 'depends_on', {}), /audit does not wait for records/],
    [
      'a start that is enough',
      having('gateway', 'depends_on', { auth: { condition: 'service_started' } }),
      /gateway does not wait for auth/,
    ],
  ],
  stores: [
    [
      'another fsync',
      saying('redis', '--appendfsync always', '--appendfsync everysec'),
      /redis has --appendfsync everysec/,
    ],
    ['no log', saying('records', '--appendonly yes'), /records has --appendonly not at all/],
    ['in clear', saying('redis', '--port 0', '--port 6379'), /redis has --port 6379, and not as in deploy\/base/],
    [
      'any client',
      saying('redis', '--tls-auth-clients yes', '--tls-auth-clients no'),
      /redis has --tls-auth-clients no/,
    ],
    [
      'a setting besides',
      saying('redis', '--dir /data', '--dir /data', '--requirepass x'),
      /redis has --requirepass x/,
    ],
    ['a setting twice', saying('redis', '--dir /data', '--dir /data', '--dir /tmp'), /--dir is said twice/],
    ['no bound', saying('redis', '--maxmemory 256mb'), /redis has no bound on its memory/],
    ['another program', saying('redis', 'redis-server', 'redis-sentinel'), /redis runs no redis-server/],
    ['a Redis that is not asked', having('redis', 'healthcheck', { test: ['CMD', 'true'] }), /redis is not asked how/],
    ['another user', having('redis', 'user'), /redis can not read its secrets/],
  ],
  volumes: [
    [
      "another's secret",
      mounting('audit', 'audit-client:/run/secrets/client:ro', 'ca:/run/secrets/client:ro'),
      /audit mounts ca/,
    ],
    [
      'a secret to write to',
      mounting('auth', 'auth:/run/secrets/auth:ro', 'auth:/run/secrets/auth'),
      /does not mount auth:/,
    ],
    ['no disk', mounting('redis', 'redis-data:/data'), /redis does not mount redis-data:\/data/],
    ['a secret that is made for nobody', mounting('bootstrap', 'ca:/secrets/ca'), /bootstrap does not mount ca/],
    [
      'a volume of no name',
      (compose) => void delete compose.volumes['auth-tls'],
      /a volume auth-tls that is nowhere declared/,
    ],
    [
      "the engine's socket",
      mounting('auth', '', '/var/run/docker.sock:/var/run/docker.sock'),
      /auth mounts \/var\/run\/docker.sock/,
    ],
    ['a file of the machine', mounting('redis', '', './README.md:/x:ro'), /redis mounts .\/README.md/],
    ['no alerts', having('prometheus', 'volumes', []), /prometheus does not mount ..\/deploy\/monitoring\/alerts.yaml/],
    ['a file that is not there', mounting('grafana', '', './none:/x:ro'), /grafana has no .\/none/],
  ],
  networks: [
    [
      'a port at all addresses',
      having('gateway', 'ports', ['3000:3000']),
      /gateway is reached from other machines at 3000/,
    ],
    [
      'a port for others',
      having('prometheus', 'ports', ['0.0.0.0:9090:9090']),
      /prometheus is reached from other machines/,
    ],
    ['a port of a store', having('redis', 'ports', ['127.0.0.1:6379:6379']), /redis has a port of the machine/],
    [
      'a service at a store',
      having('resource', 'networks', ['services', 'records', 'store']),
      /resource is not in records, serv/,
    ],
    [
      'a service at the edge',
      having('auth', 'networks', ['edge', 'services', 'store']),
      /auth is not in services, store/,
    ],
    ['the network of the machine', having('auth', 'network_mode', 'host'), /auth has another network/],
    ['a network for bootstrap', having('bootstrap', 'network_mode'), /bootstrap has another network/],
    ['a network that leads out', (compose) => void (compose.networks.store = null), /the network store leads out/],
    ['no port', having('gateway', 'ports'), /gateway has a port of the machine, or lacks/],
    [
      'a network that is not there',
      (compose) => void delete compose.networks.store,
      /redis is in a network that is nowhere/,
    ],
  ],
  hardening: [
    ['a file system to write to', having('auth', 'read_only'), /auth can write to its root file system/],
    ['capabilities', having('redis', 'cap_drop', ['NET_RAW']), /redis keeps capabilities/],
    ['no list of capabilities', having('grafana', 'cap_drop'), /grafana keeps capabilities/],
    ['privileges', having('bootstrap', 'security_opt', []), /bootstrap may gain privileges/],
    [
      'no profile',
      having('auth', 'security_opt', ['no-new-privileges:true', 'seccomp:unconfined']),
      /auth may gain priv/,
    ],
    ['root', having('redis', 'user', '0:1000'), /redis runs as root/],
    ...['privileged', 'cap_add', 'devices', 'pid', 'userns_mode', 'extra_hosts'].map((field): Row => [
      field,
      having('auth', field, true),
      new RegExp(`auth has ${field}, which no rule looks at`),
    ]),
    ['too little time to end', having('auth', 'stop_grace_period', '12s'), /auth is killed before it has ended/],
    ['the time that it has by default', having('auth', 'stop_grace_period'), /auth is killed before it has ended/],
    ['a service that stays down', having('auth', 'restart', 'no'), /auth is not restarted as it should be/],
    ['bootstrap again and again', having('bootstrap', 'restart', 'always'), /bootstrap is not restarted as it should/],
    ['a service that is not asked', having('auth', 'healthcheck', { disable: true }), /auth is not asked how it is/],
    ['all memory', having('auth', 'mem_limit'), /auth has no bound on its memory/],
    ['all processes', having('auth', 'pids_limit'), /auth has no bound on its processes/],
    ['who may change it', told('grafana', 'GF_AUTH_ANONYMOUS_ORG_ROLE', 'Admin'), /ANONYMOUS_ORG_ROLE=Viewer/],
    ['who may log in', notTold('grafana', 'GF_AUTH_DISABLE_LOGIN_FORM'), /grafana does not have GF_AUTH_DISABLE/],
  ],
};
