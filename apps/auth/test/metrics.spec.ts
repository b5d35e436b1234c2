import { Management } from '@token-relay/service-kit';
import { MetricsPage } from '@token-relay/testing';
import { randomUUID } from 'node:crypto';
import { firstRefreshToken } from '../src/sessions/refresh-token';
import { type Answer, AuthApp, USERS } from './auth-app';

const GRACE_MS = 10_000;

describe('the metrics of auth', () => {
  let auth: AuthApp;
  let origin: string;
  let first: MetricsPage;

  beforeAll(async () => {
    auth = await AuthApp.start({ SINGLE_AUTH: '1', METRICS_PORT: '0', KEY_ROTATION_SECONDS: '7200' });
    origin = (await auth.app.get(Management).listen()) ?? '';
    first = await page();
  });
  afterAll(() => auth.stop());

  const page = () => MetricsPage.read(origin);
  /** By how much the sum of these series grows meanwhile. */
  async function growth(run: () => Promise<unknown>, name: string, labels: Record<string, string> = {}) {
    const before = (await page()).sum(name, labels) ?? 0;
    await run();
    return ((await page()).sum(name, labels) ?? 0) - before;
  }
  const login = (username: string, password = 'p', more: object = {}): Promise<Answer> =>
    auth.post('/auth/login', JSON.stringify({ username, password, ...more }), { 'content-type': 'application/json' });
  const grant = (form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> =>
    auth.post('/oauth/token', new URLSearchParams(form), headers);
  const asGateway = () => ({ authorization: auth.basic('gateway') });

  describe('of logins', () => {
    const results = 'token_relay_logins_total';

    it('count those that succeed, and those with a wrong name or password', async () => {
      expect(await growth(() => login('alice'), results, { result: 'succeeded' })).toBe(1);
      expect(await growth(() => login('alice', 'wrong'), results, { result: 'invalid_credentials' })).toBe(1);
      expect(await growth(() => login(randomUUID()), results, { result: 'invalid_credentials' })).toBe(1);
    });

    it('count those that come too soon', async () => {
      const guess = async () => {
        for (let i = 0; i < 7; i++) await login('bob', 'wrong');
      };
      expect(await growth(guess, results, { result: 'too_many_attempts' })).toBeGreaterThanOrEqual(1);
    });
  });

  describe('of refresh tokens', () => {
    const results = 'token_relay_refresh_tokens_total';
    const begin = async () => (await login('alice', 'p', { client_id: 'mobile' })).body.refresh_token as string;
    const refresh = (token: string, client = 'mobile') =>
      grant({ grant_type: 'refresh_token', refresh_token: token, client_id: client });
    const next = async (token: string) => (await refresh(token)).body.refresh_token as string;

    it.each([
      ['rotated', (token: string) => refresh(token)],
      ['other_client', (token: string) => refresh(token, 'tablet')],
      ['malformed', () => refresh(randomUUID())],
      ['unknown', () => refresh(firstRefreshToken(USERS.alice).text)],
    ])('count one that is found to be %s', async (result, use) => {
      const token = await begin();
      expect(await growth(() => use(token), results, { result })).toBe(1);
    });

    it('count one that comes again', async () => {
      const token = await begin();
      await refresh(token);
      expect(await growth(() => refresh(token), results, { result: 'repeated' })).toBe(1);
    });

    it('count one that two have had', async () => {
      const token = await begin();
      await next(await next(token));
      const now = Date.now.bind(Date);
      jest.spyOn(Date, 'now').mockImplementation(() => now() + GRACE_MS + 1_000);
      expect(await growth(() => refresh(token), results, { result: 'replayed' })).toBe(1);
      jest.mocked(Date.now).mockRestore();
    });

    it('are all there before anything of the kind has happened', async () => {
      const { series } = await page();
      const found = [...series.keys()].filter((name) => name.startsWith(results));
      expect(found).toHaveLength(11);
      expect((await page()).sum(results, { result: 'too_often' })).toBe(0);
    });
  });

  describe('of the token endpoint', () => {
    const grants = 'token_relay_grants_total';

    it('count what was granted, by grant, and how long that took', async () => {
      const token = await auth.login('alice');
      const exchange = () => auth.exchange('gateway', token, 'resource');
      expect(await growth(exchange, grants, { grant: 'token_exchange', outcome: 'granted' })).toBe(1);
      expect(await growth(exchange, 'token_relay_grant_duration_seconds_count', { grant: 'token_exchange' })).toBe(1);
      const bucket = { grant: 'token_exchange', le: '5' };
      expect(await growth(exchange, 'token_relay_grant_duration_seconds_bucket', bucket)).toBe(1);
      const own = () => grant({ grant_type: 'client_credentials', audience: 'resource' }, asGateway());
      expect(await growth(own, grants, { grant: 'client_credentials', outcome: 'granted' })).toBe(1);
    });

    it('count what was refused, by the error', async () => {
      const exchange = () => auth.exchange('gateway', 'nonsense', 'resource');
      expect(await growth(exchange, grants, { grant: 'token_exchange', outcome: 'invalid_request' })).toBe(1);
      const nobody = () => grant({ grant_type: 'client_credentials' }, { authorization: 'Basic eDp5' });
      expect(await growth(nobody, grants, { grant: 'client_credentials', outcome: 'invalid_client' })).toBe(1);
    });

    it('are there from the beginning where an alert reads how they rise', () => {
      for (const grant of ['token_exchange', 'client_credentials', 'refresh_token', 'other']) {
        for (const outcome of ['granted', 'invalid_client']) {
          expect([grant, outcome, first.sum(grants, { grant, outcome })]).toEqual([grant, outcome, 0]);
        }
      }
    });

    it('call every grant type that there isn’t the same', async () => {
      const madeUp = () => grant({ grant_type: randomUUID() }, asGateway());
      expect(await growth(madeUp, grants, { grant: 'other', outcome: 'unsupported_grant_type' })).toBe(1);
      const { series } = await page();
      await madeUp();
      expect((await page()).series.size).toBe(series.size);
    });
  });

  it('count a token with a good signature that was never issued', async () => {
    await auth.login('admin');
    const claims = { sub: USERS.admin, aud: 'gateway', client_id: 'gateway', scope: 'documents:read' };
    const forge = async () => {
      const { body } = await auth.exchange('gateway', await auth.signed(claims, { typ: 'at+jwt' }, false), 'resource');
      expect(body.error_description).toContain('jti_never_issued');
    };
    expect(await growth(forge, 'token_relay_jti_never_issued_total')).toBe(1);
  });

  it('say how the signing keys are doing', async () => {
    const before = await page();
    expect(before.sum('token_relay_signing_keys', { state: 'active' })).toBe(1);
    expect(before.sum('token_relay_signing_keys', { state: 'pending' })).toBe(1);
    expect(before.sum('token_relay_signing_key_age_seconds')).toBeLessThan(120);
    expect(before.sum('token_relay_signing_key_rotation_seconds')).toBe(7_200);
    expect(before.sum('token_relay_key_ring_unconfirmed_seconds')).toBeLessThan(10);
    const { kid } = auth.state.keys.signer;
    const compromise = () => auth.admin('POST', `keys/${kid}/compromise`, { reason: 'a test' });
    expect(await growth(compromise, 'token_relay_signing_keys', { state: 'compromised' })).toBe(1);
  });

  it('have no age of keys that auth doesn’t fetch', async () => {
    const now = await page();
    expect(now.sum('token_relay_jwks_age_seconds')).toBeUndefined();
    expect(now.sum('token_relay_jwks_keys')).toBeGreaterThanOrEqual(2);
  });

  it('count tokens that were judged', async () => {
    const list = () => auth.admin('GET', 'keys');
    const accepted = { result: 'accepted', code: 'none' };
    expect(await growth(list, 'token_relay_verifications_total', accepted)).toBeGreaterThanOrEqual(1);
  });
});
