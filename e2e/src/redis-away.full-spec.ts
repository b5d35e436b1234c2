import { describeWith, REDIS } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Chain, REVOKED, until, verdicts, warmChain, workingChain } from './chain';
import { outcome, RedisSystem, UNAVAILABLE } from './redis-system';
import { post, type Username } from './system';
import { watched } from './watch';

const DECIDED_MS = 3_000;
const BACK_MS = 8_000;

/** How an answer comes out, and that it comes in time. */
async function decided(ask: () => Promise<Response>) {
  const asked = performance.now();
  const found = await outcome(await ask());
  expect(performance.now() - asked).toBeLessThan(DECIDED_MS);
  return found;
}

describeWith(REDIS)('while Redis is away', () => {
  let system: RedisSystem;
  /** An administrator's tokens, for the gateway and for auth itself. */
  let admin: { login: string; own: string };

  beforeAll(async () => {
    system = await RedisSystem.start({ persistent: true });
    admin = { login: await system.login('admin'), own: await system.adminToken() };
    // So that the gateway has a token for auth.
    expect((await revokeAtGateway({ jti: 'nobody-s' })).status).toBe(201);
  });
  // Whoever has lost the feed in the test before waits a while until the next try.
  beforeEach(() => system.reconnect());
  afterAll(() => system.stop());

  const revokeAtGateway = (what: object): Promise<Response> =>
    post(
      `${system.gateway.url}/admin/revocations`,
      { ...what, reason: 'a test' },
      { authorization: `Bearer ${admin.login}` },
    );

  const jtiOf = ({ login }: Chain) => ({ jti: decodeJwt(login).jti });

  const validChain = (username?: Username): Promise<Chain> => warmChain(system, BACK_MS, username);

  async function revokedChain(): Promise<Chain> {
    const chain = await workingChain(system, BACK_MS);
    expect((await system.revokeAt(0, admin.own, jtiOf(chain))).status).toBe(201);
    await until(1_000, () => verdicts(system, chain), REVOKED);
    return chain;
  }

  /** Everything works again, at each auth. */
  async function worksAgain(): Promise<void> {
    for (const i of system.auths.keys()) {
      const chain = await workingChain(system, BACK_MS);
      await until(BACK_MS, async () => (await system.revokeAt(i, admin.own, jtiOf(chain))).status, 201);
      await until(1_000, () => verdicts(system, chain), REVOKED);
      await until(BACK_MS, () => system.feedStatus(i), 200);
    }
  }

  /** What needs the store is 503, soon. */
  async function isRefused(chain: Chain, i: number): Promise<void> {
    const form = { token: chain.login };
    expect(await decided(() => system.tryLogin(system.auth(i).url, 'bob'))).toEqual(UNAVAILABLE);
    expect(await decided(() => system.revokeAt(i, admin.own, jtiOf(chain)))).toEqual(UNAVAILABLE);
    expect(await decided(() => system.askAuth(i, '/oauth/revoke', 'gateway', form))).toEqual(UNAVAILABLE);
    expect(await decided(() => system.askAuth(i, '/oauth/introspect', 'gateway', form))).toEqual(UNAVAILABLE);
    const exchange = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: chain.login,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'resource',
    };
    expect(await decided(() => system.askAuth(i, '/oauth/token', 'gateway', exchange))).toEqual(UNAVAILABLE);
  }

  const ages = (): Promise<number[]> =>
    Promise.all(
      [system.gateway, system.resource, system.audit].map(async ({ url }) => {
        const body = (await (await fetch(`${url}/readyz`)).json()) as { revocationAgeSeconds?: number };
        return body.revocationAgeSeconds ?? Infinity;
      }),
    );

  it('killed, and started again with what it had: nothing is lost, and nothing that counts is refused', async () => {
    const [valid, revoked] = [await validChain(), await revokedChain()];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      await system.redis.stop();
      for (const i of system.auths.keys()) await isRefused(valid, i);
      expect(await decided(() => system.tryLogin(system.gateway.url, 'bob'))).toEqual(UNAVAILABLE);
      expect(await decided(() => revokeAtGateway({ jti: 'nobody-s' }))).toEqual(UNAVAILABLE);
      await system.startRedis();
      await worksAgain();
    });
    await until(1_000, () => verdicts(system, revoked), REVOKED);
  });

  it('frozen for 8 seconds: every answer comes in time, and says how old it is', async () => {
    const [valid, revoked] = [await validChain(), await revokedChain()];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      system.redis.signal('SIGSTOP');
      try {
        const frozenAt = performance.now();
        for (const i of system.auths.keys()) await isRefused(valid, i);
        await until(DECIDED_MS, () => Promise.all([system.feedStatus(0), system.feedStatus(1)]), [503, 503]);
        await until(12_000, async () => (await ages()).every((age) => age > 6), true);
        await sleep(Math.max(0, frozenAt + 8_000 - performance.now()));
      } finally {
        system.redis.signal('SIGCONT');
      }
      await until(BACK_MS, async () => (await ages()).every((age) => age < 2), true);
      await worksAgain();
    });
  });

  it('full: what would write is refused, and nothing else', async () => {
    const [valid, revoked] = [await validChain('bob'), await revokedChain()];
    const limit = (bytes: string) => system.withRedis((redis) => redis.config('SET', 'maxmemory', bytes));
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      await limit('1');
      try {
        for (const i of system.auths.keys()) {
          expect(await decided(() => system.tryLogin(system.auth(i).url, 'bob'))).toEqual(UNAVAILABLE);
          expect(await decided(() => system.revokeAt(i, admin.own, jtiOf(valid)))).toEqual(UNAVAILABLE);
          expect(await system.feedStatus(i)).toBe(200);
        }
        for (const age of await ages()) expect(age).toBeLessThan(3);
      } finally {
        await limit('0');
      }
      await worksAgain();
    });
  });

  it('slow by half a second: logins work, and what is revoked is refused everywhere within 3 seconds', async () => {
    const [valid, revoked] = [await validChain(), await revokedChain()];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      for (const proxy of system.redisProxies) Object.assign(proxy, { askDelayMs: 250, answerDelayMs: 250 });
      try {
        for (const i of system.auths.keys()) {
          const chain = await workingChain(system, 15_000);
          const sent = performance.now();
          expect((await system.revokeAt(i, admin.own, jtiOf(chain))).status).toBe(201);
          await until(sent + 3_000 - performance.now(), () => verdicts(system, chain), REVOKED);
        }
        // Long enough for a copy that isn't kept up to date to show it.
        for (const end = performance.now() + 4_000; performance.now() < end; await sleep(100)) {
          expect(Math.max(...(await ages()))).toBeLessThan(4);
        }
      } finally {
        for (const proxy of system.redisProxies) Object.assign(proxy, { askDelayMs: 0, answerDelayMs: 0 });
      }
    });
  });

  it('slower than anybody waits: a revocation that nobody has heard of the outcome of counts, and can be repeated', async () => {
    const [valid, revoked, chain] = [await validChain('bob'), await revokedChain(), await validChain()];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      const form = { token: chain.login };
      const revoke = async (i: number): Promise<number> =>
        (await system.askAuth(i, '/oauth/revoke', 'gateway', form)).status;
      await system.reconnect(1);
      system.redisProxy(0).answerDelayMs = 1_500;
      try {
        const asked = performance.now();
        expect([200, 503]).toContain(await revoke(0));
        expect(performance.now() - asked).toBeLessThan(5_000);
        const entries = await system.withRedis((redis) => redis.hkeys('tr:{revocations}:entries'));
        expect(entries).toContain(`jti:${jtiOf(chain).jti}`);
        await until(2_000, () => verdicts(system, chain), REVOKED);
        expect(await revoke(1)).toBe(200);
      } finally {
        system.redisProxy(0).answerDelayMs = 0;
        system.leadToAuths();
      }
      await until(BACK_MS, () => revoke(0), 200);
      await worksAgain();
    });
  });

  it.each(['cut', 'silence'] as const)(
    'for one of two auths (%s): that one decides nothing, and everybody hears everything from the other',
    async (how) => {
      const [valid, revoked, chain] = [await validChain('bob'), await revokedChain(), await validChain()];
      await system.reconnect();
      await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
        system.redisProxy(0)[how]();
        try {
          await until(DECIDED_MS, async () => (await system.tryLogin(system.auth(0).url, 'bob')).status, 503);
          await isRefused(valid, 0);
          await until(DECIDED_MS, () => system.feedStatus(0), 503);
          expect((await system.revokeAt(1, admin.own, jtiOf(chain))).status).toBe(201);
          // 2 s until the first says nothing any more, 5 s until that is noticed, and a few tries.
          await until(14_000, () => verdicts(system, chain), REVOKED);
          await until(DECIDED_MS, async () => (await ages()).every((age) => age < 2), true);
        } finally {
          system.redisProxy(0).restore();
        }
        await until(BACK_MS, () => system.feedStatus(0), 200);
        const isActive = async ({ login }: Chain): Promise<unknown> => {
          const answer = await system.askAuth(0, '/oauth/introspect', 'gateway', { token: login });
          return ((await answer.json()) as { active?: boolean }).active;
        };
        expect([await isActive(chain), await isActive(valid)]).toEqual([false, true]);
        await worksAgain();
      });
    },
  );
});
