/** Somebody who can log in. */
export interface User {
  /** A UUID, never a name, and so never what a client is called (RFC 9700, section 4.15). */
  readonly sub: string;
  readonly username: string;
  /** In the PHC string format, of argon2id with the parameters in argon2id.ts. */
  readonly passwordHash: string;
  readonly scopes: readonly string[];
}

/** Where users are looked up. */
export interface UserDirectory {
  find(username: string): Promise<User | undefined>;
}

export const USER_DIRECTORY = Symbol('user-directory');
