import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { System } from './system';

const ROOT = resolve(__dirname, '../..');
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** What the workspace says about itself, that manifests have to fit. */
export interface Workspace {
  readonly version: string;
  /** Name and version of each, from the one place that has them. */
  readonly images: readonly string[];
  readonly apps: Readonly<Record<string, App>>;
  /** What bootstrap makes and looks at, as it is told to: the keys of each Secret. */
  readonly secretsOf: (told: ToldToBootstrap) => SecretKeys;
  /** The names and the options that docs/configuration.md lists for bootstrap. */
  readonly bootstrapWords: ReadonlySet<string>;
  /** What must not stand in an environment: what is taken as a secret, or as a URL that has a password in it. */
  readonly secretNames: ReadonlySet<string>;
  /** Where a service is asked how it is. */
  readonly healthRoutes: readonly string[];
  /** How long a service may take to end, beside the time that it drains. */
  readonly shutdownLimitSeconds: number;
}

export interface ToldToBootstrap {
  readonly hasAuthority: boolean;
  readonly hasRedis: boolean;
  readonly hasRecords: boolean;
  readonly hasDemoAccounts: boolean;
}

/** By the names of Secrets. */
export type SecretKeys = Readonly<Record<string, readonly string[]>>;

export interface App {
  /** Its own; what it finds wrong is thrown. */
  readonly loadConfig: (environment: NodeJS.ProcessEnv) => Readonly<Record<string, unknown>>;
  /** The names that docs/configuration.md lists for it. */
  readonly documented: ReadonlySet<string>;
}

const APPS = ['auth', 'gateway', 'resource', 'audit'];

export async function readWorkspace(): Promise<Workspace> {
  const apps = await Promise.all(APPS.map(async (name) => [name, await appOf(name)] as const));
  const [, limit = ''] = /SHUTDOWN_LIMIT_MS = ([\d_]+);/.exec(read('libs/service-kit/src/run-service.ts')) ?? [];
  return {
    version: (JSON.parse(read('package.json')) as { version: string }).version,
    images: imagesOf('deploy/base'),
    apps: Object.fromEntries(apps),
    secretsOf: await secretsOfBootstrap(),
    bootstrapWords: documentedFor('bootstrap'),
    secretNames: new Set(APPS.flatMap(secretNamesOf)),
    healthRoutes: [...read('libs/service-kit/src/metrics/management.ts').matchAll(/'\/(\w+)': \(/g)].map(
      ([, route = '']) => `/${route}`,
    ),
    shutdownLimitSeconds: Number(limit.replaceAll('_', '')) / 1000,
  };
}

async function appOf(name: string): Promise<App> {
  const loader = `load${name[0]?.toUpperCase() ?? ''}${name.slice(1)}Config`;
  const module = (await load(`apps/${name}/src/${name}.config`)) as Record<string, App['loadConfig']>;
  const loadConfig = module[loader];
  if (!loadConfig) throw new Error(`apps/${name} has no ${loader}`);
  return { loadConfig, documented: documentedFor(name) };
}

function secretNamesOf(name: string): string[] {
  const config = read(`apps/${name}/src/${name}.config.ts`);
  return [...config.matchAll(/^ +([A-Z_]+): .*\b(?:secret|encryptionKeys?|redisUrl)\(/gm)].map(([, one = '']) => one);
}

/** By the headings of docs/configuration.md: of every service, of some, or of that one. */
function documentedFor(name: string): ReadonlySet<string> {
  const sections = read('docs/configuration.md').split(/^## /m);
  const own = sections.filter((section) => {
    const [heading = ''] = section.split('\n');
    return heading === 'Every service' || heading.split(', ').includes(name);
  });
  return new Set(own.flatMap((section) => [...section.matchAll(/^\|[^|]*\|/gm)].flatMap(([cell]) => namesIn(cell))));
}

const namesIn = (text: string): string[] =>
  [...text.matchAll(/`([A-Z][A-Z_]+|--[a-z-]+)`/g)].map(([, name = '']) => name);

async function secretsOfBootstrap(): Promise<Workspace['secretsOf']> {
  interface Secret {
    readonly name: string;
    readonly keys: readonly string[];
  }
  const { secretsOf } = (await load('apps/bootstrap/src/make-secrets')) as {
    secretsOf: (told: ToldToBootstrap) => Secret[];
  };
  return (told) => Object.fromEntries(secretsOf(told).map(({ name, keys }) => [name, keys]));
}

/** A source of another project. The border between the two is crossed here on purpose, and by nothing that is shipped. */
function load(path: string): Promise<unknown> {
  return import(join(ROOT, path));
}

/** By a kustomization. */
export function imagesOf(folder: string): readonly string[] {
  interface Image {
    readonly name: string;
    readonly newName?: string;
    readonly newTag?: string;
    readonly digest?: string;
  }
  const { images = [] } = parse(read(`${folder}/kustomization.yaml`)) as { images?: Image[] };
  return images.map(({ name, newName = name, newTag = '', digest }) =>
    digest ? `${newName}@${digest}` : `${newName}:${newTag}`,
  );
}

/** What `kubectl apply -f` takes from a folder, in its order. */
export function appliedFrom(folder: string): System {
  const names = readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.yaml'));
  return System.parse(
    names
      .sort()
      .map((name) => read(`${folder}/${name}`))
      .join('---\n'),
  );
}

/** All text of the files of a folder. */
export function sourcesIn(folder: string): readonly { readonly path: string; readonly text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({ path: `${folder}/${name}`, text: read(`${folder}/${name}`) }));
}
