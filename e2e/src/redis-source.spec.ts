import { describeWith, REDIS } from '@token-relay/testing/servers';
import Redis from 'ioredis';
import { decodeJwt } from 'jose';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AppProcess } from './app-process';
import { askResource, type Chain, makeChain, until } from './chain';
import { RedisSystem } from './redis-system';
import { writeEntry } from './write-entry';

/** As the docstring of `RedisRevocationsOptions.connect` has it. */
const RULES = '~tr:{revocations}:* -@all +hmget +hscan +xread +xrevrange +info +hello +auth'.split(' ');

describeWith(REDIS)('a service that reads revocations from Redis', () => {
  let system: RedisSystem;
  let resource: AppProcess;
  let readerUrl: string;
  let folder: string;
  let keptKeys: string;
  /** Made while there was an auth. */
  const chains: Chain[] = [];

  beforeAll(async () => {
    system = await RedisSystem.start({ auths: 1 });
    const password = randomBytes(16).toString('hex');
    await system.withRedis((redis) => redis.acl('SETUSER', 'reader', 'reset', 'on', `>${password}`, ...RULES));
    readerUrl = `redis://reader:${password}@127.0.0.1:${system.redis.port}`;
    folder = await mkdtemp(join(tmpdir(), 'token-relay-e2e-'));
    keptKeys = join(folder, 'jwks.json');
    resource = await system.start('resource', { REVOCATIONS_URL: readerUrl, JWKS_CACHE_FILE: keptKeys });
    await resource.ready();
    for (let i = 0; i < 2; i++) chains.push(await makeChain(system));
  });
  afterAll(async () => {
    expect(await resource.stop()).toBe(0);
    await system.stop();
    await rm(folder, { recursive: true });
  });

  const says = ({ resource: token }: Chain) => askResource({ resource }, token);

  it('refuses what is revoked, as a user of Redis that may do nothing but that', async () => {
    const chain = await makeChain(system);
    expect(await says(chain)).toBe(200);
    const { jti } = decodeJwt(chain.login);
    expect((await system.revokeAt(0, await system.adminToken(), { jti })).status).toBe(201);
    await until(1_000, () => says(chain), 'token_revoked');
    // Nothing that it has tried was denied.
    expect(await system.withRedis((redis) => redis.acl('LOG'))).toEqual([]);
  });

  it('as that user can not write, nor read anything else', async () => {
    const reader = new Redis(readerUrl);
    reader.on('error', () => undefined);
    try {
      await expect(reader.hset('tr:{revocations}:head', 'stream', 'another')).rejects.toThrow(/^NOPERM/);
      await expect(reader.get('tr:{keys}:leader')).rejects.toThrow(/^NOPERM/);
      await expect(reader.hmget('tr:{keys}:ring', 'sealed')).rejects.toThrow(/^NOPERM/);
    } finally {
      reader.disconnect();
    }
  });

  it('goes on hearing of revocations while there is no auth', async () => {
    const [valid, chain] = [await makeChain(system), await makeChain(system)];
    expect(await system.auth(0).stop()).toBe(0);
    const until_ = Math.ceil(Date.now() / 1000) + 960;
    await writeEntry(system.redis.url, { kind: 'jti', value: decodeJwt(chain.login).jti, until: until_ });
    await until(1_000, () => says(chain), 'token_revoked');
    expect(await says(valid)).toBe(200);
  });

  it('starts while there is no auth, with the keys that it kept, and knows what was revoked', async () => {
    const [chain, revoked] = chains;
    await system.auth(0).stop();
    const another = await system.start('resource', { REVOCATIONS_URL: readerUrl, JWKS_CACHE_FILE: keptKeys });
    try {
      await another.ready();
      expect(await askResource({ resource: another }, (chain as Chain).resource)).toBe(200);
      const entry = {
        kind: 'jti',
        value: decodeJwt((revoked as Chain).login).jti,
        until: Math.ceil(Date.now() / 1000) + 960,
      };
      await writeEntry(system.redis.url, entry);
      await until(1_000, () => askResource({ resource: another }, (revoked as Chain).resource), 'token_revoked');
    } finally {
      expect(await another.stop()).toBe(0);
    }
  });
});
