import {
  explainCalls,
  loadConfig,
  port,
  redisUrl,
  rpcAddress,
  secret,
  tlsClients,
  verifierConfig,
} from '@token-relay/service-kit';

export type ResourceConfig = ReturnType<typeof loadResourceConfig>;

/** @throws ConfigError */
export function loadResourceConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3002),
      AUDIT_URL: rpcAddress(environment),
      /** The Redis that all its replicas share. */
      RECORDS_URL: redisUrl().optional(),
      RESOURCE_CLIENT_SECRET: secret(mode),
      TLS_CLIENTS: tlsClients(),
      EXPLAIN_CALLS: explainCalls(mode),
      ...verifierConfig(mode, environment),
    }),
    environment,
  );
}
