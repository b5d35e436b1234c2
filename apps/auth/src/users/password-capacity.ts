import { availableParallelism } from 'node:os';
import { ARGON2ID } from './argon2id';

const BYTES_EACH = ARGON2ID.memoryCost * 1024;

/**
 * How many passwords are verified at once: each keeps a core, and 19 MiB, of which all have a third of the memory that the
 * container may take. A machine of 64 cores has threads for 128, which a container of 384 MiB doesn't outlive.
 *
 * @param memoryLimit in bytes; 0 where there is none
 */
export function passwordsAtOnce(cores: number, memoryLimit: number): number {
  const fitting = memoryLimit === 0 ? Infinity : Math.floor(memoryLimit / 3 / BYTES_EACH);
  return Math.max(1, Math.min(2 * cores, fitting));
}

export const PASSWORDS_AT_ONCE = passwordsAtOnce(availableParallelism(), process.constrainedMemory());
/** How many more may wait for that. */
export const PASSWORDS_WAITING = 50;
