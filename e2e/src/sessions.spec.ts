import { decodeJwt } from 'jose';
import { ACCEPTED, type Chain, REVOKED, until, verdicts } from './chain';
import { Device } from './device';
import { post, System } from './system';

describe('sessions, at the gateway', () => {
  let system: System;
  /** Every token that anybody was given. */
  const tokens: string[] = [];

  beforeAll(async () => {
    system = await System.start();
  });
  afterAll(async () => {
    expect(await system.stop()).toEqual([0, 0, 0, 0]);
    // The whole run: none of the tokens stands in any log, nor what is secret of them.
    const lines = system.apps.flatMap((app) => app.lines).join('\n');
    expect(tokens.length).toBeGreaterThan(10);
    for (const token of tokens) expect(lines).not.toContain(token.slice(-40));
    for (const { password } of Object.values(system.accounts)) expect(lines).not.toContain(password);
  });

  const device = async (username: 'alice' | 'bob' | 'carol' = 'alice'): Promise<[Device, string]> => {
    const made = new Device(system.gateway.url);
    const token = await made.login(system.accounts[username]);
    tokens.push(token, made.cookie);
    return [made, token];
  };
  const refreshed = async (one: Device): Promise<string> => {
    const { status, token } = await one.refresh();
    expect(status).toBe(200);
    tokens.push(token, one.cookie);
    return token;
  };
  const chainOf = async (login: string): Promise<Chain> => {
    const exchanged = async (client: 'gateway' | 'resource', token: string, audience: string): Promise<string> =>
      (await system.exchange(client, token, audience)).body.access_token ?? '';
    const resource = await exchanged('gateway', login, 'resource');
    const chain = { login, resource, audit: await exchanged('resource', resource, 'audit') };
    tokens.push(chain.resource, chain.audit);
    return chain;
  };

  it('go on by refreshing: each token is good all along the chain', async () => {
    const [browser, first] = await device();
    const second = await refreshed(browser);
    for (const token of [first, second]) {
      expect(await verdicts(system, await chainOf(token))).toEqual(ACCEPTED);
    }
    expect(decodeJwt(second).sid).toBe(decodeJwt(first).sid);
  });

  it('end with a logout: what was issued in them is refused all along the chain', async () => {
    const [browser, first] = await device();
    const chains = [await chainOf(first), await chainOf(await refreshed(browser))];
    expect((await browser.send('POST', '/auth/logout')).status).toBe(204);
    for (const chain of chains) await until(1_000, () => verdicts(system, chain), REVOKED);
    expect(browser.cookie).toBe('');
  });

  it('are those of one user, and end one by one or all at once', async () => {
    const devices = [await device('bob'), await device('bob'), await device('bob')] as const;
    const [[mine, myToken], [lost, lostToken], [, otherToken]] = devices;
    const chains = await Promise.all([myToken, lostToken, otherToken].map(chainOf));
    const [, lostChain, otherChain] = chains as [Chain, Chain, Chain];
    const listed = async (): Promise<{ id: string; current: boolean; address: string }[]> =>
      ((await (await mine.send('GET', '/auth/sessions')).json()) as { sessions: [] }).sessions;
    expect(await listed()).toHaveLength(3);
    expect((await mine.send('DELETE', `/auth/sessions/${String(decodeJwt(lostToken).sid)}`)).status).toBe(204);
    await until(1_000, () => verdicts(system, lostChain), REVOKED);
    expect(await lost.refresh()).toMatchObject({ status: 401, code: 'session_ended' });
    expect(await verdicts(system, otherChain)).toEqual(ACCEPTED);
    expect((await mine.send('DELETE', '/auth/sessions?except=current')).status).toBe(204);
    await until(1_000, () => verdicts(system, otherChain), REVOKED);
    expect(await listed()).toMatchObject([{ current: true, address: '127.0.0.1' }]);
    const mended = await chainOf(await refreshed(mine));
    expect(await verdicts(system, mended)).toEqual(ACCEPTED);
    expect((await mine.send('DELETE', '/auth/sessions')).status).toBe(204);
    await until(1_000, () => verdicts(system, mended), REVOKED);
  });

  it('begin and go on for pages of the gateway alone', async () => {
    const [browser] = await device();
    for (const origin of ['https://evil.test', 'null', system.gateway.url]) {
      const answer = await browser.send('POST', '/auth/refresh', { origin });
      expect([origin, answer.status]).toEqual([origin, 403]);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect((await post(`${system.gateway.url}/auth/login`, system.accounts.alice, { origin })).status).toBe(403);
    }
    const { status } = await browser.send('POST', '/auth/refresh', { 'x-token-relay': '' });
    expect(status).toBe(403);
    await refreshed(browser);
  });
});
