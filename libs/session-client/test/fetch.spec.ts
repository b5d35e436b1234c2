import { settled } from './fake-clock.js';
import { json, problem } from './fake-gateway.js';
import { BASE_URL, Browser, CREDENTIALS } from './fake-tabs.js';
import { CHANGED, ENDED, outcome } from './outcome.js';

const REFRESH = 'POST /auth/refresh';
const API = 'POST /api/things';
const alone = { locks: null, createChannel: null };

describe('fetch of a session', () => {
  let browser: Browser;
  beforeEach(() => (browser = new Browser()));
  const api = () => browser.gateway.calls.filter(({ route }) => route.includes('/api'));
  /** The API takes no token of those that there are. */
  const refuseTokens = () => browser.gateway.accepted.clear();
  const refuseAlways = (status = 401) => {
    for (let i = 0; i < 10; i++) browser.gateway.once('GET /api', () => problem(status, 'token_invalid'));
  };

  it('sends the token, and what the caller has said', async () => {
    const tab = await browser.loggedIn(alone);
    const answer = await tab.fetch('/api/things', {
      method: 'POST',
      body: 'hello',
      headers: { 'content-type': 'text/plain', Authorization: 'Basic eDp5', 'x-own': 'own' },
      credentials: 'omit',
    });
    expect(await answer.json()).toEqual({ token: 'token-1', body: 'hello' });
    const [call] = api();
    expect(call?.headers.get('x-own')).toBe('own');
    expect(call?.headers.get('authorization')).toBe('Bearer token-1');
    expect(call?.init).toMatchObject({ credentials: 'omit' });
    expect(browser.gateway.refreshes).toBe(0);
  });

  it('needs no `this`', async () => {
    const { fetch } = await browser.loggedIn(alone);
    expect((await fetch('/api')).status).toBe(200);
  });

  it('gets a token first if there is none', async () => {
    browser.gateway.session = true;
    const answer = await browser.tab(alone).fetch('/api');
    expect(answer.status).toBe(200);
    expect(browser.gateway.calls.map(({ route }) => route)).toEqual([REFRESH, 'GET /api']);
  });

  describe('when the API refuses the token', () => {
    it('refreshes once and sends once more', async () => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      const answer = await tab.fetch('/api');
      expect(await answer.json()).toMatchObject({ token: 'token-2' });
      expect(api().map(({ token }) => token)).toEqual(['token-1', 'token-2']);
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('refreshes once for all calls that were under way', async () => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      const answers = await Promise.all(Array.from({ length: 20 }, () => tab.fetch('/api')));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('sends again without a refresh when the token was replaced meanwhile', async () => {
      const tab = await browser.loggedIn(alone);
      const held = browser.gateway.hold('GET /api');
      refuseTokens();
      const slow = tab.fetch('/api');
      await settled();
      await tab.fetch('/api');
      expect(browser.gateway.refreshes).toBe(1);
      held.release();
      expect((await slow).status).toBe(200);
      expect(browser.gateway.refreshes).toBe(1);
    });

    it('gives the second refusal to the caller as it is', async () => {
      const tab = await browser.loggedIn(alone);
      refuseAlways();
      const answer = await tab.fetch('/api');
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'token_invalid' });
      expect(api()).toHaveLength(2);
      expect(tab.state).toBe('active');
    });

    it('does not refresh for each call of an API that refuses every token, but once in 10 s', async () => {
      const tab = await browser.loggedIn(alone);
      refuseAlways();
      await tab.fetch('/api');
      expect([browser.gateway.refreshes, api().length]).toEqual([1, 2]);
      browser.clock.freeze(9.999);
      expect((await tab.fetch('/api')).status).toBe(401);
      expect([browser.gateway.refreshes, api().length]).toEqual([1, 3]);
      browser.clock.freeze(0.001);
      expect((await tab.fetch('/api')).status).toBe(401);
      expect([browser.gateway.refreshes, api().length]).toEqual([2, 5]);
    });

    it('throws that the session has ended, if that is why', async () => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      browser.gateway.session = false;
      expect(await outcome(tab.fetch('/api'))).toEqual(ENDED);
      expect(tab.state).toBe('ended');
      expect(api()).toHaveLength(1);
    });

    it('throws that nothing is decided, if the refresh fails for now: 401 would look like the end', async () => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      browser.gateway.once(REFRESH, () => problem(503, 'store_unavailable', { 'retry-after': '3' }));
      const busy = { code: 'store_unavailable', temporary: true, retryAfterSeconds: 3 };
      expect(await outcome(tab.fetch('/api'))).toEqual(busy);
      // The token that was refused isn't used again in the meantime.
      expect(await outcome(tab.fetch('/api'))).toEqual(busy);
      expect(api()).toHaveLength(1);
      expect(tab.state).toBe('active');
      browser.clock.freeze(3);
      expect((await tab.fetch('/api')).status).toBe(200);
    });

    it.each([403, 404, 500, 503])('does nothing about %d', async (status) => {
      const tab = await browser.loggedIn(alone);
      refuseAlways(status);
      expect((await tab.fetch('/api')).status).toBe(status);
      expect(api()).toHaveLength(1);
    });

    it.each<[number, (401 | 403)[], number]>([
      [403, [401, 403], 2],
      [401, [401, 403], 2],
      [403, [403], 2],
      [401, [403], 1],
    ])('by %d, it may be said: %j', async (status, retryOn, sent) => {
      const tab = await browser.loggedIn({ ...alone, retryOn });
      refuseAlways(status);
      expect((await tab.fetch('/api')).status).toBe(status);
      expect(api()).toHaveLength(sent);
    });
  });

  describe('sends again', () => {
    const form = new FormData();
    form.set('a', 'b');
    it.each<[string, RequestInit['body'], string]>([
      ['no body', undefined, ''],
      ['text', 'hello', 'hello'],
      ['an ArrayBuffer', new TextEncoder().encode('hello').buffer, 'hello'],
      ['a Uint8Array', new TextEncoder().encode('hello'), 'hello'],
      ['a Blob', new Blob(['hello']), 'hello'],
      ['a form', new URLSearchParams({ a: 'b c' }), 'a=b+c'],
      ['a form of several parts', form, 'name="a"'],
    ])('%s', async (_what, body, sent) => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      const answer = await tab.fetch('/api/things', { method: 'POST', ...(body !== undefined && { body }) });
      expect(answer.status).toBe(200);
      expect(api()).toHaveLength(2);
      for (const call of api()) expect(call.body).toContain(sent);
    });

    it.each<[string, RequestInit]>([
      ['a Request with a body', { method: 'POST', body: 'hello', headers: { 'x-own': 'own' } }],
      ['a Request with a form', { method: 'POST', body: new URLSearchParams({ hello: '' }) }],
    ])('%s', async (_what, init) => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      const request = new Request(`${BASE_URL}/api/things`, init);
      expect((await tab.fetch(request)).status).toBe(200);
      expect(api().map(({ token }) => token)).toEqual(['token-1', 'token-2']);
      for (const call of api()) {
        expect(call.body).toContain('hello');
        expect(call.headers.get('x-own')).toBe(request.headers.get('x-own'));
      }
    });

    it('no stream: the refusal is the answer, and the next call has a new token', async () => {
      const tab = await browser.loggedIn(alone);
      refuseTokens();
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('hello'));
          controller.close();
        },
      });
      const streamed = { method: 'POST', body, duplex: 'half' } as RequestInit;
      const answer = await tab.fetch('/api/things', streamed);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'token_invalid' });
      expect([api().length, browser.gateway.refreshes]).toEqual([1, 0]);
      expect((await tab.fetch('/api')).status).toBe(200);
      expect([api().length, browser.gateway.refreshes]).toEqual([2, 1]);
    });
  });

  describe('takes the token to the origin of baseUrl', () => {
    it.each([
      '/api',
      'api',
      './api?x=1',
      `${BASE_URL}/api`,
      new URL(`${BASE_URL}/api`),
      new Request(`${BASE_URL}/api`),
    ])('%s', async (input) => {
      const tab = await browser.loggedIn(alone);
      expect((await tab.fetch(input)).status).toBe(200);
      expect(api()[0]?.url).toMatch(/^https:\/\/gateway\.test\/api/);
    });

    it.each<string | URL | Request>([
      'https://evil.test/api',
      'https://gateway.test.evil.test/api',
      'https://gateway.test@evil.test/api',
      'https://gateway.test:444/api',
      'http://gateway.test/api',
      '//evil.test/api',
      '\\\\evil.test/api',
      'data:text/plain,gateway.test',
      'blob:https://gateway.test/b2b1',
      new URL('https://evil.test/api'),
      new Request('https://evil.test/api'),
    ])('and not to %s, where nothing is sent', async (input) => {
      const tab = await browser.loggedIn(alone);
      expect(await outcome(tab.fetch(input))).toEqual({ code: 'token_not_for_origin', temporary: false });
      expect(browser.gateway.calls).toHaveLength(1);
    });

    it('and to others that were named, and to no other for that', async () => {
      const tab = await browser.loggedIn({ ...alone, allowedOrigins: ['https://files.test/any/path'] });
      expect((await tab.fetch('https://files.test/api')).status).toBe(200);
      for (const other of ['https://x.files.test/api', 'https://evil.test/api']) {
        expect(await outcome(tab.fetch(other))).toMatchObject({ code: 'token_not_for_origin' });
      }
    });

    it.each<[RequestInit, string]>([
      [{}, 'error'],
      [{ redirect: 'follow' }, 'error'],
      [{ redirect: 'error' }, 'error'],
      [{ redirect: 'manual' }, 'manual'],
    ])('and along no redirect: with %j it is %s', async (init, redirect) => {
      const tab = await browser.loggedIn(alone);
      await tab.fetch('/api', init);
      await tab.fetch(new Request(`${BASE_URL}/api`, init));
      expect(api().map((call) => call.init.redirect)).toEqual([redirect, redirect]);
    });
  });

  describe('never sends in the name of another', () => {
    it('what was begun before somebody logged in', async () => {
      const tab = await browser.loggedIn(alone);
      const held = browser.gateway.hold('GET /api');
      refuseTokens();
      const answer = outcome(tab.fetch('/api'));
      await settled();
      await tab.login({ ...CREDENTIALS, username: 'bob' });
      held.release();
      expect(await answer).toEqual(CHANGED);
      expect(api()).toHaveLength(1);
    });

    it('what was begun before somebody logged out', async () => {
      const tab = await browser.loggedIn(alone);
      const held = browser.gateway.hold('GET /api');
      refuseTokens();
      const answer = outcome(tab.fetch('/api'));
      await settled();
      await tab.logout();
      held.release();
      expect(await answer).toEqual(ENDED);
    });
  });

  it("throws what the caller's own signal says", async () => {
    const tab = await browser.loggedIn(alone);
    const reason = new Error('mine');
    await expect(tab.fetch('/api', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('gives a good answer to the caller unread', async () => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.once(API, () => json(201, { id: 1 }));
    const answer = await tab.fetch('/api/things', { method: 'POST' });
    expect(answer.bodyUsed).toBe(false);
    expect(await answer.json()).toEqual({ id: 1 });
  });
});
