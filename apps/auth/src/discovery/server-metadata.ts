import { type AuthConfig } from '../auth.config';
import { CLIENT_ALGORITHMS } from '../clients/client-keys';
import { GRANT_TYPE_CLIENT_CREDENTIALS } from '../tokens/client-credentials';
import { GRANT_TYPE_REFRESH_TOKEN } from '../tokens/refresh-grant';
import { GRANT_TYPE_TOKEN_EXCHANGE } from '../tokens/token-exchange';
import { ACCESS_TOKEN, TRANSACTION_TOKEN } from '../tokens/token-types';

/** Services, with a secret or with a key. */
const WITH_SECRET = 'client_secret_basic';
const WITH_KEY = 'private_key_jwt';
/** Native clients: they have neither. */
const WITH_NEITHER = 'none';

/**
 * What clients have to know of auth (RFC 8414, section 2). Without an authorization endpoint there are no response
 * types, and a list without an element is left out (section 3.2). The last four members no RFC has a name for.
 */
export interface ServerMetadata {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly token_endpoint: string;
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly revocation_endpoint: string;
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly introspection_endpoint: string;
  readonly introspection_endpoint_auth_methods_supported: readonly string[];
  readonly introspection_endpoint_auth_signing_alg_values_supported: readonly string[];
  /** What can be exchanged, and for what. */
  readonly subject_token_types_supported: readonly string[];
  readonly requested_token_types_supported: readonly string[];
  /** The audience of transaction tokens. */
  readonly trust_domain: string;
  /** How long after it was issued a token may be judged late: keys and revocations are kept for it. Absent for never. */
  readonly late_handling_seconds?: number;
}

export type MetadataConfig = Pick<AuthConfig, 'ISSUER' | 'AUTH_URL' | 'TRUST_DOMAIN'>;

/** @param late how long after it was issued a token may be judged, in seconds */
export function serverMetadata(
  { ISSUER, AUTH_URL = ISSUER, TRUST_DOMAIN }: MetadataConfig,
  late: number,
): ServerMetadata {
  return {
    issuer: ISSUER,
    jwks_uri: `${ISSUER}/.well-known/jwks.json`,
    token_endpoint: `${AUTH_URL}/oauth/token`,
    token_endpoint_auth_methods_supported: [WITH_SECRET, WITH_KEY, WITH_NEITHER],
    token_endpoint_auth_signing_alg_values_supported: CLIENT_ALGORITHMS,
    grant_types_supported: [GRANT_TYPE_TOKEN_EXCHANGE, GRANT_TYPE_REFRESH_TOKEN, GRANT_TYPE_CLIENT_CREDENTIALS],
    revocation_endpoint: `${AUTH_URL}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: [WITH_SECRET, WITH_KEY, WITH_NEITHER],
    revocation_endpoint_auth_signing_alg_values_supported: CLIENT_ALGORITHMS,
    introspection_endpoint: `${AUTH_URL}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: [WITH_SECRET, WITH_KEY],
    introspection_endpoint_auth_signing_alg_values_supported: CLIENT_ALGORITHMS,
    subject_token_types_supported: [ACCESS_TOKEN],
    requested_token_types_supported: [ACCESS_TOKEN, TRANSACTION_TOKEN],
    trust_domain: TRUST_DOMAIN,
    ...(late > 0 && { late_handling_seconds: late }),
  };
}
