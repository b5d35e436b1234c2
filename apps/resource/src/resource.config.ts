import { flag, loadConfig, origin, port, revocationsUrl, rpcAddress, secret } from '@token-relay/service-kit';

export type ResourceConfig = ReturnType<typeof loadResourceConfig>;

/** @throws ConfigError */
export function loadResourceConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3002),
      ISSUER: origin(),
      AUTH_URL: origin(),
      AUDIT_URL: rpcAddress(),
      RESOURCE_CLIENT_SECRET: secret(mode),
      REVOCATIONS_URL: revocationsUrl(),
      DANGEROUSLY_ALLOW_HTTP: flag(),
    }),
    environment,
  );
}
