import { secondsOf } from '../../manifests/duration';
import { type System } from '../../manifests/system';
import { type Workspace } from '../../manifests/workspace';
import { type Compose, type ComposeService } from '../compose';

/** Others give rights, as `privileged`, `devices` and `pid` do, or are added here with what judges them. */
const FIELDS = [
  ...['image', 'build', 'pull_policy', 'profiles', 'command', 'environment', 'depends_on', 'healthcheck', 'restart'],
  ...['user', 'read_only', 'tmpfs', 'cap_drop', 'security_opt', 'stop_grace_period', 'deploy'],
  ...['mem_limit', 'cpus', 'pids_limit', 'network_mode', 'networks', 'ports', 'volumes'],
];

/** It writes beside its volume. */
const WRITES = ['grafana'];

/** No service may do more than it has to, and each has the time to end. */
export function hardening({ services }: Compose, base: System, { shutdownLimitSeconds }: Workspace): string[] {
  const drain = Number(base.named('ConfigMap', 'token-relay')?.data?.DRAIN_SECONDS);
  return Object.entries(services).flatMap(([name, service]) => {
    const isService = base.services.some((one) => one.name === name);
    return [
      ...Object.keys(service)
        .filter((field) => !FIELDS.includes(field))
        .map((field) => `has ${field}, which no rule looks at`),
      ...rights(name, service),
      ...(name === 'grafana' ? changes(service) : []),
      ...(isService ? bounds(service) : []),
      ...(isService && !(secondsOf(service.stop_grace_period) >= drain + shutdownLimitSeconds)
        ? ['is killed before it has ended']
        : []),
    ].map((fault) => `${name} ${fault}`);
  });
}

function rights(name: string, service: ComposeService): string[] {
  const { read_only: isReadOnly, cap_drop: dropped, security_opt: options = [], user, restart, healthcheck } = service;
  const faults: string[] = [];
  if (!isReadOnly && !WRITES.includes(name)) faults.push('can write to its root file system');
  if (dropped?.join() !== 'ALL') faults.push('keeps capabilities');
  if (options.join() !== 'no-new-privileges:true') faults.push('may gain privileges');
  if (user !== undefined && /^(0|root)\b/.test(user)) faults.push('runs as root');
  // Bootstrap runs once.
  if (restart !== (name === 'bootstrap' ? undefined : 'unless-stopped'))
    faults.push('is not restarted as it should be');
  if (healthcheck?.disable && name !== 'bootstrap') faults.push('is not asked how it is');
  return faults;
}

/** Whoever can reach it may look, and nobody can log in and change anything. */
const ONLY_LOOKS = {
  GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
  GF_AUTH_DISABLE_LOGIN_FORM: 'true',
  GF_AUTH_BASIC_ENABLED: 'false',
};

function changes({ environment = {} }: ComposeService): string[] {
  return Object.entries(ONLY_LOOKS)
    .filter(([name, value]) => environment[name] !== value)
    .map(([name, value]) => `does not have ${name}=${value}`);
}

function bounds({ mem_limit: memory, pids_limit: processes }: ComposeService): string[] {
  return [
    ...(memory === undefined ? ['has no bound on its memory'] : []),
    ...(processes === undefined ? ['has no bound on its processes'] : []),
  ];
}
