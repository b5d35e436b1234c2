import { loadConfig, origin, port, secret } from '@token-relay/service-kit';
import { z } from 'zod';

export const AUTH_CONFIG = Symbol('auth-config');

export type AuthConfig = ReturnType<typeof loadAuthConfig>;

/** @throws ConfigError */
export function loadAuthConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3001),
      ISSUER: origin(),
      /** How long an access token lives; no verifier takes one that lives over 15 minutes. */
      ACCESS_TOKEN_SECONDS: z.coerce
        .number('must be a number')
        .int()
        .min(1)
        .max(900, 'must be 900 at most')
        .default(300),
      USERS_FILE: z.string().min(1),
      GATEWAY_CLIENT_SECRET: secret(mode),
      RESOURCE_CLIENT_SECRET: secret(mode),
    }),
    environment,
  );
}
