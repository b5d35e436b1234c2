import { type ClientTlsOption, type JwksUriIssuer } from '@token-relay/jwt-guard';
import { jwksFile } from './jwks-file';
import { TOKEN_ALGORITHMS } from './token-algorithms';

export interface AuthIssuerOptions {
  readonly ISSUER: string;
  readonly AUTH_URL: string;
  readonly DANGEROUSLY_ALLOW_HTTP: boolean;
  readonly JWKS_CACHE_FILE?: string | undefined;
}

/**
 * Auth as the issuer whose tokens a service takes.
 *
 * @param audience what the service is called in them
 * @param tls what connections to auth are secured with
 */
export function authIssuer(
  config: AuthIssuerOptions,
  audience: string | readonly string[],
  tls?: ClientTlsOption,
): JwksUriIssuer {
  return {
    issuer: config.ISSUER,
    audience,
    algorithms: TOKEN_ALGORITHMS,
    jwksUri: `${config.AUTH_URL}/.well-known/jwks.json`,
    dangerouslyAllowHttp: config.DANGEROUSLY_ALLOW_HTTP,
    ...(tls && { tls }),
    ...(config.JWKS_CACHE_FILE !== undefined && { jwksCache: jwksFile(config.JWKS_CACHE_FILE) }),
  };
}
