export { isTransactionId } from '../core/transaction-id';

/**
 * Carries the id of a transaction from service to service. It is a hint for logs, unsigned, and replaced at
 * the edge.
 */
export const TRANSACTION_ID_HEADER = 'x-transaction-id';
