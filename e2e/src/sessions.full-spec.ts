import { describeWith, REDIS } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { askGateway, until } from './chain';
import { Device } from './device';
import { RedisSystem, UNAVAILABLE } from './redis-system';
import { type Username } from './system';

const BACK_MS = 8_000;
const ENDED = { status: 401, code: 'session_ended' };

describeWith(REDIS)('sessions of two auths', () => {
  let system: RedisSystem;
  const tokens: string[] = [];

  beforeAll(async () => {
    system = await RedisSystem.start({ persistent: true });
  });
  afterAll(async () => {
    await system.stop();
    const lines = system.started.flatMap((app) => app.lines).join('\n');
    expect(tokens.length).toBeGreaterThan(100);
    for (const token of tokens) expect(lines).not.toContain(token.slice(-40));
  });

  const device = async (username: Username = 'alice', at = 0): Promise<Device> => {
    const made = new Device(system.auth(at).url);
    tokens.push(await made.login(system.accounts[username]), made.cookie);
    return made;
  };
  const noted = async (one: Device): Promise<Awaited<ReturnType<Device['refresh']>>> => {
    const answer = await one.refresh();
    if (answer.status === 200) tokens.push(answer.token, one.cookie);
    return answer;
  };
  /** As many tabs, at one auth and the other in turn. */
  const tabs = (one: Device, count: number): Device[] =>
    Array.from({ length: count }, (_, i) => one.copy(system.auth(i % 2).url));

  it('50 refreshes of one token at once have one successor, in each of 20 rounds', async () => {
    const browser = await device();
    for (let round = 0; round < 20; round++) {
      const all = tabs(browser, 50);
      const answers = await Promise.all(all.map(noted));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(new Set(all.map(({ cookie }) => cookie)).size).toBe(1);
      browser.cookie = all[0]?.cookie ?? '';
    }
    expect(await noted(browser)).toMatchObject({ status: 200 });
  });

  it('a token that comes again after a second is honest; one that comes 10 seconds after its successor ends all', async () => {
    const browser = await device('bob');
    const thief = browser.copy(system.auth(1).url);
    const first = await noted(browser);
    await sleep(1_000);
    expect(await noted(thief.copy())).toMatchObject({ status: 200 });
    const second = await noted(browser);
    await sleep(10_100);
    const before = browser.cookie;
    expect(await noted(thief)).toMatchObject(ENDED);
    expect(await noted(browser)).toMatchObject(ENDED);
    expect(browser.cookie).toBe(before);
    for (const { token } of [first, second]) await until(1_000, () => askGateway(system, token), 'token_revoked');
    const line = await system.auth(1).wrote('refresh_replayed');
    expect(line).toContain('recent_parent');
    expect(line).toContain(String(decodeJwt(first.token).sid));
  }, 60_000);

  it('"log out everywhere" in the middle of 50 refreshes leaves nothing', async () => {
    const devices: { one: Device; found: string[] }[] = [];
    for (let i = 0; i < 50; i++) devices.push({ one: await device('carol', i % 2), found: [] });
    const refresh = async ({ one, found }: (typeof devices)[number]): Promise<void> => {
      // One after the other, until it hears that it is over.
      for (let i = 0; i < 100; i++) {
        const { status, token } = await noted(one);
        if (status !== 200) return;
        found.push(token);
      }
    };
    const everywhere = async (): Promise<void> => {
      await sleep(150);
      const leaver = new Device(system.auth(1).url);
      tokens.push(await leaver.login(system.accounts.carol), leaver.cookie);
      expect((await leaver.send('DELETE', '/auth/sessions')).status).toBe(204);
    };
    await Promise.all([...devices.map(refresh), everywhere()]);
    for (const { one, found } of devices) {
      expect(await one.refresh()).toMatchObject(ENDED);
      for (const token of found) await until(1_000, () => askGateway(system, token), 'token_revoked');
    }
    expect(devices.flatMap(({ found }) => found).length).toBeGreaterThan(50);
  }, 60_000);

  it('an auth that is killed in the middle of refreshes logs nobody out', async () => {
    const devices = await Promise.all(Array.from({ length: 20 }, (_, i) => device('alice', i % 2)));
    let killed = false;
    const refresh = async (one: Device, i: number): Promise<void> => {
      for (let round = 0; round < 30; round++) {
        // Whoever gets no answer comes to the other one, with the token that it has.
        one.url = system.auth(killed ? 1 : (i + round) % 2).url;
        const answer = await noted(one).catch(() => undefined);
        if (answer) expect(answer).toMatchObject({ status: 200 });
        await sleep(10);
      }
    };
    const kill = async (): Promise<void> => {
      await sleep(150);
      killed = true;
      system.auth(0).signal('SIGKILL');
      await system.auth(0).exited();
    };
    await Promise.all([...devices.map(refresh), kill()]);
    for (const one of devices) expect(await noted(one)).toMatchObject({ status: 200 });
    await system.startAuth(0);
    await system.reconnect();
  }, 60_000);

  it('Redis that does not answer is told as that, and the token is as good as before', async () => {
    const browser = await device();
    const late = browser.copy();
    system.redis.signal('SIGSTOP');
    try {
      for (const at of [0, 1]) {
        const answer = await browser.copy(system.auth(at).url).refresh();
        expect(answer).toMatchObject({ ...UNAVAILABLE, token: '' });
      }
      expect((await browser.send('POST', '/auth/logout')).status).toBe(503);
    } finally {
      system.redis.signal('SIGCONT');
    }
    await until(BACK_MS, async () => (await noted(browser)).status, 200);
    // What was asked of it meanwhile it may have done.
    expect(await noted(late)).toMatchObject({ status: 200 });
  }, 60_000);

  it('Redis that was killed has what it was told, when it is there again', async () => {
    const browser = await device();
    await noted(browser);
    const before = browser.copy();
    await noted(browser);
    await system.redis.stop();
    expect(await browser.refresh()).toMatchObject(UNAVAILABLE);
    await system.startRedis();
    await until(BACK_MS, async () => (await noted(browser)).status, 200);
    await sleep(10_100);
    expect(await noted(before)).toMatchObject(ENDED);
    expect(await noted(browser)).toMatchObject(ENDED);
  }, 60_000);
});
