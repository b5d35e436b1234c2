import policies from './policies.json';
import { type Store, STORES, type StoreUser } from './stores';

/** A Kubernetes Secret, or a directory, by the names of which everything else mounts it. */
export interface Secret<Key extends string = string> {
  readonly name: string;
  readonly keys: readonly Key[];
  /** Of the Kubernetes Secret; `Opaque` by default. */
  readonly type?: 'kubernetes.io/tls';
  /** Whether, as files, its group may read it as well: Redis isn't who the services are. */
  readonly forGroup?: boolean;
}

/** What is in one, by its keys. */
export type Contents<Key extends string = string> = Readonly<Record<Key, string>>;

export const CA = { name: 'ca', keys: ['ca.crt', 'ca.key'] } as const satisfies Secret;

/** Everything that has a certificate, which says so. */
export const SERVERS = [...policies.services.map(({ id }) => id), 'auth', ...STORES.map(({ name }) => name)];

export const certificateOf = (server: string) =>
  ({
    name: `${server}-tls`,
    keys: ['tls.crt', 'tls.key', 'ca.crt'],
    type: 'kubernetes.io/tls',
    forGroup: STORES.some(({ name }) => name === server),
  }) as const satisfies Secret;

export const CLIENTS = policies.services.map(({ id }) => id);

export const clientSecretOf = (client: string) =>
  ({ name: `${client}-client`, keys: ['client-secret'] }) as const satisfies Secret;

/** `redis-url` is there where Redis is one of ours. */
export const authSecret = (hasRedis: boolean) =>
  ({
    name: 'auth',
    keys: ['key-encryption-key', 'clients.json', ...(hasRedis ? (['redis-url'] as const) : [])],
  }) satisfies Secret;

export const redisUrlOf = ({ secret }: StoreUser) => ({ name: secret, keys: ['redis-url'] }) as const satisfies Secret;

export const usersOf = ({ name }: Store) => ({ name, keys: ['users.acl'], forGroup: true }) as const satisfies Secret;

export const DEMO_ACCOUNTS = { name: 'demo-accounts', keys: ['users.json', 'accounts.json'] } as const satisfies Secret;
