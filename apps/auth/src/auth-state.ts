import { StartRefused } from '@token-relay/service-kit';
import { type AuthConfig } from './auth.config';
import { generateSigningKey, type SigningKey } from './keys/signing-key';
import { StoredSigningKey } from './keys/stored-signing-key';
import { RevocationLog } from './revocation/revocation-log';
import { type OpenedStore, openStore } from './store/open-store';

/** What auth has, and shares with the other auths where it is in Redis. */
export interface AuthState extends OpenedStore {
  readonly key: SigningKey;
  readonly log: RevocationLog;
}

interface StateLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  fatal(details: object, message: string): void;
}

/** @throws StartRefused when the store can't be had, or doesn't hold what it must */
export async function openState(
  config: Pick<AuthConfig, 'ISSUER' | 'REDIS_URL' | 'KEY_ENCRYPTION_KEY'>,
  log: StateLog,
): Promise<AuthState> {
  const { store, redis } = await openStore(config, log);
  try {
    const { key, restore } = redis ? await storedKey(redis, config.KEY_ENCRYPTION_KEY, log) : await ownKey();
    const observer = {
      followed: ({ entries }: { entries: number }) => log.info({ entries }, 'revocations are up to date'),
      lost: ({ reason }: { reason: string }) => log.warn({ reason }, 'revocations can not be read'),
    };
    const options = { issuer: config.ISSUER, store, observer, onRestored: restore };
    return { store, redis, key, log: new RevocationLog(options) };
  } catch (error) {
    store.close();
    throw error;
  }
}

async function ownKey() {
  return { key: await generateSigningKey(), restore: () => Promise.resolve() };
}

async function storedKey(
  redis: NonNullable<OpenedStore['redis']>,
  keyEncryptionKey: string | undefined,
  log: StateLog,
) {
  if (keyEncryptionKey === undefined) throw new StartRefused('KEY_ENCRYPTION_KEY: is missing');
  const stored = new StoredSigningKey(redis, keyEncryptionKey);
  const { key, sealed } = await stored.load();
  const restore = async (): Promise<void> => {
    log.warn({}, 'the store has lost what it held: what is known here was written back');
    if (await stored.restore(sealed)) return;
    // Another auth has started on the empty store. Two keys at once would be two issuers.
    log.fatal({}, 'another signing key is in the store: ending, to start again with that one');
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  };
  return { key, restore };
}
