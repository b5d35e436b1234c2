import { Refused } from './refused';
import { authSecret, CA, certificateOf, CLIENTS, clientSecretOf, redisUrlOf, SERVERS, usersOf } from './secrets';
import { hasSecretOfItsOwn, REDIS, type Store, STORES } from './stores';

const AUTH = authSecret(true);

const urlsOf = (store: Store) => store.users.filter(hasSecretOfItsOwn).map(redisUrlOf);

/**
 * Of some secrets there are only digests elsewhere, or signatures: another one in its place would fit nothing.
 *
 * @param found the names of those that are there
 * @throws Refused with what to do, once for all that is wrong
 */
export function requireMendable(found: ReadonlySet<string>): void {
  const has = ({ name }: { readonly name: string }): boolean => found.has(name);
  const problems: string[] = [];

  const certificates = SERVERS.map(certificateOf).filter(has);
  if (!has(CA) && certificates.length > 0) {
    problems.push(
      `ca is missing, which signed ${namesOf(certificates)}: restore it, or delete these as well, and replace all at once`,
    );
  }
  const clients = CLIENTS.map(clientSecretOf).filter((secret) => !has(secret));
  if (has(AUTH) && clients.length > 0) {
    problems.push(
      `${namesOf(clients)} missing, while clients.json in auth has a digest of what was there: restore that, or write ` +
        'a new secret there, and its digest into clients.json',
    );
  }
  const redis = [...urlsOf(REDIS), usersOf(REDIS)].filter(has);
  if (!has(AUTH) && redis.length > 0) {
    problems.push(
      `auth is missing, while ${namesOf(redis)} hold passwords that were made with it, and Redis holds what its key ` +
        'encrypted: restore it, or delete these as well, and the ring of keys in Redis',
    );
  }
  for (const store of STORES.filter((one) => has(usersOf(one)))) {
    const urls = urlsOf(store).filter((secret) => !has(secret));
    if (urls.length === 0) continue;
    problems.push(
      `${namesOf(urls)} missing, while ${store.name} has a digest of the password: restore that, or delete ` +
        `${store.name} as well, and restart that Redis`,
    );
  }
  if (problems.length > 0) throw new Refused(`${problems.join('; ')} (docs/bootstrap.md)`);
}

function namesOf(secrets: readonly { readonly name: string }[]): string {
  return secrets.map(({ name }) => name).join(', ');
}
