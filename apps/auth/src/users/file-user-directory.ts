import { Logger } from '@nestjs/common';
import { type Mode } from '@token-relay/service-kit';
import { reasonOf } from '../reason-of';
import { Repeater } from '../repeater';
import { WatchedFile } from '../watched-file';
import { stillToRevoke, toRevoke } from './to-revoke';
import { type User, type UserDirectory } from './user-directory';
import { byUsername, parseUsersFile } from './users-file';

const RETRY_AFTER_MS = 250;
const RETRY_AFTER_MS_AT_MOST = 5_000;

/** The users of `USERS_FILE`, which is read again when it changes. */
export class FileUserDirectory implements UserDirectory {
  readonly #file: WatchedFile<ReadonlyMap<string, User>>;
  readonly #logger = new Logger(FileUserDirectory.name);
  /** Whom to report, until that has succeeded. */
  readonly #subjects = new Set<string>();
  #reports: Repeater | undefined;

  /** @throws StartRefused when the file can't be read, isn't as it must be, or isn't for this mode */
  constructor(path: string, mode: Mode) {
    this.#file = new WatchedFile({
      name: 'USERS_FILE',
      path,
      parse: (text) => byUsername(parseUsersFile(text, mode).users),
    });
  }

  find(username: string): Promise<User | undefined> {
    return Promise.resolve(this.#file.content.get(username));
  }

  watch(revoke: (subject: string) => Promise<void>): void {
    this.#reports = new Repeater(() => this.#report(revoke), {
      everyMs: RETRY_AFTER_MS,
      atMostMs: RETRY_AFTER_MS_AT_MOST,
      onFailure: (error) =>
        this.#logger.error(`what users were given is to be revoked, which fails: ${reasonOf(error)}`),
    });
    this.#add(stillToRevoke(this.#file.content, Date.now() / 1000));
    this.#file.watch({
      changed: (now, before) => {
        this.#logger.warn('USERS_FILE has changed: it counts from now on');
        this.#add(toRevoke(before, now, Date.now() / 1000));
      },
      refused: (reason) => this.#logger.error(`${reason}: the users stay what they were`),
    });
  }

  /** Looks at the file now, and waits until what has changed was reported, or that has failed. */
  async look(): Promise<void> {
    await this.#file.look();
    await this.#reports?.now();
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#reports?.close();
  }

  #add(subjects: readonly string[]): void {
    for (const subject of subjects) this.#subjects.add(subject);
    void this.#reports?.now();
  }

  async #report(revoke: (subject: string) => Promise<void>): Promise<void> {
    const failures: unknown[] = [];
    for (const subject of [...this.#subjects]) {
      // Before, as it may be added again meanwhile.
      this.#subjects.delete(subject);
      await revoke(subject).catch((error: unknown) => {
        this.#subjects.add(subject);
        failures.push(error);
      });
    }
    if (failures.length > 0) throw failures[0];
  }
}
