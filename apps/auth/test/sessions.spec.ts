import { describeWith, REDIS, startRedis, type TestServer } from '@token-relay/testing/servers';
import { decodeJwt } from 'jose';
import { randomBytes } from 'node:crypto';
import { slotOf } from '../src/store/slot';
import { type Answer, AuthApp, ISSUER, USERS } from './auth-app';

const PASSWORD = 'p';
const HEADER = { 'x-token-relay': '1' };
const DELETED =
  '__Host-refresh=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Strict';

interface ListedSession {
  readonly id: string;
  readonly current: boolean;
  readonly last_used_at: string;
}

/** A browser: it has a cookie, and keeps what it is given. */
class Browser {
  cookie: string | undefined;

  constructor(readonly auth: AuthApp) {}

  async login(username: keyof typeof USERS = 'alice'): Promise<string> {
    const credentials = JSON.stringify({ username, password: PASSWORD });
    const answer = await this.send('POST', '/auth/login', { 'content-type': 'application/json' }, credentials);
    if (answer.status !== 200) throw new Error(`no login: ${answer.status} ${String(answer.body.code)}`);
    return answer.body.access_token as string;
  }

  async refresh(headers: Record<string, string> = HEADER): Promise<Answer> {
    return this.send('POST', '/auth/refresh', headers);
  }

  /** With its cookie; takes the one that it is given. */
  async send(method: string, path: string, headers: Record<string, string> = HEADER, body?: string): Promise<Answer> {
    const cookie: Record<string, string> =
      this.cookie === undefined ? {} : { cookie: `theme=dark; __Host-refresh=${this.cookie}; a=b` };
    const answer = await fetch(`${this.auth.url}${path}`, {
      method,
      headers: { ...cookie, ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await answer.text();
    const given = /^__Host-refresh=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1];
    if (given !== undefined) this.cookie = given === '' ? undefined : given;
    const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: answer.status, headers: answer.headers, body: parsed };
  }

  async sessions(): Promise<ListedSession[]> {
    return (await this.send('GET', '/auth/sessions', {})).body.sessions as ListedSession[];
  }

  /** Another tab, or a thief. */
  copy(auth = this.auth): Browser {
    return Object.assign(new Browser(auth), { cookie: this.cookie });
  }
}

/** What holds of sessions wherever they are kept: `auths` are one, or two on one store. */
function describeSessions(start: () => Promise<AuthApp[]>): void {
  let auth: AuthApp;
  let other: AuthApp;
  let all: AuthApp[];

  beforeAll(async () => {
    all = await start();
    [auth, other] = [all[0], all.at(-1)] as [AuthApp, AuthApp];
  });
  afterAll(async () => {
    for (const one of all) await one.stop();
  });

  const browser = (): Browser => new Browser(auth);
  const isActive = (token: string, at = auth): Promise<boolean> => at.isActive('gateway', token);
  const ended = { status: 401, body: { code: 'session_ended' } };

  describe('a login', () => {
    it('leaves the refresh token where no script finds it, on this host alone, for a day', async () => {
      const answer = await auth.post('/auth/login', JSON.stringify({ username: 'alice', password: PASSWORD }), {
        'content-type': 'application/json',
      });
      expect(answer.status).toBe(200);
      expect(Object.keys(answer.body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type']);
      expect(answer.headers.getSetCookie()).toEqual([
        expect.stringMatching(
          /^__Host-refresh=rt_[A-Za-z0-9_-]{84}; Max-Age=(86400|86399); Path=\/; HttpOnly; Secure; SameSite=Strict$/,
        ),
      ]);
    });

    it('that fails gives no cookie', async () => {
      const answer = await auth.post('/auth/login', JSON.stringify({ username: 'alice', password: 'wrong' }), {
        'content-type': 'application/json',
      });
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
      expect(answer.headers.getSetCookie()).toEqual([]);
    });

    it('is refused to a page of another origin, and allowed to one of the gateway', async () => {
      const login = (origin: string) =>
        auth.post('/auth/login', JSON.stringify({ username: 'alice', password: PASSWORD }), {
          'content-type': 'application/json',
          origin,
        });
      for (const origin of [
        'https://evil.test',
        'null',
        `${ISSUER}.evil.test`,
        `${ISSUER}:444`,
        'http://issuer.test',
      ]) {
        const answer = await login(origin);
        expect(answer).toMatchObject({ status: 403, body: { code: 'origin_not_allowed' } });
        expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      }
      expect((await login(ISSUER)).status).toBe(200);
    });
  });

  describe('a refresh', () => {
    it('gives another access token of the same session, with the time of the login', async () => {
      const tab = browser();
      const first = decodeJwt(await tab.login());
      const { cookie } = tab;
      const answer = await tab.refresh();
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const second = decodeJwt(answer.body.access_token as string);
      for (const claim of ['sid', 'sub', 'aud', 'scope', 'client_id', 'auth_time', 'sub_epoch']) {
        expect([claim, second[claim]]).toEqual([claim, first[claim]]);
      }
      expect(second.jti).not.toBe(first.jti);
      expect(tab.cookie).not.toBe(cookie);
      expect(await isActive(answer.body.access_token as string, other)).toBe(true);
      // What was issued before lives on.
      expect((await tab.refresh()).status).toBe(200);
    });

    it('needs the header that no other page can send', async () => {
      const tab = browser();
      await tab.login();
      const { cookie } = tab;
      const without: Record<string, string>[] = [{}, ...['0', '1, 1', ''].map((value) => ({ 'x-token-relay': value }))];
      for (const headers of without) {
        expect(await tab.refresh(headers)).toMatchObject({ status: 403, body: { code: 'csrf_header_missing' } });
      }
      expect(await tab.refresh({ ...HEADER, origin: 'https://evil.test' })).toMatchObject({
        status: 403,
        body: { code: 'origin_not_allowed' },
      });
      expect(tab.cookie).toBe(cookie);
      expect((await tab.refresh({ ...HEADER, origin: ISSUER })).status).toBe(200);
    });

    it.each(['application/json', 'application/x-www-form-urlencoded', 'text/plain', 'a/b'])(
      'that announces %s and sends nothing is as good as any, and so are a logout and an end of all',
      async (type) => {
        const tab = browser();
        await tab.login();
        const headers = { ...HEADER, 'content-type': type };
        expect((await tab.refresh(headers)).status).toBe(200);
        expect((await tab.send('DELETE', '/auth/sessions?except=current', headers)).status).toBe(204);
        expect((await tab.send('POST', '/auth/logout', headers)).status).toBe(204);
      },
    );

    it('with a body of which nobody knows what it is for is refused', async () => {
      const tab = browser();
      await tab.login();
      const headers = { ...HEADER, 'content-type': 'text/plain' };
      expect(await tab.send('POST', '/auth/refresh', headers, 'x')).toMatchObject({ status: 415 });
      expect((await tab.refresh()).status).toBe(200);
    });

    it('with a garbled refresh token is refused, and ends nothing', async () => {
      const tab = browser();
      await tab.login();
      const good = tab.cookie ?? '';
      for (let i = 3; i < good.length; i += 9) {
        const cookie = `${good.slice(0, i)}${good[i] === 'A' ? 'B' : 'A'}${good.slice(i + 1)}`;
        expect(await Object.assign(browser(), { cookie }).refresh()).toMatchObject(ended);
      }
      expect((await tab.refresh()).status).toBe(200);
    });

    it('without a refresh token is refused', async () => {
      expect(await browser().refresh()).toMatchObject({ status: 401, body: { code: 'refresh_token_missing' } });
    });

    it('with what is no refresh token is refused, and leaves the cookie as it is', async () => {
      const tab = browser();
      await tab.login();
      const good = tab.cookie ?? '';
      const strange = [
        'x',
        good.slice(0, -1),
        `${good}A`,
        `rt_${good.slice(3).toUpperCase()}`,
        `rt_${randomBytes(63).toString('base64url')}`,
        // The slot of the user, and nothing else that is right.
        `rt_${slotOf(USERS.alice)}${randomBytes(51).toString('base64url')}`,
        '"quoted"',
        '%00',
      ];
      for (const cookie of strange) {
        const answer = await Object.assign(browser(), { cookie }).refresh();
        expect([cookie, answer.status, answer.body.code]).toEqual([cookie, 401, 'session_ended']);
        expect(answer.headers.getSetCookie()).toEqual([]);
      }
      expect((await tab.refresh()).status).toBe(200);
    });

    it('of 50 tabs at once gives all of them the same successor, in each of 5 rounds', async () => {
      const tab = browser();
      await tab.login();
      for (let round = 0; round < 5; round++) {
        const tabs = Array.from({ length: 50 }, (_, i) => tab.copy(i % 2 ? auth : other));
        const answers = await Promise.all(tabs.map((one) => one.refresh()));
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
        expect(new Set(tabs.map(({ cookie }) => cookie)).size).toBe(1);
        expect(new Set(answers.map(({ body }) => decodeJwt(body.access_token as string).sid)).size).toBe(1);
        tab.cookie = tabs[0]?.cookie;
      }
      expect(await tab.sessions()).toEqual(expect.arrayContaining([expect.objectContaining({ current: true })]));
    });

    it('whose answer got lost can be tried again', async () => {
      const tab = browser();
      await tab.login();
      const lost = tab.copy();
      await lost.refresh();
      expect((await tab.copy(other).refresh()).status).toBe(200);
      expect((await tab.refresh()).status).toBe(200);
      expect(tab.cookie).toBe(lost.cookie);
    });

    it('too often is told when to come again, and ends nothing', async () => {
      const tab = browser();
      await tab.login();
      const late = tab.copy();
      await tab.refresh();
      for (let i = 0; i < 50; i++) expect((await late.copy().refresh()).status).toBe(200);
      const answer = await late.refresh();
      expect(answer).toMatchObject({ status: 429, body: { code: 'refresh_too_often' } });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(50);
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect((await tab.refresh()).status).toBe(200);
    });
  });

  describe('a logout', () => {
    it('ends the session with every token that was issued in it, and takes the cookie away', async () => {
      const tab = browser();
      const first = await tab.login();
      const second = (await tab.refresh()).body.access_token as string;
      const thief = tab.copy(other);
      const answer = await tab.send('POST', '/auth/logout');
      expect(answer.status).toBe(204);
      expect(answer.headers.getSetCookie()).toEqual([DELETED]);
      expect([await isActive(first), await isActive(second)]).toEqual([false, false]);
      expect(await thief.refresh()).toMatchObject(ended);
      expect(await tab.refresh()).toMatchObject({ body: { code: 'refresh_token_missing' } });
    });

    it('by the token before ends it too', async () => {
      const tab = browser();
      await tab.login();
      const behind = tab.copy();
      const token = (await tab.refresh()).body.access_token as string;
      await behind.send('POST', '/auth/logout');
      expect(await tab.refresh()).toMatchObject(ended);
      expect(await isActive(token)).toBe(false);
    });

    it('of no session, or of one that has ended, succeeds', async () => {
      const tab = browser();
      expect((await tab.send('POST', '/auth/logout')).status).toBe(204);
      await tab.login();
      const again = tab.copy();
      await tab.send('POST', '/auth/logout');
      const answer = await again.send('POST', '/auth/logout');
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([204, [DELETED]]);
      const strange = Object.assign(browser(), { cookie: 'strange' });
      expect((await strange.send('POST', '/auth/logout')).status).toBe(204);
    });

    it('needs the header', async () => {
      const tab = browser();
      await tab.login();
      expect(await tab.send('POST', '/auth/logout', {})).toMatchObject({
        status: 403,
        body: { code: 'csrf_header_missing' },
      });
      expect((await tab.refresh()).status).toBe(200);
    });

    it('in the middle of 20 refreshes leaves none of their tokens good', async () => {
      for (let round = 0; round < 5; round++) {
        const tab = browser();
        const tokens = [await tab.login()];
        const tabs = Array.from({ length: 20 }, (_, i) => tab.copy(i % 2 ? auth : other));
        const [answers] = await Promise.all([
          Promise.all(tabs.map((one) => one.refresh())),
          tab.copy(other).send('POST', '/auth/logout'),
        ]);
        for (const { status, body } of answers) if (status === 200) tokens.push(body.access_token as string);
        for (const one of tabs) expect(await one.refresh()).toMatchObject({ status: 401 });
        for (const token of tokens) expect(await isActive(token)).toBe(false);
      }
    });
  });

  describe("a user's sessions", () => {
    it('are listed as devices, the last used first', async () => {
      const [phone, laptop] = [browser(), browser()];
      const credentials = JSON.stringify({ username: 'bob', password: PASSWORD });
      const json = { 'content-type': 'application/json' };
      const from = Math.floor(Date.now() / 1000) * 1000;
      await phone.send('POST', '/auth/login', { ...json, 'user-agent': 'Phone/1' }, credentials);
      await laptop.send('POST', '/auth/login', { ...json, 'user-agent': 'Laptop/2' }, credentials);
      await phone.refresh();
      const answer = await phone.send('GET', '/auth/sessions', {});
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const [first, second] = answer.body.sessions as (ListedSession & Record<string, string>)[];
      expect(first).toEqual({
        id: expect.stringMatching(/^[A-Za-z0-9_-]{38}$/) as string,
        current: true,
        client_id: 'gateway',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
        last_used_at: expect.any(String) as string,
        expires_at: expect.any(String) as string,
        user_agent: 'Phone/1',
        address: '127.0.0.1',
      });
      expect(second).toMatchObject({ current: false, user_agent: 'Laptop/2' });
      expect(Date.parse(first?.created_at ?? '')).toBeGreaterThanOrEqual(from);
      expect(Date.parse(first?.expires_at ?? '') - Date.parse(first?.last_used_at ?? '')).toBe(86_400_000);
      await phone.send('DELETE', '/auth/sessions');
    });

    it('can be ended one by one, by whoever has another of them', async () => {
      const [mine, lost] = [browser(), browser()];
      await mine.login('bob');
      const token = await lost.login('bob');
      const id = (await lost.sessions()).find(({ current }) => current)?.id ?? '';
      const answer = await mine.send('DELETE', `/auth/sessions/${id}`);
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([204, []]);
      expect(await lost.copy(other).refresh()).toMatchObject(ended);
      expect(await isActive(token)).toBe(false);
      expect((await mine.sessions()).map((session) => session.id)).not.toContain(id);
      expect(await mine.send('DELETE', `/auth/sessions/${id}`)).toMatchObject({
        status: 404,
        body: { code: 'session_not_found' },
      });
      const own = (await mine.sessions()).find(({ current }) => current)?.id ?? '';
      expect((await mine.send('DELETE', `/auth/sessions/${own}`)).headers.getSetCookie()).toEqual([DELETED]);
    });

    it('are nobody else’s to see or to end', async () => {
      const [alice, bob] = [browser(), browser()];
      await alice.login('alice');
      const token = await bob.login('bob');
      const id = decodeJwt(token).sid as string;
      expect((await alice.sessions()).map((session) => session.id)).not.toContain(id);
      expect(await alice.send('DELETE', `/auth/sessions/${id}`)).toMatchObject({ status: 404 });
      expect((await bob.refresh()).status).toBe(200);
    });

    it('all end at once, with what was issued in them and what is refreshed meanwhile', async () => {
      const devices: { device: Browser; tokens: string[] }[] = [];
      for (let i = 0; i < 50; i++) {
        const device = new Browser(i % 2 ? auth : other);
        devices.push({ device, tokens: [await device.login('bob')] });
      }
      const [first] = devices as [(typeof devices)[number]];
      const leaver = first.device.copy();
      const refreshes = devices.map(async ({ device, tokens }) => {
        const { status, body } = await device.refresh();
        if (status === 200) tokens.push(body.access_token as string);
      });
      const answer = leaver.send('DELETE', '/auth/sessions');
      await Promise.all([...refreshes, answer]);
      expect(await answer).toMatchObject({ status: 204 });
      expect((await answer).headers.getSetCookie()).toEqual([DELETED]);
      for (const { device, tokens } of devices) {
        expect(await device.refresh()).toMatchObject(ended);
        for (const token of tokens) expect(await isActive(token)).toBe(false);
      }
      const again = browser();
      expect(await isActive(await again.login('bob'))).toBe(true);
      expect(await again.sessions()).toHaveLength(1);
    }, 60_000);

    it('all but one can end: that one goes on after a refresh', async () => {
      const [mine, theirs] = [browser(), browser()];
      const token = await mine.login('admin');
      const theirToken = await theirs.login('admin');
      const answer = await mine.send('DELETE', '/auth/sessions?except=current');
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([204, []]);
      expect(await theirs.refresh()).toMatchObject(ended);
      expect([await isActive(token), await isActive(theirToken)]).toEqual([false, false]);
      const { status, body } = await mine.copy(other).refresh();
      expect([status, await isActive(body.access_token as string)]).toEqual([200, true]);
      expect(await mine.sessions()).toMatchObject([{ current: true }]);
    });

    it('all end, though a thief ends all others again and again', async () => {
      for (let round = 0; round < 5; round++) {
        const [mine, thief] = [browser(), browser()];
        await mine.login('bob');
        await thief.login('bob');
        const loop = async (tab: Browser): Promise<void> => {
          // Until it hears that it is over.
          for (let i = 0; i < 200; i++) {
            if ((await tab.send('DELETE', '/auth/sessions?except=current')).status === 401) return;
          }
        };
        const admin = auth.asAdmin({ sub: USERS.bob, reason: 'a test' });
        await Promise.all([admin, ...Array.from({ length: 4 }, (_, i) => loop(thief.copy(i % 2 ? auth : other)))]);
        expect((await admin).status).toBe(201);
        expect(await thief.refresh()).toMatchObject(ended);
        expect(await mine.refresh()).toMatchObject(ended);
      }
    });

    it('end only as they are asked to', async () => {
      const tab = browser();
      await tab.login();
      for (const query of ['?except=other', '?except=', '?exept=current', '?except=current&except=current']) {
        const answer = await tab.send('DELETE', `/auth/sessions${query}`);
        expect([query, answer.status]).toEqual([query, 400]);
      }
      for (const path of ['/auth/sessions', '/auth/sessions/x']) {
        expect(await tab.send('DELETE', path, {})).toMatchObject({
          status: 403,
          body: { code: 'csrf_header_missing' },
        });
        expect(await browser().send('DELETE', path)).toMatchObject({ status: 401 });
      }
      expect((await tab.refresh()).status).toBe(200);
    });

    it('end when an operator revokes the session, the user, or everything', async () => {
      const bob = browser();
      const sid = decodeJwt(await bob.login('bob')).sid;
      await auth.asAdmin({ sid, reason: 'a test' });
      expect(await bob.copy(other).refresh()).toMatchObject(ended);
      await bob.login('bob');
      await auth.asAdmin({ sub: USERS.bob, reason: 'a test' });
      expect(await bob.copy(other).refresh()).toMatchObject(ended);
      await bob.login('bob');
      await auth.asAdmin({ all: true, reason: 'a test' });
      expect(await bob.refresh()).toMatchObject(ended);
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      await bob.login('bob');
      expect((await bob.refresh()).status).toBe(200);
    });
  });

  describe('a native client', () => {
    const login = async (username: keyof typeof USERS = 'alice', more: Record<string, string> = {}, headers = {}) =>
      auth.post('/auth/login', JSON.stringify({ username, password: PASSWORD, client_id: 'mobile', ...more }), {
        'content-type': 'application/json',
        ...headers,
      });
    const grant = (token: string, more: Record<string, string> = {}, headers = {}) =>
      auth.post(
        '/oauth/token',
        new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: 'mobile', ...more }),
        headers,
      );

    it('gets its refresh token in the answer, and no cookie; what it may do is limited', async () => {
      const { status, headers, body } = await login();
      expect([status, headers.getSetCookie()]).toEqual([200, []]);
      expect(body).toMatchObject({ token_type: 'Bearer', refresh_token: expect.stringMatching(/^rt_/) as string });
      expect(decodeJwt(body.access_token as string)).toMatchObject({
        client_id: 'mobile',
        aud: 'gateway',
        scope: 'documents:read',
        sub: USERS.alice,
      });
    });

    it('refreshes at the token endpoint, in the same way', async () => {
      const first = (await login()).body;
      const second = await grant(first.refresh_token as string);
      expect(second).toMatchObject({ status: 200, body: { token_type: 'Bearer', scope: 'documents:read' } });
      expect((await grant(first.refresh_token as string)).body.refresh_token).toBe(second.body.refresh_token);
      const claims = [first, second.body].map(({ access_token }) => decodeJwt(access_token as string));
      expect(claims[1]?.sid).toBe(claims[0]?.sid);
      expect((await grant(second.body.refresh_token as string)).status).toBe(200);
    });

    it('may ask for less, and not for more', async () => {
      const { refresh_token: token } = (await login()).body as { refresh_token: string };
      for (const scope of ['documents:read documents:write', 'documents:write', 'keys:rotate']) {
        expect(await grant(token, { scope })).toMatchObject({ status: 400, body: { error: 'invalid_scope' } });
      }
      expect(await grant(token, { scope: 'documents:read' })).toMatchObject({ body: { scope: 'documents:read' } });
    });

    it('is told what any client is of a token that counts no more', async () => {
      const { refresh_token: token } = (await login()).body as { refresh_token: string };
      const revoked = await auth.post('/oauth/revoke', new URLSearchParams({ token, client_id: 'mobile' }), {});
      expect(revoked.status).toBe(200);
      for (const bad of [token, 'never-a-token', `rt_${randomBytes(63).toString('base64url')}`]) {
        expect(await grant(bad)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      }
      expect(await grant('')).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    });

    it('ends its session when it revokes the refresh token, and everything that was issued in it', async () => {
      const { refresh_token, access_token } = (await login()).body as Record<string, string>;
      const next = (await grant(refresh_token ?? '')).body as Record<string, string>;
      const form = new URLSearchParams({ token: refresh_token ?? '', client_id: 'mobile' });
      expect((await auth.post('/oauth/revoke', form, {})).status).toBe(200);
      expect(await grant(next.refresh_token ?? '')).toMatchObject({ body: { error: 'invalid_grant' } });
      for (const token of [access_token, next.access_token]) expect(await isActive(token ?? '')).toBe(false);
    });

    it('can do nothing with the token of another client, nor another one with its', async () => {
      const { refresh_token: token } = (await login()).body as { refresh_token: string };
      expect(await grant(token, { client_id: 'tablet' })).toMatchObject({ body: { error: 'invalid_grant' } });
      const form = new URLSearchParams({ token, client_id: 'tablet' });
      expect(await auth.post('/oauth/revoke', form, {})).toMatchObject({ body: { error: 'invalid_grant' } });
      expect(await Object.assign(browser(), { cookie: token }).refresh()).toMatchObject(ended);
      const tab = browser();
      await tab.login();
      expect(await grant(tab.cookie ?? '')).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
      expect((await tab.refresh()).status).toBe(200);
      expect((await grant(token)).status).toBe(200);
    });

    it('is one of those that are registered, and no page, and no service', async () => {
      for (const client_id of ['unknown', 'gateway', '']) {
        expect(await login('alice', { client_id })).toMatchObject({ status: 400, body: { code: 'client_not_native' } });
      }
      expect(await login('alice', {}, { origin: ISSUER })).toMatchObject({ body: { code: 'client_not_native' } });
      const { refresh_token: token } = (await login()).body as { refresh_token: string };
      expect(await grant(token, { client_id: 'unknown' })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
      const form = { grant_type: 'refresh_token', refresh_token: token };
      expect(await auth.asClient('gateway', '/oauth/token', form)).toMatchObject({
        status: 400,
        body: { error: 'unauthorized_client' },
      });
    });

    it('is listed among the devices of its user', async () => {
      const { access_token } = (await login('bob')).body as { access_token: string };
      const tab = browser();
      await tab.login('bob');
      const { sid } = decodeJwt(access_token);
      expect(await tab.sessions()).toContainEqual(
        expect.objectContaining({ id: sid, client_id: 'mobile', current: false }),
      );
      expect((await tab.send('DELETE', `/auth/sessions/${String(sid)}`)).status).toBe(204);
      expect(await isActive(access_token)).toBe(false);
    });
  });

  it('a thousand sessions of one user are listed, and end as one', async () => {
    const tab = browser();
    await tab.login('admin');
    await tab.send('DELETE', '/auth/sessions');
    await tab.login('admin');
    const sessions = await Promise.all(
      Array.from({ length: 999 }, (_, i) =>
        auth.state.store.sessions.create({
          id: `${slotOf(USERS.admin)}${randomBytes(16).toString('base64url').slice(0, 22)}`,
          subject: USERS.admin,
          username: 'admin',
          credential: String(i),
          clientId: 'gateway',
          scopes: [],
          authTime: Math.floor(Date.now() / 1000),
          notBefore: Math.floor(Date.now() / 1000),
          defaultEpoch: 1,
          tokenHash: 'h',
        }),
      ),
    );
    expect(sessions.flatMap(({ surplus }) => surplus)).toEqual([]);
    expect(await tab.sessions()).toHaveLength(1_000);
    await tab.login('admin');
    expect(await tab.sessions()).toHaveLength(1_000);
    expect((await tab.send('DELETE', '/auth/sessions')).status).toBe(204);
    expect(await auth.state.store.sessions.list(USERS.admin, 0)).toEqual([]);
  });
}

describe('sessions in one auth', () => {
  describeSessions(async () => [await AuthApp.start()]);
});

describeWith(REDIS)('sessions of two auths on one Redis', () => {
  let redis: TestServer;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  describeSessions(async () => {
    const KEY_ENCRYPTION_KEY = randomBytes(32).toString('base64');
    const first = await AuthApp.start({ REDIS_URL: redis.url, KEY_ENCRYPTION_KEY });
    return [first, await AuthApp.start({ REDIS_URL: redis.url, KEY_ENCRYPTION_KEY }, first)];
  });
});
