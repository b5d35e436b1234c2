import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type User } from '../user-record';
import { byUsername, parseUsersFile, type UsersFile } from '../users-file';
import { Refused } from './refused';
import { type Change, type UserStore } from './user-store';

const LOCK_WAIT_MS = 3_000;
const LOCK_RETRY_MS = 25;

/** The users of a `USERS_FILE`, which is only ever replaced as a whole. */
export class FileUserStore implements UserStore {
  constructor(private readonly path: string) {}

  async list(): Promise<readonly User[]> {
    return (await this.#read(await this.#target())).users;
  }

  async find(username: string): Promise<User | undefined> {
    return (await this.list()).find((user) => user.username === username);
  }

  async change(username: string, change: (user: User | undefined) => Change): Promise<string> {
    const target = await this.#target();
    const unlock = await lock(target);
    try {
      const file = await this.#read(target);
      const { user, revoke } = change(byUsername(file.users).get(username));
      const isNew = !file.users.some((other) => other.username === username);
      const users = isNew ? [...file.users, user] : file.users.map((one) => (one.username === username ? user : one));
      await replace(target, `${JSON.stringify({ ...file, users }, undefined, 2)}\n`);
      return `auth notices within a second${revoke ? ', and revokes what was given before' : ''}`;
    } finally {
      await unlock();
    }
  }

  close(): void {}

  /** Where the file itself is: replacing a symbolic link would leave it as it was. */
  async #target(): Promise<string> {
    return realpath(this.path).catch(() => this.path);
  }

  async #read(target: string): Promise<UsersFile> {
    const text = await readFile(target, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{"users":[]}';
      throw new Refused(`${this.path} can not be read: ${error.code}`);
    });
    // Whatever it was made for, it can be changed.
    return parseUsersFile(text, 'development');
  }
}

/**
 * Keeps others from changing the file at the same time. A lock that somebody left behind is not broken: whether its
 * holder still lives can't be told from another machine, nor taken over without a race.
 *
 * @returns what ends it
 */
async function lock(target: string): Promise<() => Promise<void>> {
  const path = `${target}.lock`;
  for (const deadline = performance.now() + LOCK_WAIT_MS; ;) {
    try {
      const handle = await open(path, 'wx', 0o600);
      await handle.close();
      return () => rm(path, { force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new Refused(`${path} can not be made: ${code}`);
      if (performance.now() > deadline) {
        throw new Refused(`${path} is there: somebody else is changing the users. If nobody is, delete it`);
      }
      await sleep(LOCK_RETRY_MS);
    }
  }
}

/** In one step: who reads it finds the old file or the new one, also when the machine stops in between. */
async function replace(target: string, content: string): Promise<void> {
  const before = await stat(target).catch(() => undefined);
  const draft = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      if (before) await handle.chmod(before.mode & 0o777);
      // Auth may run as somebody else, and has to be able to read it still. By the handle: a path can be made to lead
      // to another file.
      if (before && (before.uid !== process.getuid?.() || before.gid !== process.getgid?.())) {
        await handle.chown(before.uid, before.gid);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw new Refused(`${target} can not be replaced: ${(error as NodeJS.ErrnoException).code}`);
  }
}
