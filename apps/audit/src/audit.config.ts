import { flag, loadConfig, origin, port, revocationsUrl, secret } from '@token-relay/service-kit';

export type AuditConfig = ReturnType<typeof loadAuditConfig>;

/** @throws ConfigError */
export function loadAuditConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3003),
      RPC_PORT: port().default(4003),
      ISSUER: origin(),
      AUTH_URL: origin(),
      AUDIT_CLIENT_SECRET: secret(mode),
      REVOCATIONS_URL: revocationsUrl(),
      DANGEROUSLY_ALLOW_HTTP: flag(),
    }),
    environment,
  );
}
