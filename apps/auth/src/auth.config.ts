import { flag, loadConfig, origin, port } from '@token-relay/service-kit';
import { z } from 'zod';

export const AUTH_CONFIG = Symbol('auth-config');

export type AuthConfig = ReturnType<typeof loadAuthConfig>;

/** One Redis; or some nodes of a cluster, joined by commas. */
export const redisUrl = () =>
  z
    .string()
    .refine(
      (value) => value.split(',').every((node) => /^rediss?:\/\/./.test(node.trim()) && URL.canParse(node.trim())),
      'must be a redis:// or rediss:// URL, or several joined by commas',
    );

/** 32 bytes in base64, for AES-256. */
const encryptionKey = () =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be 32 random bytes in base64')
    .refine((value) => new Set(value).size >= 10, 'is weak: generate a random one') as z.ZodType<string | undefined>;

const path = () => z.string().min(1);

/** @throws ConfigError */
export function loadAuthConfig(environment: NodeJS.ProcessEnv) {
  const isGiven = (name: string): boolean => Boolean(environment[name] || environment[`${name}_FILE`]);
  const hasRedis = isGiven('REDIS_URL');
  return loadConfig(
    (mode) => ({
      PORT: port().default(3001),
      ISSUER: origin(),
      /** How long an access token lives; no verifier takes one that lives over 15 minutes. */
      ACCESS_TOKEN_SECONDS: z.coerce
        .number('must be a number')
        .int()
        .min(1)
        .max(900, 'must be 900 at most')
        .default(300),
      CLIENTS_FILE: path(),
      // Without it users are in Redis, which then has to be there.
      USERS_FILE: hasRedis ? path().optional() : (path() as z.ZodType<string | undefined>),
      REDIS_URL: redisUrl().optional(),
      /** What private keys are encrypted with in Redis. */
      KEY_ENCRYPTION_KEY: hasRedis ? encryptionKey() : encryptionKey().optional(),
      // A second process would know nothing of what the first has revoked: that there is one has to be said.
      SINGLE_AUTH: flag().refine(
        (single) => single || hasRedis || mode !== 'production',
        'must be 1 where there is no REDIS_URL: sessions and revocations are then in the memory of this one process',
      ),
    }),
    environment,
  );
}
