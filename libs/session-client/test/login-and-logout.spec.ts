import { settled } from './fake-clock.js';
import { problem } from './fake-gateway.js';
import { Browser, CREDENTIALS } from './fake-tabs.js';
import { CHANGED, ENDED, outcome } from './outcome.js';

const LOGIN = 'POST /auth/login';
const REFRESH = 'POST /auth/refresh';
const LOGOUT = 'POST /auth/logout';
const alone = { locks: null, createChannel: null };

describe('login', () => {
  let browser: Browser;
  beforeEach(() => (browser = new Browser()));

  it('sends the name and the password as JSON, and nothing else', async () => {
    const tab = browser.tab(alone);
    await tab.login({ ...CREDENTIALS, remember: true } as typeof CREDENTIALS);
    const [call] = browser.gateway.calls;
    expect(call?.route).toBe(LOGIN);
    expect(call?.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(call?.body ?? '')).toEqual(CREDENTIALS);
    expect(call?.init).toMatchObject({ credentials: 'same-origin', redirect: 'error' });
    expect(await tab.accessToken()).toBe('token-1');
    expect(tab.changes).toEqual([{ state: 'active', reason: 'login' }]);
  });

  it.each([
    [401, 'invalid_credentials', {}, { code: 'invalid_credentials', temporary: false }],
    [
      429,
      'too_many_attempts',
      { 'retry-after': '30' },
      { code: 'too_many_attempts', temporary: true, retryAfterSeconds: 30 },
    ],
    [503, 'login_busy', { 'retry-after': '1' }, { code: 'login_busy', temporary: true, retryAfterSeconds: 1 }],
  ])('that is refused by %d %s says so, and changes nothing', async (status, code, headers, thrown) => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.once(LOGIN, () => problem(status, code, headers));
    expect(await outcome(tab.login(CREDENTIALS))).toEqual(thrown);
    expect(tab.state).toBe('active');
    expect(await tab.accessToken()).toBe('token-1');
    expect(tab.changes).toHaveLength(1);
  });

  it('is possible at once while refreshes have to wait', async () => {
    browser.gateway.session = true;
    const tab = browser.tab(alone);
    browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable', { 'retry-after': '3600' }));
    await outcome(tab.accessToken());
    await tab.login(CREDENTIALS);
    expect(await tab.accessToken()).toBe('token-1');
    // Nor do those of the new session.
    browser.clock.freeze(300);
    expect(await tab.accessToken()).toBe('token-2');
  });

  it('begins again after the end', async () => {
    const tab = await browser.loggedIn(alone);
    await tab.logout();
    await tab.login(CREDENTIALS);
    expect(await tab.accessToken()).toBe('token-2');
    expect(tab.changes.map(({ state }) => state)).toEqual(['active', 'ended', 'active']);
  });

  it('waits for a refresh that is under way, whose cookie would come after its own', async () => {
    const tab = await browser.loggedIn(alone);
    const held = browser.gateway.hold(REFRESH);
    browser.clock.freeze(300);
    const token = outcome(tab.accessToken());
    await settled();
    const login = tab.login({ ...CREDENTIALS, username: 'bob' });
    await settled();
    expect(browser.gateway.count(LOGIN)).toBe(1);
    held.release();
    await login;
    expect(await token).toBe('token-2');
    expect(await tab.accessToken()).toBe('token-3');
    expect(browser.gateway.calls.map(({ route }) => route)).toEqual([LOGIN, REFRESH, LOGIN]);
  });

  it('lets nobody go on with what they asked for as another', async () => {
    const tab = await browser.loggedIn(alone);
    browser.clock.freeze(300);
    const login = tab.login({ ...CREDENTIALS, username: 'bob' });
    expect(await outcome(tab.accessToken())).toEqual(CHANGED);
    await login;
    expect(browser.gateway.refreshes).toBe(0);
    expect(tab.changes.at(-1)).toEqual({ state: 'active', reason: 'login' });
    expect(tab.changes).toHaveLength(2);
  });
});

describe('logout', () => {
  let browser: Browser;
  beforeEach(() => (browser = new Browser()));

  it('forgets the token at once, and ends the session at the server', async () => {
    const tab = await browser.loggedIn(alone);
    const held = browser.gateway.hold(LOGOUT);
    const logout = tab.logout();
    expect(tab.state).toBe('ended');
    expect(await outcome(tab.accessToken())).toEqual(ENDED);
    held.release();
    await logout;
    const call = browser.gateway.calls.at(-1);
    expect(call?.headers.get('x-token-relay')).toBe('1');
    expect(call?.init).toMatchObject({ credentials: 'same-origin', keepalive: true, redirect: 'error' });
    expect(tab.changes.at(-1)).toEqual({ state: 'ended', reason: 'logout' });
    expect(browser.clock.timers).toBe(0);
  });

  it('is not undone by a refresh whose answer comes late', async () => {
    const tab = await browser.loggedIn(alone);
    browser.clock.freeze(300);
    let answer = (): void => undefined;
    // One that heeds no signal.
    browser.gateway.once(REFRESH, () => new Promise((resolve) => (answer = () => resolve(browser.gateway.grant()))));
    const token = outcome(tab.accessToken());
    await settled();
    await tab.logout();
    answer();
    await settled();
    expect(await token).toEqual(ENDED);
    expect(tab.state).toBe('ended');
    expect(await outcome(tab.accessToken())).toEqual(ENDED);
    expect(browser.gateway.refreshes).toBe(1);
  });

  it('is not undone by a login whose answer comes late', async () => {
    const tab = browser.tab(alone);
    const held = browser.gateway.hold(LOGIN);
    const login = outcome(tab.login(CREDENTIALS));
    await settled();
    await tab.logout();
    held.release();
    expect(await login).toEqual(ENDED);
    expect(tab.state).toBe('ended');
    // The server hears of the logout last.
    expect(browser.gateway.session).toBe(false);
  });

  it('that the server has not heard of says so, and can be called again', async () => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.once(LOGOUT, () => Promise.reject(new TypeError('failed')));
    expect(await outcome(tab.logout())).toEqual({ code: 'network_failed', temporary: true });
    expect(tab.state).toBe('ended');
    expect(browser.gateway.session).toBe(true);
    await tab.logout();
    expect(browser.gateway.session).toBe(false);
    expect(tab.changes).toHaveLength(2);
  });

  it('everywhere ends all sessions, and this one as logout does', async () => {
    const tab = await browser.loggedIn(alone);
    await tab.logoutEverywhere();
    expect(browser.gateway.calls.at(-1)?.route).toBe('DELETE /auth/sessions');
    expect(browser.gateway.calls.at(-1)?.headers.get('x-token-relay')).toBe('1');
    expect(tab.changes.at(-1)).toEqual({ state: 'ended', reason: 'logout' });
  });

  it('everywhere but here goes on with a new token', async () => {
    const tab = await browser.loggedIn(alone);
    await tab.logoutEverywhere({ exceptThis: true });
    expect(browser.gateway.calls.map(({ route }) => route).slice(1)).toEqual([
      'DELETE /auth/sessions?except=current',
      REFRESH,
    ]);
    expect((await tab.fetch('/api')).status).toBe(200);
    expect(browser.gateway.count('GET /api')).toBe(1);
    expect(tab.state).toBe('active');
  });

  it('everywhere but here has succeeded even if the new token has to wait', async () => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.once(REFRESH, () => Promise.reject(new TypeError('failed')));
    await tab.logoutEverywhere({ exceptThis: true });
    expect((await tab.fetch('/api')).status).toBe(200);
    expect(browser.gateway.count('GET /api')).toBe(1);
  });
});

describe('a listener', () => {
  it('hears no more once it has unsubscribed, and others do', async () => {
    const tab = new Browser().tab(alone);
    const heard: string[] = [];
    const one = tab.subscribe(({ state }) => heard.push(`one ${state}`));
    tab.subscribe(({ state }) => heard.push(`two ${state}`));
    await tab.login(CREDENTIALS);
    one();
    await tab.logout();
    expect(heard).toEqual(['one active', 'two active', 'two ended']);
  });

  it('that throws keeps nobody from hearing, and fails no call', async () => {
    const tab = new Browser().tab(alone);
    const thrown: unknown[] = [];
    const later = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
    const error = new Error('of the page');
    tab.subscribe(() => {
      throw error;
    });
    const heard: string[] = [];
    tab.subscribe(({ state }) => heard.push(state));
    await tab.login(CREDENTIALS);
    later.mockRestore();
    expect(heard).toEqual(['active']);
    expect(thrown).toEqual([error]);
  });
});
