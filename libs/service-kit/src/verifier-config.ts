import { z } from 'zod';
import { authOrigin, flag, type Mode, origin } from './config';
import { revocationsUrl } from './revocations';

/** What every service is told that verifies auth's tokens, and calls others on behalf of whoever they are for. */
export const verifierConfig = (mode: Mode, environment: NodeJS.ProcessEnv) => ({
  ISSUER: origin(),
  AUTH_URL: authOrigin(environment),
  REVOCATIONS_URL: revocationsUrl(),
  JWKS_CACHE_FILE: z.string().min(1).optional(),
  REDIS_CA_FILE: z.string().min(1).optional(),
  DANGEROUSLY_ALLOW_HTTP: flag(),
  TRUST_DOMAIN: trustDomain(),
  ...relayMode(mode, environment),
});

/** How users' calls are passed on: the modes of a relay contract that have a caller in them. */
const RELAY_MODES = Object.freeze(['exchange', 'transaction', 'forward'] as const);

/**
 * `RELAY_MODE`, with what it takes to forward users' tokens: whoever has got into one service can then be every user at
 * every other.
 */
function relayMode(mode: Mode, environment: NodeJS.ProcessEnv) {
  return {
    RELAY_MODE: z
      .enum(RELAY_MODES, `must be one of ${RELAY_MODES.join(', ')}`)
      .default('exchange')
      .refine(
        (value) => value !== 'forward' || mode === 'development' || environment.DANGEROUSLY_FORWARD === '1',
        'is forward, which hands users’ tokens from service to service: outside development that needs DANGEROUSLY_FORWARD=1',
      ),
    DANGEROUSLY_FORWARD: flag(),
  };
}

/** `TRUST_DOMAIN`: the `aud` of transaction tokens, a name that stays the same, and not an address. */
export function trustDomain() {
  return z
    .string()
    .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,253}$/, 'must be of 1 to 253 visible characters, without quotes')
    .optional();
}

/** What the trust domain is called where nobody has said: as the issuer's host. */
export function trustDomainOf({ TRUST_DOMAIN, ISSUER }: { TRUST_DOMAIN?: string | undefined; ISSUER: string }): string {
  return TRUST_DOMAIN ?? new URL(ISSUER).hostname;
}
