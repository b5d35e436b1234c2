import { describeWith, REDIS } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess } from './app-process';
import {
  ACCEPTED,
  ask,
  askResource,
  type Chain,
  makeChain,
  REVOKED,
  until,
  verdicts,
  warmChain,
  workingChain,
} from './chain';
import { RedisSystem } from './redis-system';
import { watched } from './watch';
import { entriesIn, writeEntry } from './write-entry';

const BACK_MS = 8_000;
/** What a verifier waits between two tries at most, and what the next one takes. */
const IN_TOUCH_MS = 2_500;
const IN_FLIGHT = 30;

const jtiOf = ({ login }: Chain) => ({ jti: decodeJwt(login).jti ?? '' });

/** Whether it is ready, and if not why. */
async function readiness({ url }: AppProcess) {
  const answer = await fetch(`${url}/readyz`);
  const { failing } = (await answer.json()) as { failing?: string[] };
  return { status: answer.status, failing };
}

async function ageOf({ url }: AppProcess): Promise<number> {
  const body = (await (await fetch(`${url}/readyz`)).json()) as { revocationAgeSeconds?: number };
  return body.revocationAgeSeconds ?? Infinity;
}

describeWith(REDIS)('while auth is away', () => {
  let system: RedisSystem;
  let admin: string;

  beforeAll(async () => {
    system = await RedisSystem.start();
    admin = await system.adminToken();
  });
  // Whoever has lost the feed in the test before waits a while until the next try.
  beforeEach(() => system.reconnect());
  afterAll(() => system.stop());

  async function revoke(i: number, chain: Chain): Promise<void> {
    expect((await system.revokeAt(i, admin, jtiOf(chain))).status).toBe(201);
  }

  async function revokedChain(): Promise<Chain> {
    const chain = await workingChain(system, BACK_MS);
    await revoke(0, chain);
    await until(1_000, () => verdicts(system, chain), REVOKED);
    return chain;
  }

  const chains = (count: number): Promise<Chain[]> =>
    Promise.all(Array.from({ length: count }, () => makeChain(system)));

  const eachSays = (all: readonly Chain[]) => async () =>
    JSON.stringify(await Promise.all(all.map((chain) => verdicts(system, chain))));
  const allSay = (all: readonly Chain[], verdicts: readonly unknown[]): string =>
    JSON.stringify(all.map(() => verdicts));

  it('killed in the middle of many revocations: whatever is in the stream is refused everywhere', async () => {
    const [valid, revoked] = [await warmChain(system, BACK_MS, 'bob'), await revokedChain()];
    const doomed = await chains(IN_FLIGHT);
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      let answered = 0;
      const die = (): void => {
        system.auth(0).signal('SIGKILL');
        // What it has sent, and what hasn't arrived, dies with it.
        system.redisProxy(0).cut();
      };
      system.redisProxy(0).askDelayMs = 100;
      const outcomes = doomed.map(async (chain, i) => {
        await sleep(15 * i);
        try {
          const { status } = await system.revokeAt(0, admin, jtiOf(chain));
          if (++answered === Math.floor(IN_FLIGHT / 3)) die();
          return status;
        } catch {
          return 'gone' as const;
        }
      });
      const statuses = await Promise.all(outcomes);
      expect(await system.auth(0).exited()).toBe('SIGKILL');
      system.redisProxy(0).askDelayMs = 0;
      system.redisProxy(0).restore();
      const confirmed = doomed.filter((_, i) => statuses[i] === 201);
      expect(confirmed.length).toBeGreaterThanOrEqual(Math.floor(IN_FLIGHT / 3));
      await until(IN_TOUCH_MS, eachSays(confirmed), allSay(confirmed, REVOKED));
      // Of those that nobody has heard of, as much as was written.
      const entries = new Set(await system.withRedis(entriesIn));
      const [written, unwritten] = [true, false].map((is) =>
        doomed.filter((chain) => entries.has(`jti:${jtiOf(chain).jti}`) === is),
      ) as [Chain[], Chain[]];
      expect(confirmed.filter((chain) => !written.includes(chain))).toEqual([]);
      expect(unwritten).not.toEqual([]);
      await until(IN_TOUCH_MS, eachSays(written), allSay(written, REVOKED));
      expect(await eachSays(unwritten)()).toBe(allSay(unwritten, ACCEPTED));
    });
    await system.startAuth(0);
    system.leadToAuths();
    // The one that has just started knows as much.
    const asked = await system.askAuth(0, '/oauth/introspect', 'gateway', { token: revoked.login });
    expect(await asked.json()).toEqual({ active: false });
  });

  it('killed between what it writes when a user is revoked: another finishes that, and the user logs in again', async () => {
    const old = await workingChain(system, BACK_MS, 'carol');
    const until_ = Math.ceil(Date.now() / 1000) + 960;
    const entry = { kind: 'sub', value: system.accounts.carol.sub, epoch: Date.now(), until: until_ };
    await writeEntry(system.redis.url, entry);
    await until(1_000, () => verdicts(system, old), REVOKED);
    const next = await workingChain(system, 2_000, 'carol');
    expect(decodeJwt(next.login).sub_epoch).toBeGreaterThanOrEqual(entry.epoch);
    expect(await verdicts(system, old)).toEqual(REVOKED);
  });

  it('killed so with all others: whoever starts first finishes it, and the first login counts', async () => {
    const old = await workingChain(system, BACK_MS, 'carol');
    for (const auth of system.auths) auth.signal('SIGKILL');
    await Promise.all(system.auths.map((auth) => auth.exited()));
    const until_ = Math.ceil(Date.now() / 1000) + 960;
    const entry = { kind: 'sub', value: system.accounts.carol.sub, epoch: Date.now(), until: until_ };
    await writeEntry(system.redis.url, entry);
    await Promise.all(system.auths.map((_, i) => system.startAuth(i)));
    system.leadToAuths();
    const next = await makeChain(system, 'carol');
    await until(IN_TOUCH_MS, () => verdicts(system, old), REVOKED);
    expect(await verdicts(system, next)).toEqual(ACCEPTED);
  });

  it('restarted in 20 seconds: nothing that needs no auth is refused, and nothing is lost', async () => {
    const [valid, revoked] = [await warmChain(system, BACK_MS, 'bob'), await revokedChain()];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      expect(await Promise.all(system.auths.map((auth) => auth.stop()))).toEqual([0, 0]);
      await sleep(20_000);
      await Promise.all(system.auths.map((_, i) => system.startAuth(i)));
      system.leadToAuths();
      for (const app of [system.gateway, system.resource, system.audit]) {
        await until(IN_TOUCH_MS, async () => (await ageOf(app)) < 2, true);
      }
    });
    // The key is the same, and what it has signed counts where it was never seen before.
    const another = await system.start('resource');
    await another.ready();
    const says = ({ resource }: Chain) => askResource({ resource: another }, resource);
    expect([await says(valid), await says(revoked)]).toEqual([200, 'token_revoked']);
    expect(await another.stop()).toBe(0);
    await revoke(1, valid);
    await until(1_000, () => verdicts(system, valid), REVOKED);
    await workingChain(system, BACK_MS);
  });

  it.each([
    ['for 30 seconds, and then at another replica', 30_000, 1],
    ['for a moment, and then at the same one', 1_000, 0],
  ])('cut off from the feed %s: everybody goes on where it was, and misses nothing', async (_when, ms, next) => {
    await system.reconnect(0);
    const apps = [system.gateway, system.resource, system.audit];
    const [valid, revoked, ...doomed] = [
      await warmChain(system, BACK_MS, 'admin'),
      await revokedChain(),
      ...(await chains(3)),
    ] as [Chain, Chain, ...Chain[]];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      system.feedProxy.cut();
      const cutAt = performance.now();
      for (const [i, chain] of doomed.entries()) await revoke(i % 2, chain);
      await sleep(Math.max(0, cutAt + ms - performance.now()));
      for (const app of apps) expect(await ageOf(app)).toBeGreaterThanOrEqual(ms / 1000 - 0.5);
      system.feedProxy.overhear();
      system.leadToAuths(next);
      system.feedProxy.restore();
      await until(IN_TOUCH_MS, eachSays(doomed), allSay(doomed, REVOKED));
    });
    const followed = system.feedProxy.overheard.filter(({ answered }) => answered.includes('event: hello'));
    expect(followed).toHaveLength(apps.length);
    for (const { asked, answered } of followed) {
      expect(asked).toMatch(/^last-event-id: [\w-]+\.\d+\r$/im);
      expect(answered).not.toContain('event: snapshot');
      expect(answered.match(/^event: revoked$/gm)).toHaveLength(doomed.length);
    }
    system.leadToAuths();
  });

  it('out of reach without anybody being told: everybody hears everything when the network is back', async () => {
    const [valid, revoked, ...doomed] = [
      await warmChain(system, BACK_MS, 'bob'),
      await revokedChain(),
      ...(await chains(3)),
    ] as [Chain, Chain, ...Chain[]];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      system.feedProxy.silence();
      for (const [i, chain] of doomed.entries()) await revoke(i % 2, chain);
      await until(12_000, async () => (await ageOf(system.gateway)) > 8, true);
      system.feedProxy.restore();
      await until(IN_TOUCH_MS, eachSays(doomed), allSay(doomed, REVOKED));
    });
  });

  it('frozen, one of two: whoever hears from it goes to the other', async () => {
    const [valid, revoked, doomed] = [
      await warmChain(system, BACK_MS, 'bob'),
      await revokedChain(),
      await warmChain(system, BACK_MS, 'admin'),
    ];
    await watched(system, { valid: [valid], revoked: [revoked] }, async () => {
      system.auth(0).signal('SIGSTOP');
      try {
        await revoke(1, doomed);
        // 5 s until the silence is noticed, and 3 s for each time that it leads to the frozen one again.
        await until(25_000, () => verdicts(system, doomed), REVOKED);
      } finally {
        system.auth(0).signal('SIGCONT');
      }
      await until(BACK_MS, async () => (await system.feedStatus(0)) === 200, true);
      const asked = await system.askAuth(0, '/oauth/introspect', 'gateway', { token: doomed.login });
      expect(await asked.json()).toEqual({ active: false });
    });
  });

  describe('a service that starts', () => {
    it('in the middle of revocations refuses all of them', async () => {
      const [before, during] = [await chains(5), await chains(25)];
      for (const chain of before) await revoke(0, chain);
      const revoking = (async () => {
        for (const [i, chain] of during.entries()) {
          await revoke(i % 2, chain);
          await sleep(50);
        }
      })();
      const starting = await system.start('resource');
      await starting.ready();
      const say = (chains: readonly Chain[]) => () =>
        Promise.all(chains.map(({ resource }) => askResource({ resource: starting }, resource)));
      expect(await say(before)()).toEqual(before.map(() => 'token_revoked'));
      await revoking;
      await until(
        1_000,
        say(during),
        during.map(() => 'token_revoked'),
      );
      expect(await starting.stop()).toBe(0);
    });

    it.each([
      ['the feed', ['revocations'], 'revocation_unavailable'],
      ['all of auth', ['keys', 'revocations'], 'keys_unavailable'],
    ])('without %s is not ready, and says yes to nobody, until it is there', async (what, failing, code) => {
      const [valid, revoked] = [await workingChain(system, BACK_MS), await revokedChain()];
      system.feedProxy.cut();
      if (what !== 'the feed') system.authProxy.cut();
      const starting = await system.start('resource');
      try {
        for (const end = performance.now() + 3_000; performance.now() < end; await sleep(50)) {
          expect(await readiness(starting)).toEqual({ status: 503, failing });
          expect(await askResource({ resource: starting }, valid.resource)).toBe(code);
          expect(await askResource({ resource: starting }, revoked.resource)).toBe(code);
          expect(await ask(`${starting.url}/whoami`, valid.resource)).toBe(code);
        }
      } finally {
        system.authProxy.restore();
        system.feedProxy.restore();
      }
      await until(BACK_MS, async () => (await readiness(starting)).status, 200);
      await until(BACK_MS, () => askResource({ resource: starting }, valid.resource), 200);
      expect(await askResource({ resource: starting }, revoked.resource)).toBe('token_revoked');
      expect(await starting.stop()).toBe(0);
    });
  });
});
