import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { randomBytes } from 'node:crypto';
import { ARGON2ID } from './argon2id';
import { type User, USER_DIRECTORY, type UserDirectory } from './user-directory';

@Injectable()
export class PasswordVerifier implements OnModuleInit {
  #hashOfNobody = '';

  constructor(@Inject(USER_DIRECTORY) private readonly directory: Pick<UserDirectory, 'find'>) {}

  async onModuleInit(): Promise<void> {
    this.#hashOfNobody = await argon2.hash(randomBytes(32), ARGON2ID);
  }

  /**
   * The user whose password this is, unless disabled. Whether there is such a user can't be told from the time this
   * takes: for an unknown one, the password is held against a hash that nothing matches.
   *
   * @throws StoreUnavailable when it can't be told
   */
  async verify(username: string, password: string): Promise<User | undefined> {
    const user = await this.directory.find(username);
    const matches = await argon2.verify(user?.passwordHash ?? this.#hashOfNobody, password);
    return matches && user?.disabled !== true ? user : undefined;
  }

  /**
   * Whether the user may still log in with the password that was verified. To ask again when there is a token: either
   * this sees what has been changed meanwhile, or whoever revokes because of the change sees the token.
   *
   * @throws StoreUnavailable when it can't be told
   */
  async stillHolds({ username, sub, passwordHash }: User): Promise<boolean> {
    const user = await this.directory.find(username);
    return user !== undefined && user.sub === sub && user.passwordHash === passwordHash && user.disabled !== true;
  }
}
