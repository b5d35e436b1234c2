import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { randomBytes } from 'node:crypto';
import { ARGON2ID } from './argon2id';
import { type User, USER_DIRECTORY, type UserDirectory } from './user-directory';

@Injectable()
export class PasswordVerifier implements OnModuleInit {
  #hashOfNobody = '';

  constructor(@Inject(USER_DIRECTORY) private readonly directory: UserDirectory) {}

  async onModuleInit(): Promise<void> {
    this.#hashOfNobody = await argon2.hash(randomBytes(32), ARGON2ID);
  }

  /**
   * The user whose password this is. Whether there is such a user can't be told from the time this takes: for an
   * unknown one, the password is held against a hash that nothing matches.
   */
  async verify(username: string, password: string): Promise<User | undefined> {
    const user = await this.directory.find(username);
    const matches = await argon2.verify(user?.passwordHash ?? this.#hashOfNobody, password);
    return matches ? user : undefined;
  }
}
