import { type JwksCache, type KeptKeySet } from '@token-relay/jwt-guard';
import { open, readFile, rename, rm } from 'node:fs/promises';

/** Keeps an issuer's keys in a file, which no one else may read or write. */
export function jwksFile(path: string): JwksCache {
  return {
    async read() {
      try {
        return JSON.parse(await readFile(path, 'utf8')) as KeptKeySet;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    // In one step: who reads it finds the old file or the new one.
    async write(kept) {
      const draft = `${path}.${process.pid}.tmp`;
      try {
        const handle = await open(draft, 'w', 0o600);
        try {
          await handle.writeFile(JSON.stringify(kept));
        } finally {
          await handle.close();
        }
        await rename(draft, path);
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
    },
  };
}
