import { createNativeSessionClient, type NativeSessionClientOptions, type RefreshTokenStorage } from '../src/index.js';
import { FakeClock, settled } from './fake-clock.js';
import { type Answer, type Call, FakeGateway, json } from './fake-gateway.js';
import { CREDENTIALS } from './fake-tabs.js';
import { ENDED, outcome } from './outcome.js';

const LOGIN = 'POST /auth/login';
const TOKEN = 'POST /oauth/token';
const REVOKE = 'POST /oauth/revoke';

/** A storage in memory that tells what was done to it. */
class Storage implements RefreshTokenStorage {
  token: string | null = null;
  readonly done: string[] = [];
  /** What fails. */
  broken: string | undefined;

  load(): Promise<string | null> {
    return this.#do('load', () => this.token);
  }

  save(token: string): Promise<void> {
    return this.#do(`save ${token}`, () => void (this.token = token));
  }

  clear(): Promise<void> {
    return this.#do('clear', () => void (this.token = null));
  }

  async #do<T>(what: string, work: () => T): Promise<T> {
    this.done.push(what);
    await settled();
    if (this.broken !== undefined && what.startsWith(this.broken)) throw new Error('The disk is full.');
    return work();
  }
}

/** Auth as a native client sees it: each refresh token once, and the same successor for one that is repeated. */
class Auth extends FakeGateway {
  /** The token that was used last, and the one that is to be used next. */
  parent = '';
  current = '';
  #generation = 0;

  override answer(call: Call): Response {
    const form = new URLSearchParams(call.body);
    switch (call.route) {
      case LOGIN:
        return this.#granted('login');
      case TOKEN: {
        const presented = form.get('refresh_token') ?? '';
        if (presented === '' || ![this.parent, this.current].includes(presented)) {
          return json(400, { error: 'invalid_grant', code: 'invalid_grant' });
        }
        return this.#granted(presented);
      }
      case REVOKE:
        this.parent = this.current = '';
        return new Response(null, { status: 200 });
      default:
        return super.answer(call);
    }
  }

  #granted(presented: string): Response {
    if (presented !== this.parent) {
      this.parent = presented;
      this.current = `rt-${++this.#generation}`;
    }
    const token = `at-${this.calls.length}`;
    this.accepted.add(token);
    return json(200, { access_token: token, token_type: 'Bearer', expires_in: 300, refresh_token: this.current });
  }
}

describe('a native client', () => {
  let clock: FakeClock;
  let auth: Auth;
  let storage: Storage;
  beforeEach(() => {
    clock = new FakeClock();
    auth = new Auth();
    storage = new Storage();
  });

  const open = (options: Partial<NativeSessionClientOptions> = {}) =>
    createNativeSessionClient({
      baseUrl: 'https://gateway.test',
      tokenEndpoint: 'https://auth.test/oauth/token',
      clientId: 'phone',
      storage,
      fetch: auth.fetch,
      clock,
      random: () => 0,
      refreshJitterSeconds: 0,
      ...options,
    });

  async function loggedIn(options: Partial<NativeSessionClientOptions> = {}) {
    const client = open(options);
    await client.login(CREDENTIALS);
    storage.done.length = 0;
    return client;
  }

  const routes = () => auth.calls.map(({ route }) => route);

  it('logs in by its id, and keeps the refresh token', async () => {
    const client = open();
    await client.login(CREDENTIALS);
    const [call] = auth.calls;
    expect(call?.url).toBe('https://gateway.test/auth/login');
    expect(JSON.parse(call?.body ?? '')).toEqual({ ...CREDENTIALS, client_id: 'phone' });
    expect(storage.token).toBe('rt-1');
    expect(await client.accessToken()).toBe('at-1');
  });

  it('refreshes by a form with its id, without a secret or a cookie', async () => {
    storage.token = auth.current = 'rt-0';
    expect(await open().accessToken()).toBe('at-1');
    const [call] = auth.calls;
    expect(call?.url).toBe('https://auth.test/oauth/token');
    expect(call?.headers.get('content-type')).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'rt-0',
      client_id: 'phone',
    });
    expect(call?.headers.get('authorization')).toBeNull();
    expect(call?.init).toMatchObject({ redirect: 'error' });
  });

  it('has saved the refresh token before anybody has the access token', async () => {
    storage.token = auth.current = 'rt-0';
    const order = storage.done;
    await open()
      .accessToken()
      .then(() => order.push('handed out'));
    expect(order).toEqual(['load', 'save rt-1', 'handed out']);
  });

  it('that crashed before it had saved goes on from the token before', async () => {
    storage.token = auth.current = 'rt-0';
    storage.broken = 'save';
    expect(await outcome(open().accessToken())).toEqual({ code: 'storage_failed', temporary: true });
    storage.broken = undefined;
    const again = open();
    expect(await again.accessToken()).toBe('at-2');
    expect(storage.token).toBe('rt-1');
    clock.freeze(300);
    expect(await again.accessToken()).toBe('at-3');
    expect(storage.token).toBe('rt-2');
  });

  it('is refreshed once however many ask', async () => {
    storage.token = auth.current = 'rt-0';
    const client = open();
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.fetch('/api')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(routes().filter((route) => route === TOKEN)).toHaveLength(1);
  });

  it('without a refresh token has no session, and asks nobody', async () => {
    const client = open();
    expect(await client.resume()).toBe(false);
    expect(client.state).toBe('ended');
    expect(auth.calls).toEqual([]);
  });

  it('whose session has ended forgets the refresh token', async () => {
    const client = await loggedIn();
    auth.parent = auth.current = '';
    clock.freeze(300);
    expect(await outcome(client.accessToken())).toEqual(ENDED);
    expect(client.state).toBe('ended');
    expect(storage.token).toBeNull();
  });

  it.each<[string, Answer, string]>([
    ['429', () => json(429, { code: 'refresh_too_often' }), 'refresh_too_often'],
    ['503', () => json(503, { error: 'temporarily_unavailable' }), 'temporarily_unavailable'],
    ['400 of another kind', () => json(400, { error: 'invalid_request' }), 'unexpected_answer'],
    ['401 for the client', () => json(401, { error: 'invalid_client' }), 'invalid_client'],
    ['invalid_grant with another status', () => json(403, { error: 'invalid_grant' }), 'unexpected_answer'],
    ['a network failure', () => Promise.reject(new TypeError('failed')), 'network_failed'],
    [
      'no refresh token in the answer',
      () => json(200, { access_token: 'x', token_type: 'Bearer', expires_in: 300 }),
      'unexpected_answer',
    ],
  ])('keeps its session and its refresh token after %s', async (_what, answer, code) => {
    const client = await loggedIn();
    auth.once(TOKEN, answer);
    clock.freeze(300);
    expect(await outcome(client.accessToken())).toMatchObject({ code });
    expect([client.state, storage.token]).toEqual(['active', 'rt-1']);
    clock.freeze(60);
    expect(await client.accessToken()).toBe('at-3');
  });

  it('logs out in the storage first, and then at auth', async () => {
    const client = await loggedIn();
    const revoked = auth.hold(REVOKE);
    const logout = client.logout();
    await settled();
    await settled();
    await settled();
    expect([storage.token, routes().at(-1)]).toEqual([null, REVOKE]);
    revoked.release();
    await logout;
    expect(auth.calls.at(-1)?.url).toBe('https://auth.test/oauth/revoke');
    expect(Object.fromEntries(new URLSearchParams(auth.calls.at(-1)?.body))).toEqual({
      token: 'rt-1',
      token_type_hint: 'refresh_token',
      client_id: 'phone',
    });
  });

  it('whose logout auth has not heard of can log out again', async () => {
    const client = await loggedIn();
    auth.once(REVOKE, () => Promise.reject(new TypeError('failed')));
    expect(await outcome(client.logout())).toMatchObject({ code: 'network_failed' });
    expect(storage.token).toBeNull();
    await client.logout();
    expect(auth.current).toBe('');
    await client.logout();
    expect(routes().filter((route) => route === REVOKE)).toHaveLength(2);
  });

  it('that logs out during a refresh has no refresh token saved afterwards', async () => {
    const client = await loggedIn();
    auth.hold(TOKEN);
    clock.freeze(300);
    const token = outcome(client.accessToken());
    for (let i = 0; i < 5; i++) await settled();
    expect(routes().at(-1)).toBe(TOKEN);
    await client.logout();
    expect(await token).toEqual(ENDED);
    expect(storage.token).toBeNull();
    expect(storage.done).not.toContain('save rt-2');
    expect(routes().at(-1)).toBe(REVOKE);
  });

  it('that logs out while a refresh is being saved has it cleared afterwards', async () => {
    const client = await loggedIn();
    clock.freeze(300);
    const token = outcome(client.accessToken());
    while (!storage.done.includes('save rt-2')) await new Promise(setImmediate);
    await client.logout();
    expect(await token).toEqual(ENDED);
    expect(storage.token).toBeNull();
    expect(new URLSearchParams(auth.calls.at(-1)?.body).get('token')).toBe('rt-2');
  });

  it('goes on with the refresh token that another process has saved', async () => {
    const [one, two] = [await loggedIn(), open()];
    expect(await two.accessToken()).toBe('at-2');
    clock.freeze(300);
    expect(await one.accessToken()).toBe('at-3');
    expect(storage.token).toBe('rt-3');
  });

  it('whose refresh token another process has replaced meanwhile tries once more with that', async () => {
    const client = await loggedIn();
    clock.freeze(300);
    auth.once(TOKEN, () => {
      storage.token = auth.current = 'rt-of-another';
      return json(400, { error: 'invalid_grant' });
    });
    expect(await client.accessToken()).toBe('at-3');
    expect(storage.token).toBe('rt-2');
  });

  it('lets the storage keep other processes out', async () => {
    const order: string[] = [];
    const shared = Object.assign(storage, {
      exclusively: async <T>(work: () => Promise<T>): Promise<T> => {
        order.push('in');
        return work().finally(() => order.push('out'));
      },
    });
    const client = open({ storage: shared });
    await client.login(CREDENTIALS);
    clock.freeze(300);
    await Promise.all([client.accessToken(), client.accessToken()]);
    await client.logout();
    expect(order).toEqual(['in', 'out', 'in', 'out', 'in', 'out']);
  });

  it('takes its token to the gateway, not to auth', async () => {
    const client = await loggedIn();
    expect((await client.fetch('https://gateway.test/api')).status).toBe(200);
    expect(await outcome(client.fetch('https://auth.test/api'))).toMatchObject({ code: 'token_not_for_origin' });
  });

  it('asks the addresses that it was given', async () => {
    const client = await loggedIn({
      loginUrl: 'https://login.test/here',
      tokenEndpoint: 'https://auth.test/t',
      revocationEndpoint: 'https://auth.test/r',
    }).catch(() => undefined);
    expect(client).toBeUndefined();
    expect(auth.calls.map(({ url }) => url)).toEqual(['https://login.test/here']);
  });

  it.each<[string, Partial<NativeSessionClientOptions>]>([
    ['tokenEndpoint', { tokenEndpoint: 'http://auth.test/oauth/token' }],
    ['baseUrl', { baseUrl: 'http://gateway.test' }],
    ['revocationEndpoint', { revocationEndpoint: 'ftp://auth.test' }],
    ['loginUrl', { loginUrl: '/auth/login' }],
    ['clientId', { clientId: '' }],
  ])('does not start with a wrong %s', (name, options) => {
    expect(() => open(options)).toThrow(TypeError);
    expect(() => open(options)).toThrow(name);
  });
});
