import { settled } from './fake-clock.js';
import { type Answer, json, problem } from './fake-gateway.js';
import { Browser } from './fake-tabs.js';
import { ENDED, outcome } from './outcome.js';

const REFRESH = 'POST /auth/refresh';

describe('a session', () => {
  let browser: Browser;
  beforeEach(() => (browser = new Browser()));

  /** Alone in the browser, without locks or channel, as in Node. */
  const alone = { locks: null, createChannel: null };

  describe('that nobody has asked about', () => {
    it('is unknown, and nothing is sent', async () => {
      const tab = browser.tab();
      await browser.clock.pass(600);
      expect(tab.state).toBe('unknown');
      expect(browser.gateway.calls).toEqual([]);
    });

    it('is resumed by one refresh if there is a cookie', async () => {
      browser.gateway.session = true;
      const tab = browser.tab(alone);
      expect(await tab.resume()).toBe(true);
      expect(await tab.accessToken()).toBe('token-1');
      expect(tab.changes).toEqual([{ state: 'active', reason: 'resumed' }]);
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('has ended if there is none, and then the server is asked no more', async () => {
      const tab = browser.tab(alone);
      expect(await tab.resume()).toBe(false);
      expect(await outcome(tab.accessToken())).toEqual(ENDED);
      expect(await outcome(tab.fetch('/api'))).toEqual(ENDED);
      expect(tab.state).toBe('ended');
      expect(tab.changes).toEqual([{ state: 'ended', reason: 'session_ended' }]);
      expect(browser.gateway.calls).toHaveLength(1);
    });
  });

  it('refreshes with the header and the cookie, no body, and no redirect', async () => {
    browser.gateway.session = true;
    await browser.tab(alone).accessToken();
    const [call] = browser.gateway.calls;
    expect(call?.url).toBe('https://gateway.test/auth/refresh');
    expect(call?.headers.get('x-token-relay')).toBe('1');
    expect(call?.init).toMatchObject({ method: 'POST', credentials: 'same-origin', redirect: 'error' });
    expect(call?.body).toBe('');
  });

  it('is refreshed once however many ask at the same time', async () => {
    browser.gateway.session = true;
    const tab = browser.tab(alone);
    const tokens = await Promise.all(Array.from({ length: 50 }, () => tab.accessToken()));
    expect(new Set(tokens)).toEqual(new Set(['token-1']));
    expect(browser.gateway.refreshes).toBe(1);
  });

  describe('whose token lives for 300 s, refreshed 30 s ahead', () => {
    it('is left alone while 31 s are left', async () => {
      const tab = await browser.loggedIn(alone);
      browser.clock.freeze(269);
      expect(await tab.accessToken()).toBe('token-1');
      await settled();
      expect(browser.gateway.refreshes).toBe(0);
    });

    it('is refreshed when 30 s are left, and nobody waits for it', async () => {
      const tab = await browser.loggedIn(alone);
      browser.clock.freeze(270);
      const held = browser.gateway.hold(REFRESH);
      expect(await tab.accessToken()).toBe('token-1');
      await settled();
      expect(browser.gateway.refreshes).toBe(1);
      held.release();
      await settled();
      expect(await tab.accessToken()).toBe('token-2');
    });

    it('is used up to its last 5 s, and then waited for', async () => {
      const tab = await browser.loggedIn(alone);
      browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable', { 'retry-after': '24' }));
      browser.clock.freeze(270);
      expect(await tab.accessToken()).toBe('token-1');
      await settled();
      browser.clock.freeze(24.999);
      expect(await tab.accessToken()).toBe('token-1');
      browser.clock.freeze(0.001);
      expect(await tab.accessToken()).toBe('token-2');
    });

    it('is refreshed by itself while it is in use', async () => {
      const tab = await browser.loggedIn(alone);
      await tab.accessToken();
      await browser.clock.pass(269.999);
      expect(browser.gateway.refreshes).toBe(0);
      await browser.clock.pass(0.001);
      expect(browser.gateway.refreshes).toBe(1);
      expect(await tab.accessToken()).toBe('token-2');
      await browser.clock.pass(270);
      expect(browser.gateway.refreshes).toBe(2);
    });

    it('is left to expire when nobody uses it', async () => {
      const tab = await browser.loggedIn(alone);
      await browser.clock.pass(3_600);
      expect(browser.gateway.refreshes).toBe(0);
      // Used once: the token after that is the last.
      await tab.accessToken();
      await browser.clock.pass(3_600);
      expect(browser.gateway.refreshes).toBe(2);
      expect(browser.clock.timers).toBe(0);
    });

    it.each([
      [0, 270],
      [0.5, 265],
      [0.999, 260.01],
    ])('is refreshed a little earlier by chance: %d of 10 s', async (random, seconds) => {
      const tab = await browser.loggedIn({ ...alone, refreshJitterSeconds: 10, random: () => random });
      await tab.accessToken();
      await browser.clock.pass(seconds - 0.001);
      expect(browser.gateway.refreshes).toBe(0);
      await browser.clock.pass(0.002);
      expect(browser.gateway.refreshes).toBe(1);
    });
  });

  it('with a token that lives shortly is refreshed half-way', async () => {
    browser.gateway.lifeSeconds = 20;
    const tab = await browser.loggedIn(alone);
    browser.clock.freeze(9.999);
    await tab.accessToken();
    await settled();
    expect(browser.gateway.refreshes).toBe(0);
    browser.clock.freeze(0.001);
    await tab.accessToken();
    await settled();
    expect(browser.gateway.refreshes).toBe(1);
  });

  describe('judges the age of its token by time', () => {
    it.each<[string, (browser: Browser) => void]>([
      ['a tab that was frozen', ({ clock }) => clock.freeze(300)],
      ['a device that slept while its monotonic clock stood still', ({ clock }) => clock.sleep(300)],
      ['a clock that was put forward', ({ clock }) => clock.setWall(300)],
      [
        'a clock that was put back while the time passed',
        ({ clock }) => {
          clock.setWall(-86_400);
          clock.freeze(300);
        },
      ],
    ])('in %s: it has expired', async (_what, happens) => {
      const tab = await browser.loggedIn(alone);
      await tab.accessToken();
      happens(browser);
      expect(await tab.accessToken()).toBe('token-2');
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('with a clock that was put back and nothing else: it is as it was', async () => {
      const tab = await browser.loggedIn(alone);
      browser.clock.setWall(-86_400);
      expect(await tab.accessToken()).toBe('token-1');
      expect(browser.gateway.refreshes).toBe(0);
    });

    it('from when it was asked for: an answer that waited in a sleeping tab is old', async () => {
      browser.gateway.session = true;
      const tab = browser.tab(alone);
      const held = browser.gateway.hold(REFRESH);
      const token = tab.accessToken();
      await settled();
      browser.clock.freeze(300);
      held.release();
      expect(await token).toBe('token-2');
    });

    it('and gives up on a server whose tokens have always expired', async () => {
      browser.gateway.session = true;
      const tab = browser.tab(alone);
      for (let i = 0; i < 2; i++) {
        browser.gateway.once(REFRESH, () => {
          browser.clock.freeze(300);
          return browser.gateway.grant();
        });
      }
      expect(await outcome(tab.accessToken())).toMatchObject({ code: 'unexpected_answer' });
      expect(browser.gateway.refreshes).toBe(2);
    });
  });

  describe('that the server says has ended', () => {
    it.each(['session_ended', 'refresh_token_missing'])(
      'by 401 %s is over, and everybody is told once',
      async (code) => {
        const tab = await browser.loggedIn(alone);
        browser.gateway.once(REFRESH, () => problem(401, code));
        browser.clock.freeze(300);
        const calls = await Promise.all([outcome(tab.accessToken()), outcome(tab.fetch('/api')), tab.resume()]);
        expect(calls).toEqual([ENDED, ENDED, false]);
        expect(tab.changes.slice(1)).toEqual([{ state: 'ended', reason: 'session_ended' }]);
        expect(browser.gateway.refreshes).toBe(1);
        expect(browser.clock.timers).toBe(0);
      },
    );
  });

  describe('that could not be refreshed', () => {
    const failures: [what: string, answer: Answer, thrown: object][] = [
      ['429', () => problem(429, 'refresh_too_often'), { code: 'refresh_too_often', temporary: true }],
      ['503', () => problem(503, 'store_unavailable'), { code: 'store_unavailable', temporary: true }],
      ['503 of a proxy', () => new Response('<html>', { status: 503 }), { code: 'temporarily_unavailable' }],
      ['502 of a proxy', () => new Response(null, { status: 502 }), { code: 'temporarily_unavailable' }],
      ['a network failure', () => Promise.reject(new TypeError('failed')), { code: 'network_failed', temporary: true }],
      ["a proxy's own 401", () => new Response('<html>', { status: 401 }), { code: 'unexpected_answer' }],
      ['401 with a code that is new', () => problem(401, 'something_new'), { code: 'unexpected_answer' }],
      ['session_ended with 500', () => problem(500, 'session_ended'), { code: 'temporarily_unavailable' }],
      ['403 without the header', () => problem(403, 'csrf_header_missing'), { code: 'csrf_header_missing' }],
      ['403 for the origin', () => problem(403, 'origin_not_allowed'), { code: 'origin_not_allowed' }],
      ['200 without JSON', () => new Response('<html>', { status: 200 }), { code: 'unexpected_answer' }],
      ['200 without a token', () => json(200, { token_type: 'Bearer', expires_in: 1 }), { code: 'unexpected_answer' }],
      [
        '200 with another type of token',
        () => json(200, { access_token: 'x', token_type: 'DPoP', expires_in: 300 }),
        { code: 'unexpected_answer' },
      ],
      ...[0, -1, '300', null].map<[string, Answer, object]>((expires_in) => [
        `200 with a token that lives ${expires_in} s`,
        () => json(200, { access_token: 'x', token_type: 'Bearer', expires_in }),
        { code: 'unexpected_answer' },
      ]),
    ];

    it.each(failures)('because of %s has not ended', async (_what, answer, thrown) => {
      const tab = await browser.loggedIn(alone);
      browser.gateway.once(REFRESH, answer);
      browser.clock.freeze(300);
      expect(await outcome(tab.accessToken())).toMatchObject(thrown);
      expect(tab.state).toBe('active');
      expect(tab.changes).toHaveLength(1);
      browser.clock.freeze(60);
      expect(await tab.accessToken()).toBe('token-2');
    });

    it.each(failures)('because of %s goes on with the token that lives', async (_what, answer) => {
      const tab = await browser.loggedIn(alone);
      browser.gateway.once(REFRESH, answer);
      browser.clock.freeze(280);
      expect(await tab.accessToken()).toBe('token-1');
      await settled();
      expect(await tab.accessToken()).toBe('token-1');
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('leaves the server alone for as long as it says', async () => {
      const tab = await browser.loggedIn(alone);
      browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable', { 'retry-after': '20' }));
      browser.clock.freeze(300);
      const busy = { code: 'store_unavailable', temporary: true };
      expect(await outcome(tab.accessToken())).toEqual({ ...busy, retryAfterSeconds: 20 });
      browser.clock.freeze(19.5);
      expect(await outcome(tab.accessToken())).toEqual({ ...busy, retryAfterSeconds: 1 });
      expect(browser.gateway.refreshes).toBe(1);
      browser.clock.freeze(0.5);
      expect(await tab.accessToken()).toBe('token-2');
    });

    it('is tried again by itself after that, as long as the token lives', async () => {
      const tab = await browser.loggedIn(alone);
      await tab.accessToken();
      for (let i = 0; i < 2; i++) {
        browser.gateway.once(REFRESH, () => problem(429, 'refresh_too_often', { 'retry-after': '12' }));
      }
      await browser.clock.pass(270);
      expect(browser.gateway.refreshes).toBe(1);
      await browser.clock.pass(11.999);
      expect(browser.gateway.refreshes).toBe(1);
      await browser.clock.pass(0.001);
      expect(browser.gateway.refreshes).toBe(2);
      await browser.clock.pass(12);
      expect(browser.gateway.refreshes).toBe(3);
      expect(await tab.accessToken()).toBe('token-2');
    });

    it('is not tried by itself once the token has expired', async () => {
      const tab = await browser.loggedIn(alone);
      await tab.accessToken();
      browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable', { 'retry-after': '40' }));
      await browser.clock.pass(3_600);
      expect(browser.gateway.refreshes).toBe(1);
      expect(browser.clock.timers).toBe(0);
    });

    it('because the answer got lost is refreshed by the next call', async () => {
      const tab = await browser.loggedIn(alone);
      browser.gateway.once(REFRESH, () => Promise.reject(new TypeError('failed')));
      browser.clock.freeze(300);
      expect(await outcome(tab.accessToken())).toEqual({ code: 'network_failed', temporary: true });
      expect(await tab.accessToken()).toBe('token-2');
    });

    it('twice because of the network is left alone for a second, then for two', async () => {
      browser.gateway.session = true;
      const tab = browser.tab({ ...alone, random: () => 1 });
      for (let i = 0; i < 4; i++) browser.gateway.once(REFRESH, () => Promise.reject(new TypeError('failed')));
      for (const seconds of [0, 1, 2]) {
        browser.clock.freeze(seconds);
        await outcome(tab.accessToken());
      }
      expect(browser.gateway.refreshes).toBe(3);
      browser.clock.freeze(1.999);
      expect(await outcome(tab.accessToken())).toMatchObject({ code: 'network_failed' });
      expect(browser.gateway.refreshes).toBe(3);
    });

    it('is left alone shortly again after a refresh that succeeded', async () => {
      browser.gateway.session = true;
      const tab = browser.tab({ ...alone, random: () => 1 });
      for (const seconds of [1, 2]) {
        browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable'));
        expect(await outcome(tab.accessToken())).toMatchObject({ code: 'store_unavailable' });
        browser.clock.freeze(seconds);
      }
      expect(await tab.accessToken()).toBe('token-1');
      browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable'));
      browser.clock.freeze(300);
      await outcome(tab.accessToken());
      browser.clock.freeze(1);
      expect(await tab.accessToken()).toBe('token-2');
    });

    it('because the server does not answer is given up after 10 s', async () => {
      const tab = await browser.loggedIn(alone);
      browser.gateway.hold(REFRESH);
      browser.clock.freeze(300);
      const token = outcome(tab.accessToken());
      let done = false;
      void token.then(() => (done = true));
      await browser.clock.pass(9.999);
      expect(done).toBe(false);
      await browser.clock.pass(0.001);
      expect(await token).toEqual({ code: 'timed_out', temporary: true });
      expect(await tab.accessToken()).toBe('token-3');
    });
  });

  it('that is closed gives nothing any more, and is not ended', async () => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.hold(REFRESH);
    browser.clock.freeze(300);
    const waiting = outcome(tab.accessToken());
    await settled();
    tab.close();
    const closed = { code: 'client_closed', temporary: false };
    expect(await waiting).toEqual(closed);
    expect(await outcome(tab.accessToken())).toEqual(closed);
    expect(await outcome(tab.login({ username: 'a', password: 'right' }))).toEqual(closed);
    expect(await outcome(tab.logout())).toEqual(closed);
    expect(browser.gateway.session).toBe(true);
    expect(browser.clock.timers).toBe(0);
    tab.close();
  });
});
