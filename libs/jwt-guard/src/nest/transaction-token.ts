/** Carries a transaction token, beside the access token of the service that calls. */
export const TRANSACTION_TOKEN_HEADER = 'txn-token';
