import { flag, loadConfig, origin, port, secret, trustDomainOf, verifierConfig } from '@token-relay/service-kit';
import { isIP } from 'node:net';
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

/** IP addresses and networks, joined by commas. */
const trustedProxies = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((network) => network.trim())
      .filter((network) => network !== ''),
  )
  .pipe(
    z.array(
      z
        .string()
        .refine(isNetwork, 'must be IP addresses and networks (CIDR), joined by commas')
        .refine((network) => !/\/0+$/.test(network), 'must not name everybody (/0): anybody can write X-Forwarded-For'),
    ),
  );

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** As `flag`, where it matters whether anybody has said so. */
const choice = () =>
  z
    .enum(['0', '1'], 'must be 0 or 1')
    .optional()
    .transform((value) => (value === undefined ? undefined : value === '1'));

/** @throws ConfigError */
export function loadGatewayConfig(environment: NodeJS.ProcessEnv) {
  const hasTable = Boolean(environment.ROUTES_FILE);
  const config = loadConfig(
    (mode) => ({
      PORT: port().default(3000),
      // A table may say itself where all its destinations are.
      RESOURCE_URL: hasTable ? origin().optional() : (origin() as z.ZodType<string | undefined>),
      ROUTES_FILE: z.string().min(1).optional(),
      ...verifierConfig(mode, environment),
      GATEWAY_CLIENT_SECRET: secret(mode),
      DEMO: flag(),
      DEMO_ACCOUNTS_FILE: z.string().min(1).optional(),
      /** Without it the console is on where there is a demo, and off elsewhere (`hasConsole`). */
      CONSOLE: choice(),
      WAIT_FOR: waitFor,
      TRUSTED_PROXIES: trustedProxies,
      UPSTREAM_TIMEOUT_MS: z.coerce.number('must be a number').int().min(1).max(60_000).default(10_000),
    }),
    environment,
  );
  return { ...config, TRUST_DOMAIN: trustDomainOf(config) };
}

/** What has to be ready first: a name and the address of its readiness probe, each. */
export type Dependencies = z.infer<typeof waitFor>;
