import { LOCALE_HEADER, TIMEOUT_HEADER, TRACEPARENT_HEADER } from '../nest/context-hints';
import { TRANSACTION_ID_HEADER } from '../nest/transaction-id';
import { type CarriedHeaders } from './carriers/rpc-carrier';

const RELAYED: ReadonlySet<string> = new Set([
  'authorization',
  'txn-token',
  TRANSACTION_ID_HEADER,
  TRACEPARENT_HEADER,
  LOCALE_HEADER,
  TIMEOUT_HEADER,
]);

/**
 * Whether only the relay may say what stands under this name, however it is spelt, and in whichever mode: two answers to
 * "who calls" would be refused, and one of somebody else's would speak for the wrong caller.
 */
export function isRelayed(name: string): boolean {
  return RELAYED.has(name.toLowerCase());
}

/** A copy of what a message carries already, with the relay's own in the place of whatever had their names. */
export function withRelayed(own: unknown, relayed: CarriedHeaders): Record<string, unknown> {
  const others = Object.entries(own ?? {}).filter(([name]) => !isRelayed(name));
  return { ...Object.fromEntries(others), ...relayed };
}
