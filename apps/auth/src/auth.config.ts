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
      USERS_FILE: z.string().min(1),
      GATEWAY_CLIENT_SECRET: secret(mode),
      RESOURCE_CLIENT_SECRET: secret(mode),
    }),
    environment,
  );
}
