import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type System, type Workload } from '../system';
import { type App, type Workspace } from '../workspace';
import { mountedFiles } from './secrets';

/** Every service is told what it needs, by names that it knows, and listens where the manifests say. */
export function environment(system: System, workspace: Workspace): string[] {
  return [...services(system, workspace), ...bootstrap(system, workspace)];
}

function services(system: System, workspace: Workspace): string[] {
  return system.services.flatMap((service) => {
    const app = workspace.apps[service.name];
    if (!app) return [`${service.name} is no app of this workspace`];
    const files = mountedFiles(system, service, workspace);
    const given = environmentOf(system, service);
    return withFiles(files, (root) => {
      const { problems, known, config } = start(app, within(root, given));
      return [
        ...problems,
        ...Object.keys(given).flatMap((name) => [
          ...(isAmong(known, name) ? [] : [`does not read ${name}`]),
          ...(isAmong(app.documented, name) ? [] : [`has ${name}, which docs/configuration.md does not list`]),
        ]),
        ...Object.entries(given)
          .filter(([name, value]) => value.startsWith('/') && !isThere(service, files, name, value))
          .map(([name]) => `has no file for ${name}`),
        ...unused(service, Object.values(given)),
        ...withoutTls(given),
        ...Object.keys(given)
          .filter((name) => SWITCHES.test(name))
          .map((name) => `has ${name}, which is for others to switch on`),
        ...ports(service, config),
      ].map((problem) => `${service.name} ${problem}`);
    });
  });
}

/** What weakens, and what shows what goes on: never here, whatever the value. */
const SWITCHES = /^(DANGEROUSLY_.*|DEMO|CONSOLE|EXPLAIN_CALLS)$/;

/** What it reads stands in what it mounts; what it writes itself, in what is mounted for that. */
function isThere({ pod, container }: Workload, files: readonly string[], name: string, path: string): boolean {
  if (name !== 'JWKS_CACHE_FILE') return files.includes(path);
  const writable = (pod.volumes ?? []).filter(({ emptyDir }) => emptyDir).map((volume) => volume.name);
  return (container.volumeMounts ?? []).some(
    (mount) => writable.includes(mount.name) && path.startsWith(`${mount.mountPath}/`) && !mount.readOnly,
  );
}

/** What nobody reads or writes was meant for something: without their store pods would each have another. */
function unused({ container }: Workload, values: readonly string[]): string[] {
  return (container.volumeMounts ?? [])
    .filter(({ mountPath }) => !values.some((one) => one.startsWith(`${mountPath}/`)))
    .map(({ name }) => `mounts ${name}, and is told of no file there`);
}

/** All three: without one of them there is no TLS. */
const TLS = { TLS_CERT_FILE: 'tls.crt', TLS_KEY_FILE: 'tls.key', TLS_CA_FILE: 'ca.crt' };

function withoutTls(given: Readonly<Record<string, string>>): string[] {
  return Object.entries(TLS)
    .filter(([name, file]) => given[name] !== `/run/secrets/tls/${file}`)
    .map(([name, file]) => `does not have ${file} for ${name}`);
}

function bootstrap(system: System, { bootstrapWords }: Workspace): string[] {
  return system.workloads
    .filter(({ kind }) => kind === 'Job')
    .flatMap((job) => [
      ...Object.keys(environmentOf(system, job)),
      ...(job.container.command ?? []).filter((word) => word.startsWith('--')),
    ])
    .filter((word) => !bootstrapWords.has(word))
    .map((word) => `bootstrap has ${word}, which docs/configuration.md does not list`);
}

/** As the container gets it. */
export function environmentOf(system: System, { container }: Workload): Record<string, string> {
  const shared = (container.envFrom ?? []).map(
    ({ configMapRef }) => system.named('ConfigMap', configMapRef?.name)?.data,
  );
  const own = (container.env ?? []).map(({ name, value = '' }) => [name, value]);
  return Object.assign({}, ...shared, Object.fromEntries(own)) as Record<string, string>;
}

/** Runs the app's own check of its environment, and watches what it asks for. */
function start({ loadConfig }: App, given: Record<string, string>) {
  const known = new Set<string>();
  const watched = new Proxy<Record<string, string>>(given, {
    get: (target, name: string) => {
      known.add(name);
      return target[name];
    },
  });
  try {
    return { problems: [], known, config: loadConfig(watched) };
  } catch (error) {
    return { problems: [`does not start: ${(error as Error).message}`], known, config: undefined };
  }
}

function isAmong(names: ReadonlySet<string>, name: string): boolean {
  return names.has(name) || names.has(name.replace(/_FILE$/, ''));
}

function ports({ container }: Workload, config: Readonly<Record<string, unknown>> | undefined): string[] {
  if (!config) return [];
  const listens = new Map<string, unknown>([
    ['https', config.PORT],
    ['metrics', config.METRICS_PORT],
  ]);
  if (config.RPC_PORT !== undefined) listens.set('rpc', config.RPC_PORT);
  const given = new Map((container.ports ?? []).map(({ name = '', containerPort }) => [name, containerPort]));
  return [...new Set([...listens.keys(), ...given.keys()])]
    .filter((name) => listens.get(name) !== given.get(name))
    .map((name) => `does not listen for ${name} where its container says`);
}

/** Files like those that bootstrap makes, for as long as they are looked at. */
function withFiles<Result>(paths: readonly string[], look: (root: string) => Result): Result {
  const root = mkdtempSync(join(tmpdir(), 'manifests-'));
  try {
    for (const path of paths) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), contentOf(path));
    }
    return look(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function contentOf(path: string): string {
  if (path.endsWith('/key-encryption-key')) return randomBytes(32).toString('base64');
  if (path.endsWith('/redis-url')) return 'rediss://auth:secret@redis:6379';
  return randomBytes(32).toString('base64url');
}

function within(root: string, environment: Record<string, string>): Record<string, string> {
  const moved = ([name, value]: [string, string]) => [name, value.startsWith('/') ? join(root, value) : value];
  return Object.fromEntries(Object.entries(environment).map(moved)) as Record<string, string>;
}
