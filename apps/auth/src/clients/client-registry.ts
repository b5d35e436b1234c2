import { Inject, Injectable } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';

/** A service that may exchange tokens, and for whom. Its id is the audience that it has itself. */
export interface Client {
  readonly id: string;
  /** Which scopes it may ask for, by audience. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
}

const DOCUMENT_SCOPES = ['documents:read', 'documents:write'];

const CLIENTS: readonly Client[] = [
  { id: 'gateway', targets: { resource: [...DOCUMENT_SCOPES, 'audit:read'] } },
  { id: 'resource', targets: { audit: [...DOCUMENT_SCOPES, 'audit:read'] } },
];

@Injectable()
export class ClientRegistry {
  readonly clients = CLIENTS;
  readonly #secretHashes: ReadonlyMap<string, Buffer>;

  constructor(@Inject(AUTH_CONFIG) config: Pick<AuthConfig, 'GATEWAY_CLIENT_SECRET' | 'RESOURCE_CLIENT_SECRET'>) {
    this.#secretHashes = new Map([
      ['gateway', digest(config.GATEWAY_CLIENT_SECRET)],
      ['resource', digest(config.RESOURCE_CLIENT_SECRET)],
    ]);
  }

  /** The client whose secret this is; takes as long for one that there isn't. */
  authenticate(id: string, secret: string): Client | undefined {
    const expected = this.#secretHashes.get(id) ?? NOBODY;
    const matches = timingSafeEqual(expected, digest(secret));
    return matches ? this.clients.find((client) => client.id === id) : undefined;
  }
}

/** Of equal length whatever the secret's: what is compared tells nothing about it. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

const NOBODY = Buffer.alloc(32);
