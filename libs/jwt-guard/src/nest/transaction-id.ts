/**
 * Carries the id of a transaction from service to service. It is a hint for logs, unsigned, and replaced at
 * the edge.
 */
export const TRANSACTION_ID_HEADER = 'x-transaction-id';

/** What an id from another service may look like: nothing that could break a log line or a header. */
export function isTransactionId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{8,64}$/.test(value);
}
