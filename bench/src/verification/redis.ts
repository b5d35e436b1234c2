// What a service pays that asks Redis, on the same machine, who a request is from.
import Redis from 'ioredis';
import { randomBytes, randomUUID } from 'node:crypto';
import { type Contender } from '../harness/contender';
import { USERS } from './own';

export interface RedisSetting {
  readonly url: string;
}

/** A command, and a short answer. */
export async function redisGet({ url }: RedisSetting): Promise<Contender> {
  const redis = new Redis(url);
  const keys = Array.from({ length: USERS }, () => `seen:${randomUUID()}`);
  for (const key of keys) await redis.set(key, '1');
  return {
    async run(count) {
      for (let i = 0; i < count; i++) {
        if ((await redis.get(keys[i % USERS] as string)) !== '1') throw new Error('the key is not there');
      }
    },
    close: () => redis.disconnect(),
  };
}

/** A session as most session stores look it up: `GET`, and JSON. */
export async function redisSession({ url, atOnce }: RedisSetting & { atOnce: number }): Promise<Contender> {
  const redis = new Redis(url);
  const sessions = Array.from({ length: USERS }, () => ({
    key: `session:${randomBytes(32).toString('base64url')}`,
    subject: randomUUID(),
  }));
  for (const { key, subject } of sessions) await redis.set(key, JSON.stringify(session(subject)));
  return {
    async run(count) {
      let next = 0;
      const client = async (): Promise<void> => {
        while (next < count) {
          const { key, subject } = sessions[next++ % USERS] as (typeof sessions)[number];
          const found = JSON.parse((await redis.get(key)) ?? '{}') as Partial<ReturnType<typeof session>>;
          if (found.user?.sub !== subject) throw new Error('a session of somebody else');
        }
      };
      await Promise.all(Array.from({ length: atOnce }, client));
    },
    close: () => redis.disconnect(),
  };
}

/** What a token tells, and what sessions hold besides. */
function session(sub: string) {
  const user = { sub, scope: 'documents:read documents:write', sid: randomUUID() };
  return { user, csrf: randomUUID(), since: Date.now(), cart: [] };
}
