import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How much may pass before what has been passed on is given back. V8 itself waits for 32 MiB of it, whatever
 * `--max-semi-space-size` says, and for more while another thread is still giving those back.
 */
const EACH_BYTES = 4 * 1024 * 1024;

type CollectYoung = (options: { readonly type: 'minor' }) => void;

const collect = youngCollection();
let passed = 0;

/**
 * To be told of each piece of a body that streams through. Node reads each into memory of its own, 64 KiB at a time, which is
 * garbage once it has been written: collected as seldom as V8 would by itself, a single fast stream makes a fresh process
 * grow by 50 MiB and more. Only what is young is collected, in about half a millisecond.
 */
export function countPassed(bytes: number): void {
  passed += bytes;
  if (passed < EACH_BYTES) return;
  passed = 0;
  collect({ type: 'minor' });
}

/** What `node --expose-gc` would give to everybody, for this file alone. */
function youngCollection(): CollectYoung {
  setFlagsFromString('--expose-gc');
  const collection: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  setFlagsFromString('--no-expose-gc');
  return typeof collection === 'function' ? (collection as CollectYoung) : () => undefined;
}
