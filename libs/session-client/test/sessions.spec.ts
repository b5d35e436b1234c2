import { json, problem } from './fake-gateway.js';
import { Browser } from './fake-tabs.js';
import { ENDED, outcome } from './outcome.js';

const alone = { locks: null, createChannel: null };
const SESSIONS = 'GET /auth/sessions';

const listed = (more: object = {}) => ({
  id: 'a1_B-2',
  current: true,
  client_id: 'gateway',
  created_at: '2026-03-01T10:00:00Z',
  last_used_at: '2026-03-01T11:59:59.5Z',
  expires_at: '2026-03-08T10:00:00Z',
  ...more,
});

describe("the user's sessions", () => {
  let browser: Browser;
  beforeEach(() => (browser = new Browser()));

  it('are listed with their times', async () => {
    const tab = await browser.loggedIn(alone);
    const other = { id: 'c3', current: false, user_agent: 'Firefox', address: '192.0.2.1' };
    browser.gateway.once(SESSIONS, () => json(200, { sessions: [listed(), listed(other)] }));
    const session = {
      id: 'a1_B-2',
      current: true,
      clientId: 'gateway',
      createdAt: new Date('2026-03-01T10:00:00Z'),
      lastUsedAt: new Date('2026-03-01T11:59:59.5Z'),
      expiresAt: new Date('2026-03-08T10:00:00Z'),
    };
    expect(await tab.sessions()).toEqual([
      session,
      { ...session, id: 'c3', current: false, userAgent: 'Firefox', address: '192.0.2.1' },
    ]);
    expect(browser.gateway.calls.at(-1)?.init).toMatchObject({ credentials: 'same-origin' });
  });

  it.each([
    ['no list', {}],
    ['an id that is a number', { sessions: [listed({ id: 1 })] }],
    ['a time that is none', { sessions: [listed({ created_at: 'yesterday' })] }],
    ['null', { sessions: [null] }],
  ])('are not made of %s', async (_what, body) => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.once(SESSIONS, () => json(200, body));
    expect(await outcome(tab.sessions())).toMatchObject({ code: 'unexpected_answer' });
  });

  it('end one by one', async () => {
    const tab = await browser.loggedIn(alone);
    const route = 'DELETE /auth/sessions/c3_-';
    browser.gateway.once(route, () => new Response(null, { status: 204 }));
    await tab.endSession('c3_-');
    expect(browser.gateway.calls.at(-1)?.headers.get('x-token-relay')).toBe('1');
    browser.gateway.once(route, () => problem(404, 'session_not_found'));
    expect(await outcome(tab.endSession('c3_-'))).toEqual({ code: 'session_not_found', temporary: false });
    expect(tab.state).toBe('active');
  });

  it.each(['', '.', '..', 'a/b', '?except=current', 'a%2fb'])('are not ended by what is no id: %j', async (id) => {
    const tab = await browser.loggedIn(alone);
    await expect(tab.endSession(id)).rejects.toThrow(TypeError);
    expect(browser.gateway.calls).toHaveLength(1);
  });

  it('are asked for again after a refresh, when the cookie was replaced by another tab', async () => {
    const tab = await browser.loggedIn(alone);
    browser.gateway.once(SESSIONS, () => problem(401, 'session_ended'));
    browser.gateway.once(SESSIONS, () => problem(401, 'session_ended'));
    expect(await outcome(tab.sessions())).toEqual(ENDED);
    expect(browser.gateway.calls.map(({ route }) => route).slice(1)).toEqual([
      SESSIONS,
      'POST /auth/refresh',
      SESSIONS,
    ]);
    // What a refresh says is what counts.
    expect(tab.state).toBe('active');
    browser.gateway.once(SESSIONS, () => problem(401, 'session_ended'));
    browser.gateway.session = false;
    expect(await outcome(tab.sessions())).toEqual(ENDED);
    expect(tab.state).toBe('ended');
  });

  it('are not asked for without a session', async () => {
    const tab = browser.tab(alone);
    expect(await outcome(tab.sessions())).toEqual(ENDED);
    expect(browser.gateway.count(SESSIONS)).toBe(0);
  });
});
