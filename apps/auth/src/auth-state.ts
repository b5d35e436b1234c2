import { type TlsConnection } from '@token-relay/service-kit';
import { randomBytes } from 'node:crypto';
import { type AuthConfig } from './auth.config';
import { type RingEvent } from './keys/key-ring';
import { RingSeal } from './keys/ring-seal';
import { EmbeddedRingStore, RedisRingStore } from './keys/ring-store';
import { ringTimes } from './keys/ring-times';
import { SigningKeys } from './keys/signing-keys';
import { reasonOf } from './reason-of';
import { RevocationLog } from './revocation/revocation-log';
import { type OpenedStore, openStore } from './store/open-store';

/** What auth has, and shares with the other auths where it is in Redis. */
export interface AuthState extends OpenedStore {
  readonly keys: SigningKeys;
  readonly log: RevocationLog;
}

export interface StateLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

type StateConfig = Pick<
  AuthConfig,
  | 'ISSUER'
  | 'REDIS_URL'
  | 'SESSION_IDLE_SECONDS'
  | 'SESSION_SECONDS'
  | 'KEY_ENCRYPTION_KEY'
  | 'KEY_DECRYPTION_KEYS'
  | 'JWKS_MAX_AGE_SECONDS'
  | 'KEY_ROTATION_SECONDS'
  | 'LATE_HANDLING_SECONDS'
  | 'SIGNING_ALGORITHM'
>;

/**
 * @param tls what connections to Redis are secured with. Default: what Node trusts, and no certificate
 * @param mustExist whether there have to be keys already
 * @throws StartRefused when the store can't be had, or doesn't hold what it must
 */
export async function openState(
  config: StateConfig,
  log: StateLog,
  tls?: TlsConnection,
  mustExist = false,
): Promise<AuthState> {
  const opened = await openStore(config, log, tls);
  let keys: SigningKeys | undefined;
  try {
    const revocations = new RevocationLog({
      issuer: config.ISSUER,
      store: opened.store,
      // What another auth has configured counts too, once the keys tell of it.
      lateHandlingSeconds: () => keys?.keptLateSeconds ?? config.LATE_HANDLING_SECONDS,
      observer: {
        followed: ({ entries }) => log.info({ entries }, 'revocations are up to date'),
        lost: ({ reason }) => log.warn({ reason }, 'revocations can not be read'),
      },
    });
    keys = await openKeys(config, opened, revocations, log, mustExist);
    return { ...opened, keys, log: revocations };
  } catch (error) {
    opened.store.close();
    throw error;
  }
}

function openKeys(
  config: StateConfig,
  { redis }: OpenedStore,
  log: RevocationLog,
  told: StateLog,
  mustExist: boolean,
): Promise<SigningKeys> {
  // In memory it is encrypted all the same, by a key that nobody else has: there is one way.
  const encryptionKey = config.KEY_ENCRYPTION_KEY ?? randomBytes(32).toString('base64');
  return SigningKeys.open({
    store: redis ? new RedisRingStore(redis) : new EmbeddedRingStore(),
    seal: new RingSeal(encryptionKey, config.KEY_DECRYPTION_KEYS),
    algorithm: config.SIGNING_ALGORITHM,
    mustExist,
    times: ringTimes(config),
    publish: async ({ version, compromised }) => {
      for (const kid of compromised) await log.publish({ kind: 'kid', value: kid });
      await log.publish({ kind: 'keys', version });
    },
    isRevoked: (kid) => log.isKeyRevoked(config.ISSUER, kid),
    onEvent: (event: RingEvent) => told[event.what === 'compromised' ? 'warn' : 'info'](event, 'keys'),
    onLongerLateHandling: (seconds) => {
      const counts = { configured: config.LATE_HANDLING_SECONDS, counts: seconds };
      told.warn(counts, 'another auth has a longer LATE_HANDLING_SECONDS, which counts for all of them');
    },
    onTrouble: (error) => told.warn({ reason: reasonOf(error) }, 'the signing keys can not be looked at'),
  });
}
