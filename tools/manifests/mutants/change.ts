import { type V1Container, type V1PodSpec, type V1Volume, type V1VolumeMount } from '@kubernetes/client-node';
import { type Manifest, System } from '../system';
import { read } from '../workspace';

/** Changes a copy of the system, or gives another in its place. */
export type Change = (system: System) => System | void;

/** A change for the worse, and what a rule says of it. */
export type Row = readonly [title: string, change: Change, refusal: RegExp];

/** The Job of this version. */
export const JOB = 'bootstrap-0-1-0';

type Tree = Record<string, unknown>;

/** Sets what is at a path of keys, also where no type knows it; `undefined` removes it. A `/` in a key is `~1`. */
export function set(target: unknown, path: string, value: unknown): void {
  const keys = path.split('/').map((key) => key.replaceAll('~1', '/'));
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Tree>((at, key) => (at[key] ??= {}) as Tree, target as Tree);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}

/** @throws Error where there is none of that name */
export function workload(system: System, name: string): { pod: V1PodSpec; container: V1Container } {
  const found = system.workloads.find((one) => one.name === name);
  if (!found) throw new Error(`${name} isn't there`);
  return found;
}

export function volumeOf(system: System, name: string, volume: string): V1Volume | undefined {
  return workload(system, name).pod.volumes?.find((one) => one.name === volume);
}

export function mountOf(system: System, name: string, volume: string): V1VolumeMount | undefined {
  return workload(system, name).container.volumeMounts?.find((one) => one.name === volume);
}

/** Sets what is at a path of one manifest. */
export const at =
  (kind: string, name: string, path: string, value?: unknown): Change =>
  (system) => {
    const manifest = system.all.find((one) => one.kind === kind && one.metadata.name === name);
    if (!manifest) throw new Error(`${kind} ${name} isn't there`);
    set(manifest, path, value);
  };

export const inPod =
  (name: string, path: string, value?: unknown): Change =>
  (system) =>
    set(workload(system, name).pod, path, value);

export const inContainer =
  (name: string, path: string, value?: unknown): Change =>
  (system) =>
    set(workload(system, name).container, path, value);

export const configured = (name: string, value?: string): Change =>
  at('ConfigMap', 'token-relay', `data/${name}`, value);

export const without =
  (kind: string, name: string): Change =>
  (system) =>
    new System(system.all.filter((one) => one.kind !== kind || one.metadata.name !== name));

/** One more, of this namespace. */
export const added =
  (apiVersion: string, kind: string, name: string, others: Tree = {}): Change =>
  (system) =>
    new System([...system.all, { apiVersion, kind, metadata: { name, namespace: 'token-relay' }, ...others }]);

export const variable =
  (name: string, variableName: string, value: string): Change =>
  (system) =>
    void workload(system, name).container.env?.push({ name: variableName, value });

export const noVariable =
  (name: string, variableName: string): Change =>
  (system) => {
    const { container } = workload(system, name);
    container.env = container.env?.filter((one) => one.name !== variableName) ?? [];
  };

export const otherVariable =
  (name: string, variableName: string, value: string): Change =>
  (system) => {
    noVariable(name, variableName)(system);
    variable(name, variableName, value)(system);
  };

/** Another value of one of the words that a program is told, or one word more. */
export const told =
  (name: string, word: string, value: string): Change =>
  (system) => {
    const { args = [] } = workload(system, name).container;
    args.splice(args.indexOf(word) + 1, 1, value);
  };

/** With what stands in a file of production besides, that needs no kustomize to be whole. */
export const inProduction =
  (file: string, change: Change): Change =>
  (system) => {
    const more = System.parse(read(`deploy/overlays/production/${file}`)).all as Manifest[];
    const all = new System([...system.all, ...more]);
    return change(all) ?? all;
  };
