import { type Mode, StartRefused } from '@token-relay/service-kit';
import { z } from 'zod';
import { distinct, parseFile } from '../parse-file';
import { type User, userRecord } from './user-record';

const usersFile = z.strictObject({
  /** What made the file, if it was not a person. */
  generatedBy: z.string().optional(),
  users: z.array(userRecord),
});

export type UsersFile = z.infer<typeof usersFile>;

/** @throws StartRefused when it isn't as it must be, or isn't for this mode */
export function parseUsersFile(text: string, mode: Mode): UsersFile {
  const file = parseFile('USERS_FILE', usersFile, text, mode);
  for (const unique of ['username', 'sub'] as const) {
    if (!distinct(file.users.map((user) => user[unique]))) throw new StartRefused(`USERS_FILE lists a ${unique} twice`);
  }
  return file;
}

/** The users by their names. */
export function byUsername(users: readonly User[]): ReadonlyMap<string, User> {
  return new Map(users.map((user) => [user.username, user]));
}
