import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { pinned, type Place } from './cores';
import { environment } from './rounds';
import { pidOf, type Served, stopped } from './served';

const START_LIMIT_MS = 60_000;

export interface Program {
  /** As it is called in the results. */
  readonly label: string;
  readonly place: Place;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it listens. */
  readonly url: string;
  /** What it answers with 2xx as soon as it serves. */
  readonly probe: string;
}

/**
 * Starts a program that listens on a port which it was told, and waits until it serves. What it writes to its standard
 * output goes nowhere: whoever logs pays for the line and the system call, and for no disk.
 */
export async function started({ label, place, command, args, env, url, probe }: Program): Promise<Served> {
  const child = spawn(...pinned(place, command, args), {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...environment(), ...env },
  });
  try {
    await serves(child, label, `${url}${probe}`);
  } catch (error) {
    await stopped(child);
    throw error;
  }
  return { label, url, pid: pidOf(child), stop: () => stopped(child) };
}

async function serves(child: ChildProcess, label: string, probe: string): Promise<void> {
  let failure: string | undefined;
  child.once('error', ({ message }) => (failure = message));
  child.once('close', (code, signal) => (failure ??= `has ended with ${code ?? signal}`));
  for (const deadline = performance.now() + START_LIMIT_MS; !(await answers(probe)); await sleep(20)) {
    if (performance.now() > deadline) failure ??= 'does not get ready';
    if (failure !== undefined) throw new Error(`${label} ${failure}`);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}
