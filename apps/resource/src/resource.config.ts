import {
  authOrigin,
  flag,
  loadConfig,
  origin,
  port,
  relayMode,
  revocationsUrl,
  rpcAddress,
  secret,
  trustDomain,
} from '@token-relay/service-kit';
import { z } from 'zod';

export type ResourceConfig = ReturnType<typeof loadResourceConfig>;

/** @throws ConfigError */
export function loadResourceConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3002),
      ISSUER: origin(),
      AUTH_URL: authOrigin(environment),
      AUDIT_URL: rpcAddress(),
      RESOURCE_CLIENT_SECRET: secret(mode),
      REVOCATIONS_URL: revocationsUrl(),
      JWKS_CACHE_FILE: z.string().min(1).optional(),
      DANGEROUSLY_ALLOW_HTTP: flag(),
      TRUST_DOMAIN: trustDomain(),
      ...relayMode(mode, environment),
    }),
    environment,
  );
}
