import {
  authOrigin,
  flag,
  loadConfig,
  origin,
  port,
  relayMode,
  revocationsUrl,
  secret,
  trustDomain,
} from '@token-relay/service-kit';
import { z } from 'zod';

export type AuditConfig = ReturnType<typeof loadAuditConfig>;

/** @throws ConfigError */
export function loadAuditConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3003),
      RPC_PORT: port().default(4003),
      ISSUER: origin(),
      AUTH_URL: authOrigin(environment),
      AUDIT_CLIENT_SECRET: secret(mode),
      REVOCATIONS_URL: revocationsUrl(),
      JWKS_CACHE_FILE: z.string().min(1).optional(),
      DANGEROUSLY_ALLOW_HTTP: flag(),
      TRUST_DOMAIN: trustDomain(),
      ...relayMode(mode, environment),
    }),
    environment,
  );
}
