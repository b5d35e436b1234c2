import { explainCalls, loadConfig, port, redisUrl, secret, tlsClients, verifierConfig } from '@token-relay/service-kit';

export type AuditConfig = ReturnType<typeof loadAuditConfig>;

/** @throws ConfigError */
export function loadAuditConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3003),
      RPC_PORT: port().default(4003),
      /** The Redis that all its replicas share. */
      RECORDS_URL: redisUrl().optional(),
      AUDIT_CLIENT_SECRET: secret(mode),
      TLS_CLIENTS: tlsClients(),
      EXPLAIN_CALLS: explainCalls(mode),
      ...verifierConfig(mode, environment),
    }),
    environment,
  );
}
