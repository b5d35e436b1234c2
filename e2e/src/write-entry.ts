import type Redis from 'ioredis';
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';

/** What is run in the place of an auth, of which it takes the store. */
const APPEND = `
const { RedisStore } = require('./dist/store/redis-store.js');
const { Redis } = require('ioredis');
const [url, entry] = process.argv.slice(1);
const store = new RedisStore(new Redis(url), new Redis(url, { lazyConnect: true }));
store
  .head()
  .then(({ streamId }) => store.append(streamId, JSON.parse(entry)))
  .then((n) => process.exit(n > 0 ? 0 : 1));`;

/** Appends to the stream of revocations in Redis, and does no more: as an auth that is killed right after that. */
export async function writeEntry(redisUrl: string, entry: object): Promise<void> {
  const cwd = resolve(__dirname, '../../apps/auth');
  await promisify(execFile)(process.execPath, ['-e', APPEND, redisUrl, JSON.stringify(entry)], {
    cwd,
    timeout: 20_000,
  });
}

/** What is revoked, as Redis has it: `<kind>:<value>`. */
export function entriesIn(redis: Redis): Promise<string[]> {
  return redis.hkeys('tr:{revocations}:entries');
}
