import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { WatchedFile } from '../watched-file';
import { type ClientKey } from './client-keys';
import { type Client, type NativeClient, parseClientsFile, type RegisteredClient } from './clients-file';

export { type Client, type NativeClient } from './clients-file';

const MIN_SECRET_BYTES = 32;
/** What no secret has as its digest, as far as anybody can find out. */
const NO_SECRET = randomBytes(32);

/** The clients of `CLIENTS_FILE`, which is read again when it changes: a secret is changed without a restart. */
@Injectable()
export class ClientRegistry implements OnModuleInit, OnApplicationShutdown {
  readonly #file: WatchedFile<ReadonlyMap<string, RegisteredClient>>;
  readonly #logger = new Logger(ClientRegistry.name);

  /** @throws StartRefused when the file can't be read, isn't as it must be, or isn't for this mode */
  constructor(@Inject(AUTH_CONFIG) { CLIENTS_FILE, NODE_ENV }: Pick<AuthConfig, 'CLIENTS_FILE' | 'NODE_ENV'>) {
    this.#file = new WatchedFile({
      name: 'CLIENTS_FILE',
      path: CLIENTS_FILE,
      parse: (text) => parseClientsFile(text, NODE_ENV),
    });
  }

  onModuleInit(): void {
    this.#file.watch({
      changed: () => this.#logger.warn('CLIENTS_FILE has changed: it counts from now on'),
      refused: (reason) => this.#logger.error(`${reason}: the clients stay what they were`),
    });
  }

  onApplicationShutdown(): Promise<void> {
    return this.#file.close();
  }

  /** The native client of this id. It has no secret: that it is the one who asks isn't shown by anything. */
  native(id: string): NativeClient | undefined {
    const client = this.#file.content.get(id)?.client;
    return client?.type === 'native' ? client : undefined;
  }

  /** The service of this id, with its keys, if it is one that authenticates by what it signs. */
  withKeys(id: string): { readonly client: Client; readonly keys: readonly ClientKey[] } | undefined {
    const { client, keys = [] } = this.#file.content.get(id) ?? {};
    return client?.type === 'service' && keys.length > 0 ? { client, keys } : undefined;
  }

  /**
   * The service whose secret this is. It takes as long whether there is such a client or not, with one secret, two or
   * none.
   */
  authenticate(id: string, secret: string): Client | undefined {
    const registered = this.#file.content.get(id);
    // Of equal length whatever the secret's: what is compared tells nothing about it.
    const presented = createHash('sha256').update(secret).digest();
    const [first = NO_SECRET, second = NO_SECRET] = registered?.secrets ?? [];
    const matches = [first, second].map((expected) => timingSafeEqual(expected, presented));
    // Only digests are registered, so that how long a secret is shows when it is presented.
    const strong = Buffer.byteLength(secret) >= MIN_SECRET_BYTES;
    const client = matches.includes(true) && strong ? registered?.client : undefined;
    return client?.type === 'service' ? client : undefined;
  }
}
