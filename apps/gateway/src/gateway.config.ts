import { flag, loadConfig, origin, port, revocationsUrl, secret } from '@token-relay/service-kit';
import { z } from 'zod';

export const GATEWAY_CONFIG = Symbol('gateway-config');
export type GatewayConfig = ReturnType<typeof loadGatewayConfig>;

/** `name=url` pairs, joined by commas. */
const waitFor = z
  .string()
  .default('')
  .transform((text) => text.split(',').filter((pair) => pair !== ''))
  .pipe(z.array(z.string().regex(/^[a-z-]+=https?:\/\/\S+$/, 'must be name=url pairs, joined by commas')))
  .transform((pairs) =>
    pairs.map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      return { name, url: rest.join('=') };
    }),
  );

/** @throws ConfigError */
export function loadGatewayConfig(environment: NodeJS.ProcessEnv) {
  return loadConfig(
    (mode) => ({
      PORT: port().default(3000),
      ISSUER: origin(),
      AUTH_URL: origin(),
      RESOURCE_URL: origin(),
      GATEWAY_CLIENT_SECRET: secret(mode),
      REVOCATIONS_URL: revocationsUrl(),
      JWKS_CACHE_FILE: z.string().min(1).optional(),
      DANGEROUSLY_ALLOW_HTTP: flag(),
      DEMO: flag(),
      DEMO_ACCOUNTS_FILE: z.string().min(1).optional(),
      WAIT_FOR: waitFor,
      UPSTREAM_TIMEOUT_MS: z.coerce.number('must be a number').int().min(1).max(60_000).default(10_000),
    }),
    environment,
  );
}

/** What has to be ready first: a name and the address of its readiness probe, each. */
export type Dependencies = z.infer<typeof waitFor>;
