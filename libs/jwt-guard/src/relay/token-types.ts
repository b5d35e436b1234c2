/** What is asked of the issuer, and what a token is (RFC 8693, sections 2.1 and 3; draft-ietf-oauth-transaction-tokens). */
export const TOKEN_EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
export const TRANSACTION_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:txn_token';
