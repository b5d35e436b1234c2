import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pinned, type Place } from './cores';
import { type Bench } from './part';
import { environment, STEADY } from './rounds';

/** A server in a process of its own. */
export interface Served {
  readonly label: string;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** What a module with servers exports, by any name: listens on a port of the system's choice. `setting` is plain data. */
export type OpenServer<Setting> = (setting: Setting) => Promise<{ readonly url: string }>;

export interface ServerEntry<Setting = unknown> {
  /** As it is called in the results; unique among those that are compared. */
  readonly label: string;
  /** The module, from `dist`, as in `route/nest`. */
  readonly module: string;
  readonly name: string;
  readonly setting: Setting;
}

const START_LIMIT_MS = 60_000;

/** Starts a server that is a module's. */
export async function serve(
  { node, nodeFlags = [] }: Bench,
  { label, module, name, setting }: ServerEntry,
  place: Place = 'measured',
): Promise<Served> {
  const dist = resolve(__dirname, '..');
  const flags = place === 'measured' ? [...STEADY, ...nodeFlags] : [];
  const own = [resolve(dist, 'harness/server-process.js'), resolve(dist, module), name, JSON.stringify(setting)];
  const [command, words] = pinned(place, node, [...flags, ...own]);
  const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: environment() });
  const ended = once(child, 'close').then((): never => {
    throw new Error(`${label} has ended before it listened`);
  });
  ended.catch(() => undefined);
  const limit = AbortSignal.timeout(START_LIMIT_MS);
  const [url] = (await Promise.race([once(child, 'message', { signal: limit }), ended])) as [string];
  return { label, url, pid: pidOf(child), stop: () => stopped(child) };
}

export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process has not begun');
  return pid;
}

/** Ends a process, and waits for its end. */
export async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(timer);
}
