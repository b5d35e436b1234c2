import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const cores = availableParallelism();
let canPin = cores > 1 && spawnSync('taskset', ['-V']).status === 0;

/** What is measured has a core of its own, and all that asks it or answers it has the others. */
export type Place = 'measured' | 'around';

/** Puts a command where it belongs, if the machine has more than one core, and `taskset` to say so. */
export function pinned(place: Place, command: string, args: readonly string[]): [string, string[]] {
  if (!canPin) return [command, [...args]];
  return ['taskset', ['-c', place === 'measured' ? String(cores - 1) : `0-${cores - 2}`, command, ...args]];
}

/** From here on all is wherever there is room: for a short run, in which many start at once. */
export function unpin(): void {
  canPin = false;
}

export function pinning(): string {
  return canPin ? `what is measured is pinned to core ${cores - 1}, all else to the others` : 'nothing is pinned';
}
