import { randomBytes } from 'node:crypto';
import { issueCertificate, makeAuthority, namesOf } from './certificates';
import { clientsFile } from './clients-file';
import { makeDemoAccounts } from './demo-accounts';
import { type Place } from './place/place';
import { passwordIn, redisUrl, redisUsers } from './redis-users';
import { Refused } from './refused';
import { requireMendable } from './require-mendable';
import {
  authSecret,
  CA,
  certificateOf,
  CLIENTS,
  clientSecretOf,
  type Contents,
  DEMO_ACCOUNTS,
  redisUrlOf,
  type Secret,
  SERVERS,
  usersOf,
} from './secrets';
import { AUTH, hasSecretOfItsOwn, RECORDS, REDIS, type Store, STORES } from './stores';

export interface System {
  /** What Kubernetes calls services by, in certificates. */
  readonly namespace: string;
  /** Whether it has a CA of its own; otherwise somebody else makes the certificates. */
  readonly hasAuthority: boolean;
  /** Whether auth's Redis is one of ours; otherwise somebody else says where it is. */
  readonly hasRedis: boolean;
  /** The same of the Redis that holds the services' records. */
  readonly hasRecords: boolean;
  readonly hasDemoAccounts: boolean;
}

/** Those reached through a forwarded port, or from inside their own pod. */
const LOCAL_SERVERS = ['gateway', ...STORES.map(({ name }) => name)];

/**
 * Makes what is missing so that it fits what is there, which it never changes. May be interrupted, and run again, at any
 * point, and several may run at once: what is made of another secret is made of the one that is there in the end.
 *
 * @param tell is given a line for each secret: `made <name>` or `kept <name>`
 * @throws Refused before anything is made, where what is missing can't be made to fit, or something is incomplete
 */
export async function makeSecrets(place: Place, system: System, tell: (line: string) => void): Promise<void> {
  const now = new Date();
  const found = await findAll(place, secretsOf(system));
  requireMendable(new Set(found.keys()));

  const ensure = async <Key extends string>(
    secret: Secret<Key>,
    make: () => Contents<Key> | Promise<Contents<Key>>,
  ): Promise<Contents<Key>> => {
    if (!found.has(secret.name)) {
      const contents = await make();
      if (await place.create(secret, contents)) {
        tell(`made ${secret.name}`);
        return contents;
      }
      found.set(secret.name, whole(secret, await place.read(secret)));
    }
    tell(`kept ${secret.name}`);
    return found.get(secret.name) as Contents<Key>;
  };

  if (system.hasAuthority) {
    const authority = await ensure(CA, () => makeAuthority(now));
    for (const server of SERVERS) {
      const names = namesOf(server, system.namespace, LOCAL_SERVERS.includes(server));
      await ensure(certificateOf(server), () => issueCertificate(authority, names, now));
    }
  }

  const clientSecrets = new Map<string, string>();
  for (const client of CLIENTS) {
    const made = await ensure(clientSecretOf(client), () => ({ 'client-secret': randomText() }));
    clientSecrets.set(client, made['client-secret']);
  }
  const auth = await ensure<string>(authSecret(system.hasRedis), () => ({
    'key-encryption-key': randomBytes(32).toString('base64'),
    'clients.json': clientsFile(clientSecrets, system.hasDemoAccounts),
    ...(system.hasRedis && { 'redis-url': redisUrl(REDIS, AUTH, randomText()) }),
  }));

  const redisUrls = new Map([[AUTH.secret, auth['redis-url'] ?? '']]);
  for (const store of storesOf(system)) {
    for (const user of store.users.filter(hasSecretOfItsOwn)) {
      const made = await ensure(redisUrlOf(user), () => ({ 'redis-url': redisUrl(store, user, randomText()) }));
      redisUrls.set(user.secret, made['redis-url']);
    }
    await ensure(usersOf(store), () => ({
      'users.acl': redisUsers(store, (user) => passwordIn(user, redisUrls.get(user.secret) ?? '')),
    }));
  }

  if (system.hasDemoAccounts) await ensure(DEMO_ACCOUNTS, makeDemoAccounts);
}

/** In the order in which they are made: each after those that it is made of. */
export function secretsOf(system: System): Secret[] {
  return [
    ...(system.hasAuthority ? [CA, ...SERVERS.map(certificateOf)] : []),
    ...CLIENTS.map(clientSecretOf),
    authSecret(system.hasRedis),
    ...storesOf(system).flatMap((store) => [...store.users.filter(hasSecretOfItsOwn).map(redisUrlOf), usersOf(store)]),
    ...(system.hasDemoAccounts ? [DEMO_ACCOUNTS] : []),
  ];
}

function storesOf({ hasRedis, hasRecords }: System): Store[] {
  return [...(hasRedis ? [REDIS] : []), ...(hasRecords ? [RECORDS] : [])];
}

/** The last first: where one is there that somebody makes at this moment, so is what it is made of. */
async function findAll(place: Place, secrets: readonly Secret[]): Promise<Map<string, Contents>> {
  const found = new Map<string, Contents>();
  for (const secret of secrets.toReversed()) {
    const contents = await place.read(secret);
    if (contents) found.set(secret.name, whole(secret, contents));
  }
  return found;
}

/** @throws Refused */
function whole({ name, keys }: Secret, contents: Partial<Contents> | undefined): Contents {
  if (!contents) throw new Refused(`${name} was there a moment ago, and is gone: run this again`);
  const missing = keys.filter((key) => !contents[key]?.trim());
  if (missing.length > 0)
    throw new Refused(`${name} is there, but lacks ${missing.join(', ')}: add that, or delete it as a whole`);
  return contents as Contents;
}

/** 32 random bytes, in letters that need no escaping anywhere. */
function randomText(): string {
  return randomBytes(32).toString('base64url');
}
