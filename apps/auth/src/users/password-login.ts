import { Inject, Injectable } from '@nestjs/common';
import { type Reply } from '../clients/client-authentication';
import { type LoginAttempt, LoginThrottle } from './login-throttle';
import { PasswordQueue } from './password-queue';
import { PasswordVerifier } from './password-verifier';
import { type User } from './user-directory';

/** Where an answer goes, as long as somebody waits for it. */
export interface LoginReply extends Reply {
  readonly raw: { readonly destroyed: boolean };
}

/** Finds out who logs in: past the throttle, and when it is their turn. */
@Injectable()
export class PasswordLogin {
  constructor(
    @Inject(LoginThrottle) private readonly throttle: LoginThrottle,
    @Inject(PasswordQueue) private readonly queue: PasswordQueue,
    @Inject(PasswordVerifier) private readonly passwords: PasswordVerifier,
  ) {}

  /**
   * The user whose password it is. Undefined for a wrong password, a disabled user and nobody, or when the client has
   * gone before its turn.
   *
   * @param reply gets `Retry-After` where there is a wait
   * @throws ProblemException 429 `too_many_attempts`, 503 `login_busy`
   * @throws StoreUnavailable
   */
  async userOf(attempt: LoginAttempt, password: string, reply: LoginReply): Promise<User | undefined> {
    await this.throttle.check(attempt, reply);
    return this.queue.run(attempt.username, async () => {
      if (reply.raw.destroyed) return undefined;
      // Only now: who is refused for want of a place, or leaves before, has not tried anything.
      const login = await this.throttle.begin(attempt, reply);
      const user = await this.passwords.verify(attempt.username, password);
      if (user) await login.succeeded();
      else login.failed();
      return user;
    });
  }
}
