import { Pool } from 'undici';
import { NATIVE_CLIENT, type User } from '../harness/accounts';
import { Lanes, type Load } from './lanes';

/** How many requests are under way at once, each on a connection of its own. */
export const CONNECTIONS = 16;
/** How many tokens auth is asked about again: fewer than it remembers. */
const ASKED_AGAIN = 400;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const TYPE = 'urn:ietf:params:oauth:token-type:access_token';

export interface LoaderSetting {
  readonly url: string;
  readonly authorization: string;
  readonly users: readonly User[];
  /** How many there are at least. */
  readonly sessions: number;
}

/** What one turn of refreshes or exchanges was. */
export interface LoaderTurn extends Load {
  /** How much of a core the loader itself took: near 1 it would be what is measured. */
  readonly ownShare: number;
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

interface Issued {
  readonly subject: string;
  readonly token: string;
}

/** Asks auth for tokens as fast as it answers. */
export async function openLoader({ url, authorization, users, sessions }: LoaderSetting) {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  const lanes = new Lanes(CONNECTIONS);
  /** Sessions that nobody refreshes right now: each is a chain, of which the newest token counts. */
  const chains: { readonly sub: string; refreshToken: string }[] = [];
  /** Access tokens that weren't exchanged yet, and the last of those that were. */
  let fresh: Issued[] = [];
  let known: Issued[] = [];

  async function post(path: string, body: string, headers: Record<string, string>): Promise<[number, string]> {
    const answer = await pool.request({ path, method: 'POST', body, headers });
    return [answer.statusCode, await answer.body.text()];
  }

  async function login({ username, password, sub }: User): Promise<void> {
    const body = JSON.stringify({ username, password, client_id: NATIVE_CLIENT });
    const [status, text] = await post('/auth/login', body, { 'content-type': 'application/json' });
    if (status !== 200) throw new Error(`a login was answered with ${status}: ${text}`);
    chains.push({ sub, refreshToken: (JSON.parse(text) as Tokens).refresh_token });
  }

  async function refresh(): Promise<void> {
    const chain = chains.shift();
    if (!chain) throw new Error('there are fewer sessions than connections');
    const [status, text] = await post('/oauth/token', refreshForm(chain.refreshToken), FORM);
    if (status !== 200) throw new Error(`a refresh was answered with ${status}: ${text}`);
    const { access_token: token, refresh_token: refreshToken } = JSON.parse(text) as Tokens;
    if (refreshToken === chain.refreshToken) throw new Error('a refresh token was not replaced');
    fresh.push({ subject: chain.sub, token: expected(token, chain.sub, 'gateway') });
    chains.push({ ...chain, refreshToken });
  }

  async function exchange({ subject, token }: Issued, audience: string): Promise<void> {
    const [status, text] = await post('/oauth/token', exchangeForm(token, audience), { ...FORM, authorization });
    if (status !== 200) throw new Error(`an exchange was answered with ${status}: ${text}`);
    expected((JSON.parse(text) as Tokens).access_token, subject, audience);
  }

  async function refuses(): Promise<void> {
    const [{ token }] = fresh as [Issued];
    const [garbled] = await post('/oauth/token', exchangeForm(`${token.slice(0, -8)}AAAAAAAA`, 'resource'), {
      ...FORM,
      authorization,
    });
    const [unknown] = await post('/oauth/token', refreshForm(`rt_${'A'.repeat(97)}`), FORM);
    if (garbled !== 400 || unknown !== 400) throw new Error(`garbage is answered with ${garbled} and ${unknown}`);
  }

  const turn = async (work: Promise<Load>): Promise<LoaderTurn> => {
    const [cpu, begun] = [process.cpuUsage(), performance.now()];
    const load = await work;
    const { user, system } = process.cpuUsage(cpu);
    return { ...load, ownShare: (user + system) / 1000 / (performance.now() - begun) };
  };

  const loginsBegun = performance.now();
  for (let begun = 0; begun < sessions; begun += users.length) await Promise.all(users.map(login));
  const loginsPerSecond = (1000 * chains.length) / (performance.now() - loginsBegun);
  await refresh();
  await refuses();

  return {
    /** How many a second there were of those that the sessions began with. */
    logins: () => loginsPerSecond,
    /** Each session's newest token for the next one, the sessions in turns. */
    refresh: (ms: number) => turn(lanes.forMs(ms, refresh)),
    /** Each of the tokens that refreshes gave since the last time, once. */
    exchange: async (ms: number) => {
      const left = fresh;
      fresh = [];
      const done = await turn(lanes.forMs(ms, (index) => exchange(left[index] as Issued, 'resource'), left.length));
      known = left.slice(Math.max(0, done.count - ASKED_AGAIN), done.count);
      return done;
    },
    /** The last of those again, for another destination, as often as there is time. */
    exchangeAgain: (ms: number) =>
      turn(lanes.forMs(ms, (index) => exchange(known[index % known.length] as Issued, 'audit'))),
    close: () => pool.close(),
  };
}

export type Loader = Awaited<ReturnType<typeof openLoader>>;

/** The token, if it says that. */
function expected(token: string, subject: string, audience: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  if (claims.sub !== subject || claims.aud !== audience) throw new Error('a token is of somebody else, or for another');
  return token;
}

function refreshForm(token: string): string {
  return `grant_type=refresh_token&client_id=${NATIVE_CLIENT}&refresh_token=${token}`;
}

function exchangeForm(token: string, audience: string): string {
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: TYPE,
    audience,
  }).toString();
}
