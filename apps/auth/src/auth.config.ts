import {
  ConfigError,
  flag,
  loadConfig,
  origin,
  port,
  redisUrl,
  tlsClients,
  trustDomain,
  trustDomainOf,
} from '@token-relay/service-kit';
import { z } from 'zod';
import { fitsIntoKeySet, KEY_ALGORITHMS } from './keys/key-ring';
import { ringTimes } from './keys/ring-times';
import { SESSION_TIMES } from './store/session-store';

export const AUTH_CONFIG = Symbol('auth-config');

export type AuthConfig = ReturnType<typeof loadAuthConfig>;

const ENCRYPTION_KEY = /^[A-Za-z0-9+/_-]{43}=?$/;

/** 32 bytes in base64, for AES-256. */
const encryptionKey = () =>
  z
    .string()
    .regex(ENCRYPTION_KEY, 'must be 32 random bytes in base64')
    .refine((value) => new Set(value).size >= 10, 'is weak: generate a random one') as z.ZodType<string | undefined>;

/** Several, joined by commas. */
const encryptionKeys = () =>
  z
    .string()
    .default('')
    .transform((value) => value.split(',').filter((key) => key !== ''))
    .pipe(z.array(z.string().regex(ENCRYPTION_KEY, 'must be 32 random bytes in base64 each, joined by commas')));

const path = () => z.string().min(1);

const seconds = (most: number, least = 1) => z.coerce.number('must be a number').int().min(least).max(most);

/** What has to be known to get at auth's state. */
const state = (hasRedis: boolean) => ({
  ISSUER: origin(),
  /** How long an access token lives; no verifier takes one that lives over 15 minutes. */
  ACCESS_TOKEN_SECONDS: z.coerce.number('must be a number').int().min(1).max(900, 'must be 900 at most').default(300),
  REDIS_URL: redisUrl().optional(),
  /** What Redis' certificate is signed by. Default: `TLS_CA_FILE`. */
  REDIS_CA_FILE: path().optional(),
  /** How long a session lives without a refresh, and how long at most. Epochs are remembered for longer than that. */
  SESSION_IDLE_SECONDS: seconds(SESSION_TIMES.absoluteSeconds).default(SESSION_TIMES.idleSeconds),
  SESSION_SECONDS: seconds(SESSION_TIMES.absoluteSeconds).default(SESSION_TIMES.absoluteSeconds),
  /** What private keys are encrypted with in Redis. */
  KEY_ENCRYPTION_KEY: hasRedis ? encryptionKey() : encryptionKey().optional(),
  /** What decrypts besides: keys that KEY_ENCRYPTION_KEY was, or is about to be. */
  KEY_DECRYPTION_KEYS: encryptionKeys(),
  /** For how long verifiers may keep the published keys. */
  JWKS_MAX_AGE_SECONDS: seconds(3_600).default(60),
  /** How long a key signs before the next one does. */
  KEY_ROTATION_SECONDS: seconds(31 * 86_400, 60).default(86_400),
  /** How long after it was issued a token may still be judged, by who handles late what came with it. */
  LATE_HANDLING_SECONDS: seconds(86_400, 0).default(0),
  /** What the first key is for; another one later is a rotation. */
  SIGNING_ALGORITHM: z.enum(KEY_ALGORITHMS, `must be one of ${KEY_ALGORITHMS.join(', ')}`).default('ES256'),
});

const isGiven = (environment: NodeJS.ProcessEnv, name: string): boolean =>
  Boolean(environment[name] || environment[`${name}_FILE`]);

/** @throws ConfigError */
export function loadAuthConfig(environment: NodeJS.ProcessEnv) {
  const hasRedis = isGiven(environment, 'REDIS_URL');
  const config = loadConfig(
    (mode) => ({
      PORT: port().default(3001),
      ...state(hasRedis),
      /** Where clients reach auth's own endpoints. Default: where the issuer is. */
      AUTH_URL: origin().optional(),
      /** `aud` of transaction tokens. Default: the issuer's host name. */
      TRUST_DOMAIN: trustDomain(),
      TLS_CLIENTS: tlsClients(),
      CLIENTS_FILE: path(),
      // Without it users are in Redis, which then has to be there.
      USERS_FILE: hasRedis ? path().optional() : (path() as z.ZodType<string | undefined>),
      // A second process would know nothing of what the first has revoked: that there is one has to be said.
      SINGLE_AUTH: flag().refine(
        (single) => single || hasRedis || mode !== 'production',
        'must be 1 where there is no REDIS_URL: sessions and revocations are then in the memory of this one process',
      ),
      // It has auth sign tokens that were never issued, if only expired ones.
      DEMO: flag().refine((isDemo) => !isDemo || mode === 'development', 'is 1, which is for development only'),
    }),
    environment,
  );
  requireRoomForKeys(config);
  return { ...config, TRUST_DOMAIN: trustDomainOf(config) };
}

/**
 * What a command needs that works on auth's state itself.
 *
 * @throws ConfigError also where there is no Redis: what is in the memory of a process can't be got at
 */
export function loadStateConfig(environment: NodeJS.ProcessEnv) {
  const config = loadConfig(() => ({ ...state(true), REDIS_URL: redisUrl() }), environment);
  requireRoomForKeys(config);
  return config;
}

/** @throws ConfigError where the keys of all those tokens make a set that is larger than verifiers take */
function requireRoomForKeys(config: Parameters<typeof ringTimes>[0]): void {
  if (fitsIntoKeySet(ringTimes(config))) return;
  const reason = 'is too long for KEY_ROTATION_SECONDS: too many keys would have to be published';
  throw new ConfigError([{ name: 'LATE_HANDLING_SECONDS', reason }]);
}
