import { type SessionClientOptions } from '../src/index.js';
import { LocalLocks, type Locks } from '../src/local-locks.js';
import { FakeClock, settled } from './fake-clock.js';
import { Held, problem } from './fake-gateway.js';
import { BASE_URL, Browser, CREDENTIALS } from './fake-tabs.js';
import { CHANGED, ENDED, outcome } from './outcome.js';

const LOGIN = 'POST /auth/login';
const REFRESH = 'POST /auth/refresh';
const LOGOUT = 'POST /auth/logout';

describe('three tabs of one session', () => {
  let browser: Browser;
  beforeEach(() => (browser = new Browser()));

  const threeTabs = (options: SessionClientOptions = {}) =>
    [browser.tab(options), browser.tab(options), browser.tab(options)] as const;
  /** What becomes of these calls while so much time passes. */
  async function during<T>(seconds: number, calls: readonly Promise<T>[]): Promise<T[]> {
    const all = Promise.all(calls);
    await browser.clock.pass(seconds);
    return all;
  }
  const tokens = (tabs: readonly { accessToken(): Promise<string> }[]) =>
    during(20, tabs.map((tab) => outcome(tab.accessToken()))); // prettier-ignore

  /** A tab, and what lets it hear something. */
  function listening() {
    let listener: (event: { readonly data: unknown }) => void = () => undefined;
    const createChannel = () => ({
      postMessage: () => undefined,
      addEventListener: (_type: 'message', given: typeof listener) => (listener = given),
      close: () => undefined,
    });
    return [browser.tab({ createChannel }), (data: unknown) => listener({ data })] as const;
  }

  describe('with a login that takes longer than a refresh waits for its turn', () => {
    it('hear of it, though they have got a token meanwhile: it was the former user’s', async () => {
      browser.gateway.session = true;
      const [one, two] = threeTabs();
      await tokens([two]);
      browser.clock.freeze(3_600);
      const changes: string[] = [];
      two.subscribe(({ reason }) => changes.push(reason));
      const held = browser.gateway.hold(LOGIN);
      const login = one.login(CREDENTIALS);
      await browser.clock.pass(1);
      expect(await during(5, [outcome(two.accessToken())])).toEqual([expect.stringMatching(/^token-/)]);
      held.release();
      await during(1, [login]);
      expect(changes).toEqual(['login']);
      const [first, second] = await tokens([one, two]);
      expect(second).toBe(first);
    });

    it('do not end it by a refusal that was asked for before it was done', async () => {
      const [one, two] = threeTabs();
      const held = browser.gateway.hold(LOGIN);
      const login = one.login(CREDENTIALS);
      const refusal = new Held(() => problem(401, 'refresh_token_missing'));
      browser.gateway.once(REFRESH, refusal.whenReleased);
      const resumed = outcome(two.resume());
      await browser.clock.pass(4);
      expect(browser.gateway.refreshes).toBe(1);
      held.release();
      await during(1, [login]);
      refusal.release();
      await browser.clock.pass(1);
      await resumed;
      expect([one.state, two.state]).toEqual(['active', 'active']);
    });
  });

  describe('refresh once', () => {
    it('when they are opened together', async () => {
      browser.gateway.session = true;
      expect(await tokens(threeTabs())).toEqual(['token-1', 'token-1', 'token-1']);
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('when they wake up together', async () => {
      browser.gateway.session = true;
      const tabs = threeTabs();
      await tokens(tabs);
      browser.clock.freeze(3_600);
      expect(await tokens(tabs)).toEqual(['token-2', 'token-2', 'token-2']);
      expect(browser.gateway.refreshes).toBe(2);
    });

    it('when all use their token and it is about to expire', async () => {
      browser.gateway.session = true;
      const tabs = threeTabs();
      await tokens(tabs);
      await browser.clock.pass(280);
      expect(browser.gateway.refreshes).toBe(2);
      expect(await tokens(tabs)).toEqual(['token-2', 'token-2', 'token-2']);
    });

    it('when the API refuses the token of all of them', async () => {
      browser.gateway.session = true;
      const tabs = threeTabs();
      await tokens(tabs);
      browser.gateway.accepted.clear();
      const answers = await during(20, tabs.map((tab) => tab.fetch('/api'))); // prettier-ignore
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
      expect(browser.gateway.refreshes).toBe(2);
    });

    it('with no locks in the browser, when one comes a moment later than the other', async () => {
      browser.gateway.session = true;
      const [one, two] = threeTabs({ locks: null });
      const held = browser.gateway.hold(REFRESH);
      const first = one.accessToken();
      await browser.clock.pass(0.1);
      const second = two.accessToken();
      await browser.clock.pass(0.05);
      held.release();
      await browser.clock.pass(0.05);
      expect(await Promise.all([first, second])).toEqual(['token-1', 'token-1']);
      expect(browser.gateway.refreshes).toBe(1);
    });
  });

  it('refresh each for itself without a channel, and each works', async () => {
    browser.gateway.session = true;
    const tabs = threeTabs({ locks: null, createChannel: null });
    expect(await tokens(tabs)).toEqual(['token-1', 'token-2', 'token-3']);
  });

  it('refresh one after the other with locks but no channel', async () => {
    browser.gateway.session = true;
    const held = browser.gateway.hold(REFRESH);
    const all = Promise.all(threeTabs({ createChannel: null }).map((tab) => tab.accessToken()));
    await browser.clock.pass(2);
    expect(browser.gateway.refreshes).toBe(1);
    held.release();
    expect(await all).toEqual(['token-1', 'token-2', 'token-3']);
  });

  describe('a new one', () => {
    it('that finds nobody with a token refreshes, and for the others that is no login', async () => {
      const old = await browser.loggedIn();
      browser.clock.freeze(3_600);
      expect(await tokens([browser.tab()])).toEqual(['token-2']);
      expect(await old.accessToken()).toBe('token-2');
      expect(old.changes).toEqual([{ state: 'active', reason: 'login' }]);
    });

    it('is given the token of another, and refreshes nothing', async () => {
      await browser.loggedIn();
      const tab = browser.tab();
      expect(await tab.accessToken()).toBe('token-1');
      expect(tab.changes).toEqual([{ state: 'active', reason: 'resumed' }]);
      expect(browser.gateway.refreshes).toBe(0);
    });

    it('knows how old that token is', async () => {
      await browser.loggedIn();
      browser.clock.freeze(200);
      const tab = browser.tab();
      await tab.accessToken();
      await browser.clock.pass(69.999);
      expect(browser.gateway.refreshes).toBe(0);
      await browser.clock.pass(0.001);
      await browser.clock.pass(0.1);
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('is given none that is about to be replaced: 30 s', async () => {
      const old = await browser.loggedIn();
      browser.clock.freeze(270);
      const tab = browser.tab();
      expect(await tokens([tab])).toEqual(['token-2']);
      // Nor does the other refresh any more.
      expect(await tokens([old])).toEqual(['token-2']);
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('is given none that the API has refused', async () => {
      const old = await browser.loggedIn();
      browser.gateway.once('GET /api', () => problem(401, 'token_revoked'));
      browser.gateway.hold(REFRESH);
      const call = outcome(old.fetch('/api'));
      await settled();
      const tab = browser.tab({ locks: null });
      expect(await tokens([tab])).toEqual(['token-3']);
      expect(await call).toMatchObject({ status: 200 });
    });

    it('waits 100 ms for an answer, and then refreshes itself', async () => {
      browser.gateway.session = true;
      const token = browser.tab().accessToken();
      await browser.clock.pass(0.0999);
      expect(browser.gateway.refreshes).toBe(0);
      await browser.clock.pass(0.0001);
      expect(await token).toBe('token-1');
    });
  });

  describe('when one is frozen while it refreshes', () => {
    /** It holds the lock, the answer doesn't reach it, and its timers don't fire. */
    async function frozenTab() {
      const clock = new FakeClock();
      const tab = await browser.loggedIn({ clock });
      const held = browser.gateway.hold(REFRESH);
      for (const each of [clock, browser.clock]) each.freeze(300);
      const token = tab.accessToken();
      await clock.pass(0.1);
      browser.clock.freeze(0.1);
      expect(browser.gateway.refreshes).toBe(1);
      tab.deafen();
      const thaw = (seconds: number) => {
        clock.freeze(seconds);
        tab.thaw();
      };
      return { tab, token, held, thaw };
    }

    it('the others wait for 3 s, and go on without it', async () => {
      await frozenTab();
      const other = browser.tab();
      const token = other.accessToken();
      await browser.clock.pass(2.999);
      expect(browser.gateway.refreshes).toBe(1);
      await browser.clock.pass(0.101);
      expect(await token).toBe('token-3');
      expect(browser.gateway.refreshes).toBe(2);
    });

    it('the others wait no longer once one of them has a token', async () => {
      await frozenTab();
      const waiting = browser.tab().accessToken();
      await browser.clock.pass(1);
      await during(0.1, [browser.tab({ locks: null }).accessToken()]);
      expect(await waiting).toBe('token-3');
    });

    it('a logout waits for 3 s, and the others for nothing', async () => {
      await frozenTab();
      const [one, two] = threeTabs();
      const waiting = outcome(two.accessToken());
      await settled();
      const logout = one.logout();
      expect(await waiting).toEqual(ENDED);
      await browser.clock.pass(2.999);
      expect(browser.gateway.count(LOGOUT)).toBe(0);
      await browser.clock.pass(0.001);
      await logout;
      expect(browser.gateway.count(LOGOUT)).toBe(1);
    });

    it('it takes the newer token when it wakes up, and its own old one goes nowhere', async () => {
      const { tab, token, held, thaw } = await frozenTab();
      const other = browser.tab();
      await during(4, [other.accessToken()]);
      thaw(4);
      held.release();
      expect(await token).toBe('token-3');
      await settled();
      expect(await other.accessToken()).toBe('token-3');
      expect(tab.changes).toHaveLength(1);
    });

    it('it takes the newer token when its own answer comes first', async () => {
      const { tab, token, held, thaw } = await frozenTab();
      const other = browser.tab();
      await during(4, [other.accessToken()]);
      held.release();
      expect(await token).toBe('token-2');
      thaw(4);
      expect(await tab.accessToken()).toBe('token-3');
      await settled();
      expect(await other.accessToken()).toBe('token-3');
    });

    it('somebody can log in after 13 s', async () => {
      await frozenTab();
      const other = browser.tab();
      const login = other.login(CREDENTIALS);
      await browser.clock.pass(9);
      expect(browser.gateway.count(LOGIN)).toBe(1);
      await browser.clock.pass(4);
      await login;
      expect(await other.accessToken()).toBe('token-3');
    });
  });

  it('a message that a sleeping tab hears late is as old as it is', async () => {
    const clock = new FakeClock();
    const sleeper = await browser.loggedIn({ clock });
    const other = browser.tab();
    await other.accessToken();
    sleeper.deafen();
    await browser.clock.pass(280);
    expect(browser.said.at(-1)).toMatchObject({ type: 'token', value: 'token-2' });
    browser.clock.freeze(261);
    clock.freeze(541);
    sleeper.thaw();
    expect(await sleeper.accessToken()).toBe('token-2');
    await clock.pass(0.1);
    expect(await sleeper.accessToken()).toBe('token-3');
  });

  describe('when one logs out', () => {
    it('all have ended, each is told once, and nobody refreshes', async () => {
      browser.gateway.session = true;
      const tabs = threeTabs();
      await tokens(tabs);
      await tabs[0].logout();
      await settled();
      for (const tab of tabs) {
        expect(tab.changes.slice(1)).toEqual([{ state: 'ended', reason: 'logout' }]);
        expect(await outcome(tab.accessToken())).toEqual(ENDED);
      }
      await browser.clock.pass(600);
      expect(browser.gateway.refreshes).toBe(1);
      expect(browser.gateway.count(LOGOUT)).toBe(1);
    });

    it('a refresh that another has under way is dropped, and its cookie comes before the logout', async () => {
      const tab = await browser.loggedIn();
      const other = browser.tab();
      await other.accessToken();
      browser.clock.freeze(300);
      browser.gateway.hold(REFRESH);
      const token = outcome(other.accessToken());
      await browser.clock.pass(0.1);
      await tab.logout();
      expect(await token).toEqual(ENDED);
      expect(browser.gateway.calls.map(({ route }) => route)).toEqual([LOGIN, REFRESH, LOGOUT]);
      expect([tab.state, other.state]).toEqual(['ended', 'ended']);
    });

    it('one that nobody has asked yet has ended too', async () => {
      const tab = await browser.loggedIn();
      const other = browser.tab();
      await tab.logout();
      await settled();
      expect(other.state).toBe('ended');
    });

    it.each(['login', 'refresh'])('a token of a %s before that brings nothing back', async (by) => {
      const tab = await browser.loggedIn();
      const login = browser.said.at(-1) as object;
      browser.clock.freeze(0.001);
      await tab.logout();
      const [other, hear] = listening();
      browser.clock.freeze(1);
      hear(browser.said.at(-1));
      expect(other.state).toBe('ended');
      hear({ ...login, by });
      expect(other.state).toBe('ended');
    });

    it('what the server has said before that does not make it earlier', async () => {
      const tab = await browser.loggedIn();
      const login = browser.said.at(-1) as object;
      browser.clock.freeze(1);
      await tab.logout();
      const [other, hear] = listening();
      hear(browser.said.at(-1));
      hear({ type: 'ended', ageMs: 5_000, version: 1, sentAt: browser.clock.wall() });
      hear(login);
      expect(other.state).toBe('ended');
    });

    it('a token of a refresh after that brings nothing back either, and one of a login does', async () => {
      const tab = await browser.loggedIn();
      const token = browser.said.at(-1) as object;
      await tab.logout();
      const [other, hear] = listening();
      hear(browser.said.at(-1));
      browser.clock.freeze(1);
      hear({ ...token, by: 'refresh', sentAt: browser.clock.wall() });
      expect(other.state).toBe('ended');
      hear({ ...token, sentAt: browser.clock.wall() });
      expect(other.state).toBe('active');
    });
  });

  it('when the server ends the session, all have ended, and one has asked', async () => {
    browser.gateway.session = true;
    const tabs = threeTabs();
    await tokens(tabs);
    browser.gateway.session = false;
    browser.clock.freeze(300);
    expect(await tokens(tabs)).toEqual([ENDED, ENDED, ENDED]);
    expect(browser.gateway.refreshes).toBe(2);
    for (const tab of tabs) expect(tab.changes.slice(1)).toEqual([{ state: 'ended', reason: 'session_ended' }]);
  });

  it('when the server is busy, one asks, and all wait', async () => {
    browser.gateway.session = true;
    const tabs = threeTabs();
    browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable', { 'retry-after': '60' }));
    const busy = expect.objectContaining({ code: 'store_unavailable', temporary: true }) as unknown;
    expect(await tokens(tabs)).toEqual([busy, busy, busy]);
    expect(browser.gateway.refreshes).toBe(1);
    browser.clock.freeze(60);
    expect(await tokens(tabs)).toEqual(['token-1', 'token-1', 'token-1']);
    expect(browser.gateway.refreshes).toBe(2);
  });

  describe('when one has to wait', () => {
    const waitFor = (milliseconds: number) => ({
      ...{ type: 'wait', code: 'store_unavailable', milliseconds, version: 1, sentAt: browser.clock.wall() },
    });

    it('the others use their token as long as it lives, and refresh after that', async () => {
      await browser.loggedIn();
      const [other, hear] = listening();
      hear(browser.said.at(-1));
      await other.accessToken();
      await browser.clock.pass(265);
      hear(waitFor(15_000));
      await browser.clock.pass(14.999);
      expect(await other.accessToken()).toBe('token-1');
      expect(browser.gateway.refreshes).toBe(0);
      await browser.clock.pass(0.101);
      expect(browser.gateway.refreshes).toBe(1);
      expect(await other.accessToken()).toBe('token-2');
    });

    it('for a shorter time than they have to, they go on to wait', async () => {
      browser.gateway.session = true;
      const [other, hear] = listening();
      hear(waitFor(60_000));
      hear(waitFor(1_000));
      const busy = { code: 'store_unavailable', temporary: true, retryAfterSeconds: 50 };
      browser.clock.freeze(10);
      expect(await during(0.1, [outcome(other.accessToken())])).toEqual([busy]);
    });
  });

  it('keep on refreshing ahead when they hear of the token that they have', async () => {
    await browser.loggedIn();
    const [other, hear] = listening();
    hear(browser.said.at(-1));
    await other.accessToken();
    hear(browser.said.at(-1));
    await browser.clock.pass(270.1);
    expect(browser.gateway.refreshes).toBe(1);
  });

  describe('when somebody logs in', () => {
    it('one that nobody has asked yet is told, and so is who asks just then', async () => {
      const [one, two] = threeTabs();
      const held = browser.gateway.hold(LOGIN);
      const login = one.login(CREDENTIALS);
      await settled();
      const token = two.accessToken();
      await settled();
      held.release();
      await login;
      expect(await token).toBe('token-1');
      expect(two.changes).toEqual([{ state: 'active', reason: 'login' }]);
      expect(browser.gateway.refreshes).toBe(0);
    });

    it('without locks in the browser, a refresh under way is dropped, and the next is not kept waiting', async () => {
      const [one, two] = threeTabs({ locks: null });
      await one.login(CREDENTIALS);
      await settled();
      browser.clock.freeze(300);
      browser.gateway.hold(REFRESH);
      const token = outcome(one.accessToken());
      await browser.clock.pass(0.1);
      await two.login({ ...CREDENTIALS, username: 'bob' });
      expect(await token).toEqual(CHANGED);
      expect(await one.accessToken()).toBe('token-3');
      browser.clock.freeze(300);
      expect(await tokens([one])).toEqual(['token-4']);
    });

    it('all have the new token at once, and are told', async () => {
      browser.gateway.session = true;
      const tabs = threeTabs();
      await tokens(tabs);
      await tabs[0].login({ ...CREDENTIALS, username: 'bob' });
      await settled();
      for (const tab of tabs) {
        expect(await tab.accessToken()).toBe('token-2');
        expect(tab.changes.at(-1)).toEqual({ state: 'active', reason: 'login' });
        expect(tab.changes).toHaveLength(2);
      }
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('those that had ended go on', async () => {
      const [one, two] = threeTabs();
      expect(await during(1, [one.resume(), two.resume()])).toEqual([false, false]);
      await one.login(CREDENTIALS);
      await settled();
      expect(two.changes.at(-1)).toEqual({ state: 'active', reason: 'login' });
      expect(await two.accessToken()).toBe('token-1');
    });

    it('what another tab asked for as another fails', async () => {
      const tab = await browser.loggedIn();
      const other = browser.tab();
      await other.accessToken();
      const held = browser.gateway.hold('GET /api');
      browser.gateway.accepted.clear();
      const answer = outcome(other.fetch('/api'));
      await settled();
      await tab.login({ ...CREDENTIALS, username: 'bob' });
      await settled();
      held.release();
      expect(await answer).toEqual(CHANGED);
      expect(browser.gateway.count('GET /api')).toBe(1);
    });

    it('what is heard of the session before changes nothing', async () => {
      const tab = await browser.loggedIn();
      const before = browser.said.at(-1) as object;
      browser.clock.freeze(1);
      await tab.login({ ...CREDENTIALS, username: 'bob' });
      const [other, hear] = listening();
      hear(browser.said.at(-1));
      expect(await other.accessToken()).toBe('token-2');
      hear(before);
      hear({ ...before, by: 'refresh' });
      hear({ type: 'ended', ageMs: 500, version: 1, sentAt: browser.clock.wall() - 500 });
      expect(await other.accessToken()).toBe('token-2');
      expect(other.changes).toHaveLength(1);
      browser.clock.freeze(0.001);
      hear({ type: 'ended', ageMs: 0, version: 1, sentAt: browser.clock.wall() });
      expect(other.state).toBe('ended');
    });

    it.each([-86_400, 86_400])(
      'a clock that was set by %d s does not make older what comes after it',
      async (seconds) => {
        const [one, two] = threeTabs();
        await one.login(CREDENTIALS);
        browser.clock.setWall(seconds);
        await two.login(CREDENTIALS);
        await settled();
        expect(await one.accessToken()).toBe('token-2');
        browser.clock.setWall(-seconds);
        await two.logout();
        await settled();
        expect(one.state).toBe('ended');
        browser.clock.setWall(seconds);
        await two.login(CREDENTIALS);
        await settled();
        expect(await one.accessToken()).toBe('token-3');
      },
    );
  });

  it('of two gateways on one origin have nothing to do with each other', async () => {
    await browser.loggedIn();
    const other = browser.tab({ baseUrl: `${BASE_URL}/other` });
    await browser.clock.pass(1);
    expect(other.state).toBe('unknown');
  });

  it('one that is closed says nothing, and hears nothing', async () => {
    const tab = await browser.loggedIn();
    const closed = browser.tab();
    await closed.accessToken();
    closed.close();
    await tab.logout();
    await settled();
    expect(closed.changes).toHaveLength(1);
    expect(await outcome(closed.accessToken())).toMatchObject({ code: 'client_closed' });
  });

  describe('in a browser whose locks fail', () => {
    it.each<[string, Locks]>([
      ['at once, as in a page without an origin', { request: () => Promise.reject(new Error('SecurityError')) }],
      [
        'after the work has begun, as when somebody steals the lock',
        {
          request: async (_name, _options, work) => {
            void work();
            await settled();
            throw new Error('AbortError');
          },
        },
      ],
    ])('%s: works', async (_what, locks) => {
      browser.gateway.session = true;
      expect(await tokens([browser.tab({ locks })])).toEqual(['token-1']);
      expect(browser.gateway.refreshes).toBe(1);
    });
  });

  it('a page that comes back from the cache of the browser knows nothing, and asks', async () => {
    const events = new EventTarget();
    const page = globalThis as { addEventListener?: unknown };
    page.addEventListener = events.addEventListener.bind(events);
    try {
      const tab = browser.tab();
      const other = await browser.loggedIn();
      await settled();
      tab.deafen();
      await other.login({ ...CREDENTIALS, username: 'bob' });
      events.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: false }));
      expect(tab.state).toBe('active');
      events.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
      expect(tab.changes.at(-1)).toEqual({ state: 'unknown', reason: 'page_restored' });
      tab.thaw();
      expect(await tab.accessToken()).toBe('token-2');
      tab.close();
    } finally {
      delete page.addEventListener;
    }
  });

  it('a timer that is late is noticed when the page is seen again', async () => {
    const events = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
    const page = globalThis as { document?: unknown };
    page.document = events;
    try {
      const tab = await browser.loggedIn({ locks: new LocalLocks() });
      await tab.accessToken();
      const seen = (state: string) => {
        events.visibilityState = state;
        events.dispatchEvent(new Event('visibilitychange'));
        return browser.clock.pass(0.1);
      };
      // The timer counts by the clock that stands still.
      browser.clock.sleep(269);
      await seen('visible');
      browser.clock.sleep(1);
      await seen('hidden');
      expect(browser.gateway.refreshes).toBe(0);
      await seen('visible');
      expect(browser.gateway.refreshes).toBe(1);
      tab.close();
    } finally {
      delete page.document;
    }
  });

  it('what failed because of the network is tried again when that is back', async () => {
    const events = new EventTarget();
    const page = globalThis as { addEventListener?: unknown };
    page.addEventListener = events.addEventListener.bind(events);
    try {
      browser.gateway.session = true;
      const tab = browser.tab({ createChannel: null });
      for (let i = 0; i < 2; i++) browser.gateway.once(REFRESH, () => Promise.reject(new TypeError('failed')));
      for (let i = 0; i < 3; i++) expect(await outcome(tab.accessToken())).toMatchObject({ code: 'network_failed' });
      expect(browser.gateway.refreshes).toBe(2);
      events.dispatchEvent(new Event('online'));
      expect(await tab.accessToken()).toBe('token-1');
      tab.close();
    } finally {
      delete page.addEventListener;
    }
  });
});
