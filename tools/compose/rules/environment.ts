import { environmentOf } from '../../manifests/rules/environment';
import { openWays } from '../../manifests/rules/network';
import { isSecretText } from '../../manifests/rules/secrets';
import { type System } from '../../manifests/system';
import { read, type Workspace } from '../../manifests/workspace';
import { type Compose, type ComposeService } from '../compose';

/** Services are told the same by the same names, no secret is among that, and each waits until its own are made. */
export function environment({ services }: Compose, base: System, workspace: Workspace): string[] {
  return Object.entries(services).flatMap(([name, service]) => {
    const given = service.environment ?? {};
    return [
      ...Object.entries(given)
        .filter(([variable, value]) => workspace.secretNames.has(variable) || isSecretText(value))
        .map(([variable]) => `has a secret in ${variable}`),
      ...Object.entries(given)
        .filter(([variable, value]) => SWITCHES.test(variable) && value !== '0')
        .map(([variable]) => `has ${variable}, which is for others to switch on`),
      ...unknown(name, given, workspace).map((one) => `has ${one}, which docs/configuration.md does not list`),
      ...different(name, given, base).map((one) => `has another ${one} than in deploy/base`),
      ...waits(name, service, base),
    ].map((fault) => `${name} ${fault}`);
  });
}

const SWITCHES = /^(DANGEROUSLY_.*|DEMO|DEMO_ACCOUNTS|CONSOLE|EXPLAIN_CALLS)$/;

function unknown(name: string, given: Readonly<Record<string, string>>, { apps, bootstrapWords }: Workspace): string[] {
  const known = name === 'bootstrap' ? bootstrapWords : apps[name]?.documented;
  return Object.keys(given).filter((one) => known && !known.has(one) && !known.has(one.replace(/_FILE$/, '')));
}

/** Needs a place to write to, which these containers don't have. */
const NOT_HERE = ['JWKS_CACHE_FILE'];

/** What the image says, and what docs/configuration.md says that it is in production. */
function inImage(): Record<string, string> {
  const lines = read('docker/Dockerfile').match(/^ENV .*$/gm) ?? [];
  const pairs = lines.flatMap((line) => line.split(' ').slice(1)).map((pair) => pair.split('='));
  return { DRAIN_SECONDS: '5', ...(Object.fromEntries(pairs) as Record<string, string>) };
}

function different(name: string, given: Readonly<Record<string, string>>, base: System): string[] {
  const service = base.services.find((one) => one.name === name);
  const expected = service ? environmentOf(base, service) : {};
  const told: Readonly<Record<string, string>> = { ...inImage(), ...given };
  return Object.keys(expected).filter((one) => !NOT_HERE.includes(one) && told[one] !== expected[one]);
}

/** For its secrets, for the stores that it may reach, and for whatever else until it serves. */
function waits(name: string, { depends_on: given = {}, profiles }: ComposeService, base: System): string[] {
  if (name === 'bootstrap' || profiles) return [];
  const stores = base.workloads
    .filter((store) => store.kind === 'StatefulSet')
    .filter((store) => openWays(base).some((way) => way.startsWith(`${name} → ${store.name}:`)));
  return ['bootstrap', ...stores.map((store) => store.name), ...Object.keys(given)]
    .filter((one) => {
      const condition = one === 'bootstrap' ? 'service_completed_successfully' : 'service_healthy';
      return given[one]?.condition !== condition;
    })
    .map((one) => `does not wait for ${one}`);
}
