import { type User } from './user-record';

export { type User } from './user-record';

/** Where users are looked up. */
export interface UserDirectory {
  /** @throws StoreUnavailable when it can't be told whether there is such a user */
  find(username: string): Promise<User | undefined>;

  /**
   * Reports by their `sub`, from now on, whose tokens and sessions must not be good any more: users who were disabled,
   * have gone, or have another password. What was left undone by a process that ended is reported again, so that a
   * user may be reported more than once; what the directory is not done with when `revoke` fails it tries again until
   * that succeeds.
   */
  watch(revoke: (subject: string) => Promise<void>): void;

  /** Nothing is reported after this. */
  close(): Promise<void>;
}

export const USER_DIRECTORY = Symbol('user-directory');
