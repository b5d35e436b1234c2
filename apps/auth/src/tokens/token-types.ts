/** Identifiers of token types (RFC 8693, section 3; transaction tokens: draft-ietf-oauth-transaction-tokens). */
const type = <Name extends string>(name: Name) => `urn:ietf:params:oauth:token-type:${name}` as const;

export const ACCESS_TOKEN = type('access_token');
export const TRANSACTION_TOKEN = type('txn_token');
export const SELF_SIGNED = type('self_signed');
export const UNSIGNED_JSON = type('unsigned_json');
