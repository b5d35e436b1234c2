import { availableParallelism } from 'node:os';

/** How many passwords are verified at once: each keeps a core, and 19 MiB. */
export const PASSWORDS_AT_ONCE = 2 * availableParallelism();
/** How many more may wait for that. */
export const PASSWORDS_WAITING = 50;
