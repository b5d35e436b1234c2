import { type User } from './user-record';

type Users = ReadonlyMap<string, User>;

/**
 * How far back a change may lie that a process has to make sure of when it starts: longer than any access token
 * lives, with time for whoever starts it.
 */
const NOT_LONG_AGO_SECONDS = 20 * 60;

/** At the start: whose tokens an earlier process may not have revoked any more. */
export function stillToRevoke(users: Users, now: number): string[] {
  return [...users.values()].filter((user) => isRevoked(user, now)).map(({ sub }) => sub);
}

/**
 * Who has lost something from one reading to the next. Somebody who has not changed isn't among them, however short
 * ago that was: a change of one user must not log out the others once more.
 */
export function toRevoke(before: Users, after: Users, now: number): string[] {
  const known = bySub(before);
  const current = bySub(after);
  const gone = [...known.keys()].filter((sub) => !current.has(sub));
  const changed = [...current.values()].filter((user) => {
    const earlier = known.get(user.sub);
    return earlier ? hasLost(earlier, user) : isRevoked(user, now);
  });
  return [...gone, ...changed.map(({ sub }) => sub)];
}

function hasLost(before: User, after: User): boolean {
  return (
    (after.disabled === true && before.disabled !== true) ||
    after.passwordHash !== before.passwordHash ||
    (after.revokedAt !== undefined && after.revokedAt !== before.revokedAt)
  );
}

function isRevoked({ disabled, revokedAt = 0 }: User, now: number): boolean {
  return disabled === true || revokedAt > now - NOT_LONG_AGO_SECONDS;
}

function bySub(users: Users): ReadonlyMap<string, User> {
  return new Map([...users.values()].map((user) => [user.sub, user]));
}
