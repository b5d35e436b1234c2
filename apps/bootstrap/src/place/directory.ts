import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refused } from '../refused';
import { type Contents, type Secret } from '../secrets';
import { type Place } from './place';

/** Leads to the folder that holds the files, as in a Secret that Kubernetes mounts. */
const CURRENT = '..data';
const VERSION = '..version-';

/**
 * A directory for each secret, with a file for each key. The directory may be a volume, which can't be renamed: its
 * files are written into a folder in it, and one link, which only one can make, makes them count.
 */
export class DirectoryPlace implements Place {
  constructor(private readonly base: string) {}

  async read(secret: Secret): Promise<Partial<Contents> | undefined> {
    return refusing(secret, async () => {
      const found = await this.#filesOf(secret);
      if (isWhole(secret, found) || !(await this.#isMade(secret))) return found;
      // Made, and perhaps interrupted before the files had their own names.
      await this.#nameFiles(secret);
      const named = await this.#filesOf(secret);
      if (named) return named;
      const link = join(this.base, secret.name, CURRENT);
      throw new Refused(`${secret.name}: ${link} leads to nothing: restore that, or delete the directory as a whole`);
    });
  }

  async create(secret: Secret, contents: Contents): Promise<boolean> {
    return refusing(secret, async () => {
      const folder = join(this.base, secret.name);
      const draft = VERSION + randomUUID();
      const [folderMode, fileMode] = secret.forGroup ? [0o750, 0o640] : [0o700, 0o600];
      await mkdir(this.base, { recursive: true });
      await mkdir(folder, { mode: folderMode }).catch(unless('EEXIST'));
      try {
        await mkdir(join(folder, draft), { mode: folderMode });
        for (const [key, text] of Object.entries(contents)) {
          await writeFile(join(folder, draft, key), text, { mode: fileMode, flag: 'wx', flush: true });
        }
        await sync(join(folder, draft));
        await symlink(draft, join(folder, CURRENT));
      } catch (error) {
        await rm(join(folder, draft), { recursive: true, force: true });
        // Whoever was faster has made it, and cleared this away as well.
        if (await this.#isMade(secret)) return false;
        throw error;
      }
      await this.#nameFiles(secret);
      await sync(folder);
      await sync(this.base);
      const others = (await readdir(folder)).filter((name) => name.startsWith(VERSION) && name !== draft);
      for (const name of others) {
        // Who still writes there clears it away at the end.
        await rm(join(folder, name), { recursive: true, force: true }).catch(unless('ENOTEMPTY'));
      }
      return true;
    });
  }

  async #filesOf({ name, keys }: Secret): Promise<Partial<Contents> | undefined> {
    const found: Record<string, string> = {};
    for (const key of keys) {
      const text = await readFile(join(this.base, name, key), 'utf8').catch(unless('ENOENT'));
      if (text !== undefined) found[key] = text;
    }
    return Object.keys(found).length === 0 ? undefined : found;
  }

  async #isMade({ name }: Secret): Promise<boolean> {
    const names = (await readdir(join(this.base, name)).catch(unless('ENOENT'))) ?? [];
    return names.includes(CURRENT);
  }

  async #nameFiles({ name, keys }: Secret): Promise<void> {
    for (const key of keys) {
      await symlink(join(CURRENT, key), join(this.base, name, key)).catch(unless('EEXIST'));
    }
  }
}

function isWhole({ keys }: Secret, found: Partial<Contents> | undefined): boolean {
  return keys.every((key) => found?.[key] !== undefined);
}

/** What a folder lists survives the machine only when the folder itself was written. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unless(expected: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== expected) throw error;
  };
}

async function refusing<Value>({ name }: Secret, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall, path } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Refused(`${name}: ${syscall} ${path ?? ''} fails with ${code}`, { cause: error });
  }
}
