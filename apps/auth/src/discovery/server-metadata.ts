import { type AuthConfig } from '../auth.config';
import { GRANT_TYPE_CLIENT_CREDENTIALS } from '../tokens/client-credentials';
import { GRANT_TYPE_REFRESH_TOKEN } from '../tokens/refresh-grant';
import { GRANT_TYPE_TOKEN_EXCHANGE } from '../tokens/token-exchange';

/** Services. */
const WITH_SECRET = 'client_secret_basic';
/** Native clients: they have none. */
const WITHOUT_SECRET = 'none';

/**
 * What clients have to know of auth (RFC 8414, section 2). Without an authorization endpoint there are no response
 * types, and a list without an element is left out (section 3.2).
 */
export interface ServerMetadata {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly token_endpoint: string;
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly revocation_endpoint: string;
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly introspection_endpoint: string;
  readonly introspection_endpoint_auth_methods_supported: readonly string[];
}

export function serverMetadata({ ISSUER, AUTH_URL = ISSUER }: Pick<AuthConfig, 'ISSUER' | 'AUTH_URL'>): ServerMetadata {
  return {
    issuer: ISSUER,
    jwks_uri: `${ISSUER}/.well-known/jwks.json`,
    token_endpoint: `${AUTH_URL}/oauth/token`,
    token_endpoint_auth_methods_supported: [WITH_SECRET, WITHOUT_SECRET],
    grant_types_supported: [GRANT_TYPE_TOKEN_EXCHANGE, GRANT_TYPE_REFRESH_TOKEN, GRANT_TYPE_CLIENT_CREDENTIALS],
    revocation_endpoint: `${AUTH_URL}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: [WITH_SECRET, WITHOUT_SECRET],
    introspection_endpoint: `${AUTH_URL}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: [WITH_SECRET],
  };
}
