import { setImmediate as soon } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What this process holds when all garbage is gone, on V8's heap and beside it, in bytes. */
export async function heldBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    // What is freed beside the heap is counted later.
    await soon();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
