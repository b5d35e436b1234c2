import { type CallState } from '../nest/call-state';

/** Calls that this service makes for nobody but itself. */
const own = new WeakSet<CallState>();

export function markOwnAccount(call: CallState): CallState {
  own.add(call);
  return call;
}

export function isOwnAccount(call: CallState | undefined): boolean {
  return call !== undefined && own.has(call);
}
