import { describeWith, type OwnRedis, REDIS, startOwnRedis } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ACCEPTED,
  askResource,
  type Chain,
  makeChain,
  REVOKED,
  until,
  verdicts,
  warmChain,
  workingChain,
} from './chain';
import { resigned } from './forge';
import { RedisSystem } from './redis-system';
import { sealedRing } from './stored-ring';
import { REFUSED, refusal, watched } from './watch';
import { entriesIn, writeEntry } from './write-entry';

const BACK_MS = 8_000;

describeWith(REDIS)('when Redis loses what it held', () => {
  let system: RedisSystem;

  beforeEach(async () => {
    system = await RedisSystem.start();
  });
  afterEach(() => system.stop());

  const jtiOf = ({ login }: Chain) => ({ jti: decodeJwt(login).jti ?? '' });

  async function kidsAt(i: number): Promise<string[]> {
    const answer = await fetch(`${system.auth(i).url}/.well-known/jwks.json`);
    return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  }

  async function revokedChain(admin: string): Promise<Chain> {
    const chain = await workingChain(system, BACK_MS);
    expect((await system.revokeAt(0, admin, jtiOf(chain))).status).toBe(201);
    await until(1_000, () => verdicts(system, chain), REVOKED);
    return chain;
  }

  async function missing(entries: readonly string[]): Promise<string[]> {
    const found = await system.withRedis(entriesIn);
    return entries.filter((entry) => !found.includes(entry));
  }

  it.each<[string, () => Promise<void>, number]>([
    [
      'killed, and started again empty',
      async () => {
        await system.redis.stop();
        await system.startRedis();
      },
      4_000,
    ],
    ['flushed', async () => void (await system.withRedis((redis) => redis.flushall())), 2_000],
  ])('%s: all that was issued before is refused, whatever comes then counts', async (_what, lose, limitMs) => {
    const before = await workingChain(system, BACK_MS);
    const revoked = await revokedChain(await system.adminToken());
    const kid = randomUUID();
    await writeEntry(system.redis.url, { kind: 'kid', value: kid });
    const saysOfKey = async (key: string): Promise<unknown> =>
      askResource(system, await resigned(system, before.resource, { origin_kid: key }));
    await until(1_000, () => saysOfKey(kid), 'token_revoked');

    const kids = await kidsAt(0);
    await watched(system, { revoked: [revoked] }, async () => {
      await lose();
      await until(limitMs, () => verdicts(system, before), REVOKED);
      const after = await warmChain(system, BACK_MS);
      await watched(system, { valid: [after] }, async () => {
        // What was known is known to Redis again, so that it is known to whoever starts now.
        const lost = [`jti:${jtiOf(revoked).jti}`, `kid:${kid}`, 'all:'];
        await until(BACK_MS, () => missing(lost), []);
        const another = await system.start('resource');
        await another.ready();
        for (const resource of [system.resource, another]) {
          const says = async (claims: object) =>
            askResource({ resource }, await resigned(system, after.resource, { jti: randomUUID(), ...claims }));
          expect(await says({})).toBe(200);
          // By itself, and not only because it was issued before.
          expect(await says({ origin_jti: jtiOf(revoked).jti })).toBe('token_revoked');
          expect(await says({ origin_kid: kid })).toBe('token_revoked');
          expect(await says({ origin_iat: decodeJwt(before.login).iat })).toBe('token_revoked');
        }
        expect(await another.stop()).toBe(0);
        const next = await workingChain(system, BACK_MS);
        expect((await system.revokeAt(1, await system.adminToken(), jtiOf(next))).status).toBe(201);
        await until(1_000, () => verdicts(system, next), REVOKED);
        // The keys were put back, and are left alone.
        const ring = await sealedRing(system);
        await sleep(1_500);
        expect(await sealedRing(system)).toEqual(ring);
        expect(await kidsAt(0)).toEqual(kids);
      });
    });
  });

  it('together with all auths: nothing from before counts, and new logins do', async () => {
    const before = await workingChain(system, BACK_MS);
    const revoked = await revokedChain(await system.adminToken());
    await watched(system, { refused: [revoked] }, async () => {
      for (const auth of system.auths) auth.signal('SIGKILL');
      await Promise.all(system.auths.map((auth) => auth.exited()));
      await system.withRedis((redis) => redis.flushall());
      await Promise.all(system.auths.map((_, i) => system.startAuth(i)));
      system.leadToAuths();
      await until(BACK_MS, async () => (await verdicts(system, before)).map(refusal), REFUSED);
      await workingChain(system, BACK_MS);
    });
  });

  it('and another auth has started on it before one that remembers: both go on with the newer keys', async () => {
    const before = await workingChain(system, BACK_MS);
    const revoked = await revokedChain(await system.adminToken());
    await watched(system, { refused: [revoked] }, async () => {
      const lost = await kidsAt(1);
      expect(await system.auth(0).stop()).toBe(0);
      system.auth(1).signal('SIGSTOP');
      await system.withRedis((redis) => redis.flushall());
      await system.startAuth(0);
      const kids = await kidsAt(0);
      expect(kids.filter((kid) => lost.includes(kid))).toEqual([]);
      system.auth(1).signal('SIGCONT');
      await until(BACK_MS, () => kidsAt(1), kids);
      expect(await kidsAt(0)).toEqual(kids);
      system.leadToAuths();
      await until(BACK_MS, () => missing([`jti:${jtiOf(revoked).jti}`]), []);
      await until(BACK_MS, async () => (await verdicts(system, before)).map(refusal), REFUSED);
      const chains: Chain[] = [];
      for (const i of system.auths.keys()) {
        await system.reconnect(i);
        chains.push(await workingChain(system, BACK_MS));
      }
      for (const i of system.auths.keys()) {
        await system.reconnect(i);
        for (const chain of chains) expect(await verdicts(system, chain)).toEqual(ACCEPTED);
        expect((await system.tryLogin(system.auth(i).url, 'bob')).status).toBe(200);
      }
    });
  });

  describe('by a failover', () => {
    let other: OwnRedis;

    beforeEach(async () => {
      other = await startOwnRedis(['--replicaof', '127.0.0.1', String(system.redis.port)]);
    });
    afterEach(() => other.stop());

    const onOther = <Result>(speak: Parameters<typeof system.withRedis<Result>>[0]) =>
      system.withRedis(speak, other.url);

    it('what the new primary never heard of is put back by who knows it, and nothing that counts is refused', async () => {
      const admin = await system.adminToken();
      const [valid, elsewhere] = [await warmChain(system, BACK_MS, 'bob'), await warmChain(system, BACK_MS)];
      const replicated = await revokedChain(admin);
      await until(BACK_MS, async () => (await onOther(entriesIn)).includes(`jti:${jtiOf(replicated).jti}`), true);
      await onOther((redis) => redis.replicaof('NO', 'ONE'));
      const lost = await revokedChain(admin);
      // By an auth that was on that side: the event has the number there that the lost one has here.
      const elsewhereUntil = Math.ceil(Date.now() / 1000) + 960;
      await writeEntry(other.url, { kind: 'jti', value: jtiOf(elsewhere).jti, until: elsewhereUntil });
      expect(await verdicts(system, elsewhere)).toEqual(ACCEPTED);
      expect(await onOther(entriesIn)).not.toContain(`jti:${jtiOf(lost).jti}`);
      await watched(system, { valid: [valid], revoked: [replicated, lost] }, async () => {
        // The old primary follows somebody that can't be reached: it can be read, and not written to.
        await system.withRedis((redis) => redis.replicaof('127.0.0.1', '9'));
        const denied = async (i: number) => {
          const asked = performance.now();
          const { status } = await system.revokeAt(i, admin, { jti: randomUUID() });
          expect(performance.now() - asked).toBeLessThan(3_000);
          const login = await system.tryLogin(system.auth(i).url, 'alice');
          return [status, login.status, login.headers.get('retry-after')];
        };
        for (const i of system.auths.keys()) expect(await denied(i)).toEqual([503, 503, '2']);

        for (const proxy of system.redisProxies) {
          proxy.leadTo(other.port);
          proxy.drop();
        }
        await until(BACK_MS, async () => (await onOther(entriesIn)).includes(`jti:${jtiOf(lost).jti}`), true);
        await until(BACK_MS, () => verdicts(system, elsewhere), REVOKED);
        const another = await system.start('resource');
        await another.ready();
        const says = (chain: Chain) => askResource({ resource: another }, chain.resource);
        for (const chain of [lost, elsewhere, replicated]) expect(await says(chain)).toBe('token_revoked');
        expect(await says(valid)).toBe(200);
        expect(await another.stop()).toBe(0);

        const next = await workingChain(system, BACK_MS);
        for (const [i, chain] of [next, await makeChain(system)].entries()) {
          expect((await system.revokeAt(i, admin, jtiOf(chain))).status).toBe(201);
          await until(1_000, () => verdicts(system, chain), REVOKED);
        }
      });
      expect(await verdicts(system, valid)).toEqual(ACCEPTED);
    });
  });
});
