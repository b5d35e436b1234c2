import { loadConfig, port, rpcAddress, secret, verifierConfig } from '@token-relay/service-kit';

export type ResourceConfig = ReturnType<typeof loadResourceConfig>;

/** @throws ConfigError */
export function loadResourceConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3002),
      AUDIT_URL: rpcAddress(),
      RESOURCE_CLIENT_SECRET: secret(mode),
      ...verifierConfig(mode, environment),
    }),
    environment,
  );
}
