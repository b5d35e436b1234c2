import { describeWith } from '@token-relay/testing/servers';
import { type Browser, type BrowserContext } from 'playwright-core';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM, launchChromium, Tab } from './browser/chromium';
import { Front } from './browser/front';
import { System } from './system';

/** What needs a token, all along the chain. */
const API = '/api/whoami';
/** The machine may be busy: an answer of another tab is waited for, as long as it takes. */
const OPTIONS = { refreshJitterSeconds: 0, tabAnswerMs: 1_000 };

describeWith(CHROMIUM)('three tabs in Chromium', () => {
  let browser: Browser;
  let front: Front;
  let system: System;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await launchChromium();
    front = await Front.start();
    // The page's origin is the issuer, as it is where the gateway serves the page.
    system = await System.start({ issuer: front.origin });
    front.leadTo(system.gateway.url);
  });
  afterAll(async () => {
    await browser.close();
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
    await front.stop();
  });
  beforeEach(async () => {
    // Nobody's cookies, storage or tabs but the test's own.
    context = await browser.newContext();
    front.refreshes.length = 0;
    front.claimedLifeSeconds = undefined;
  });
  afterEach(() => context.close());

  const open = (options: Record<string, number> = {}) => Tab.open(context, front.origin, { ...OPTIONS, ...options });
  const openThree = async (options?: Record<string, number>) =>
    [await open(options), await open(options), await open(options)] as const;

  /** Three tabs of a user who has logged in in the first. */
  async function loggedIn(options?: Record<string, number>) {
    const tabs = await openThree(options);
    await tabs[0].do('login', credentials('alice'));
    for (const tab of tabs) expect(await tab.do('call', API)).toBe(200);
    expect(front.refreshes).toEqual([]);
    return tabs;
  }

  const credentials = (name: 'alice' | 'bob') => {
    const { username, password } = system.accounts[name];
    return { username, password };
  };
  const all = <T>(tabs: readonly Tab[], what: string, ...parameters: unknown[]): Promise<T[]> =>
    Promise.all(tabs.map((tab) => tab.do<T>(what, ...parameters)));

  /** All have the same token, and the API takes it. */
  async function expectToWork(tabs: readonly Tab[]): Promise<void> {
    const tokens = await all<string>(tabs, 'token');
    expect(tokens[0]).toMatch(/^[0-9a-f]{12}$/);
    expect(new Set(tokens).size).toBe(1);
    expect(await all(tabs, 'call', API)).toEqual(tabs.map(() => 200));
  }

  it('that are opened together refresh once', async () => {
    const before = await open();
    await before.do('login', credentials('alice'));
    await before.page.close();
    const tabs = await openThree();
    expect(await all(tabs, 'resume')).toEqual([true, true, true]);
    expect(front.refreshes).toEqual([200]);
    await expectToWork(tabs);
    expect(front.refreshes).toEqual([200]);
  });

  it('that have all slept until their token expired, and wake up together, refresh once', async () => {
    front.claimedLifeSeconds = 4;
    const tabs = await loggedIn();
    for (const tab of tabs) void tab.do('keepCalling', API).catch(() => undefined);
    await Promise.all(tabs.map((tab) => Promise.all([tab.frozen(), tab.freeze()])));
    const asleep = front.refreshes.length;
    front.claimedLifeSeconds = undefined;
    await sleep(4_100);
    expect(front.refreshes).toHaveLength(asleep);
    await Promise.all(tabs.map((tab) => tab.thaw()));
    // What was under way when they fell asleep.
    for (const tab of tabs) await tab.results();
    for (const tab of tabs) await tab.until('tab.results.length > 2');
    for (const tab of tabs) expect(new Set(await tab.results())).toEqual(new Set([200]));
    await expectToWork(tabs);
    expect(front.refreshes.slice(asleep)).toEqual([200]);
  });

  it('whose clock says that the device has slept for hours refresh once', async () => {
    await context.clock.install();
    const tabs = await loggedIn();
    await context.clock.fastForward('08:00:00');
    expect(await all(tabs, 'call', API)).toEqual([200, 200, 200]);
    await expectToWork(tabs);
    expect(front.refreshes).toEqual([200]);
  });

  it('of which one is frozen while it refreshes go on without it, and it goes on when it wakes up', async () => {
    const tabs = await loggedIn({ tabLockWaitMs: 500, tabAnswerMs: 200 });
    const [frozen, ...others] = tabs;
    await context.clock.install();
    await context.clock.fastForward('08:00:00');
    const held = front.holdNextRefresh();
    const call = frozen.do('call', API);
    await held.made;
    const stopped = frozen.frozen();
    await frozen.freeze();
    held.letGo();
    await stopped;
    expect(await all(others, 'call', API)).toEqual([200, 200]);
    expect(front.refreshes.length).toBeGreaterThan(1);
    await frozen.thaw();
    expect(await call).toBe(200);
    expect(await all(tabs, 'call', API)).toEqual([200, 200, 200]);
    expect(new Set(front.refreshes)).toEqual(new Set([200]));
  });

  it('of which one loses the answer of its refresh stay logged in, and the next call works', async () => {
    await context.clock.install();
    const tabs = await loggedIn();
    await context.clock.fastForward('08:00:00');
    front.loseNextRefresh();
    expect(await tabs[0].do('call', API)).toBe('network_failed');
    expect(await tabs[0].do('state')).toBe('active');
    expect(await tabs[0].do('call', API)).toBe(200);
    await expectToWork(tabs);
    expect(front.refreshes).toEqual([200, 200]);
  });

  it('have all ended when one logs out, and nobody refreshes any more', async () => {
    await context.clock.install();
    const tabs = await loggedIn();
    await tabs[1].do('logout');
    for (const tab of tabs) {
      await tab.until("tab.state() === 'ended'");
      expect((await tab.changes()).slice(1)).toEqual([{ state: 'ended', reason: 'logout' }]);
    }
    expect(await all(tabs, 'call', API)).toEqual(['session_ended', 'session_ended', 'session_ended']);
    await context.clock.fastForward('08:00:00');
    expect(await all(tabs, 'token')).toEqual(['session_ended', 'session_ended', 'session_ended']);
    expect(front.refreshes).toEqual([]);
    expect(await context.cookies()).toEqual([]);
    await tabs[0].reload();
    expect(await tabs[0].do('resume')).toBe(false);
    expect(front.refreshes).toEqual([401]);
  });

  it('have all ended when one logs out while another refreshes', async () => {
    await context.clock.install();
    const tabs = await loggedIn();
    await context.clock.fastForward('08:00:00');
    const held = front.holdNextRefresh();
    const call = tabs[0].do('call', API);
    await held.made;
    const logout = tabs[1].do('logout');
    expect(await call).toBe('session_ended');
    held.letGo();
    await logout;
    for (const tab of tabs) await tab.until("tab.state() === 'ended'");
    expect(await all(tabs, 'token')).toEqual(['session_ended', 'session_ended', 'session_ended']);
    expect(front.refreshes).toEqual([200]);
  });

  it('all have the token of another user when somebody logs in as that', async () => {
    const tabs = await loggedIn();
    const before = await tabs[2].do('token');
    await tabs[1].do('login', credentials('bob'));
    for (const tab of tabs) await tab.until("tab.changes.at(-1).reason === 'login'");
    await expectToWork(tabs);
    expect(await tabs[2].do('token')).not.toBe(before);
    expect(front.refreshes).toEqual([]);
  });

  it('go on after one refresh when one logs out everywhere else, and another browser does not', async () => {
    const tabs = await loggedIn();
    const elsewhere = await browser.newContext();
    const other = await Tab.open(elsewhere, front.origin, OPTIONS);
    await other.do('login', credentials('alice'));
    await tabs[0].do('logoutEverywhereElse');
    expect(front.refreshes).toEqual([200]);
    expect(await all(tabs, 'call', API)).toEqual([200, 200, 200]);
    await expectToWork(tabs);
    expect(front.refreshes).toEqual([200]);
    expect(await other.do('call', API)).toBe('session_ended');
    expect(await other.do('state')).toBe('ended');
    await elsewhere.close();
  });

  it('give a new one their token: it refreshes nothing', async () => {
    const tabs = await loggedIn();
    await expectToWork([...tabs, await open()]);
    expect(front.refreshes).toEqual([]);
  });

  it('keep their token where no script finds it, and the refresh token in a cookie that none can read', async () => {
    const [tab] = await loggedIn();
    await tab.reload();
    expect(await tab.do('kept')).toEqual({
      localStorage: {},
      sessionStorage: {},
      cookie: '',
      databases: [],
      caches: [],
      history: null,
      name: '',
      address: expect.stringMatching(/^http:/) as unknown,
      holds: [],
    });
    const [cookie, ...others] = await context.cookies();
    expect(cookie).toMatchObject({
      name: '__Host-refresh',
      httpOnly: true,
      secure: true,
      sameSite: 'Strict',
      path: '/',
    });
    expect(others).toEqual([]);
  });
});
