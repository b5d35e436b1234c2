import { setTimeout as sleep } from 'node:timers/promises';
import { type Attack, type Attacker, outcomeOf } from './attack';
import { type Answer, type ForgedRequest } from './front-door';
import { notReady } from './not-ready';

const REFRESH_PATH = '/auth/refresh';
const LOGOUT_PATH = '/auth/logout';
const LOGOUT_MS = 5_000;

/** RFC 9700, section 4.14.2. In a session of its own, which it ends. */
export const replayedRefresh: Attack = {
  name: 'replayed-refresh',
  title: 'A refresh token that two have',
  explanation:
    'A session of a demo account is begun and refreshed twice. More than 10 seconds later the first cookie comes ' +
    'again, as from a thief who had copied it. This takes that long.',
  why:
    'A refresh token is used once, and for 10 seconds more two tabs may share what comes of it. Who shows it later ' +
    'than that holds a copy: the session ends for both, with every access token of it.',
  async run(attacker) {
    const { door, signal, supplies } = attacker;
    const stolen = await begun(attacker);
    let latest = stolen;
    let isOver = false;
    try {
      latest = cookieOf(await door.send(refreshOf(stolen), signal));
      // It shows the second one: whoever has the first from now on can only have kept it.
      latest = cookieOf(await door.send(refreshOf(latest), signal));
      await sleep(supplies.graceMs, undefined, { signal });
      const replay = refreshOf(stolen);
      const outcome = outcomeOf(replay, { cookie: shown(stolen) }, await door.send(replay, signal));
      isOver = outcome.wasRefused;
      return outcome;
    } finally {
      // Nobody else would end a session that nobody knows of; where that isn't possible its time does.
      if (!isOver) await door.send(logoutOf(latest), AbortSignal.timeout(LOGOUT_MS)).catch(() => undefined);
    }
  },
};

async function begun({ door, supplies, signal }: Attacker): Promise<string> {
  const { username, password } = supplies.account;
  const login = {
    method: 'POST',
    path: '/auth/login',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  } as const;
  return cookieOf(await door.send(login, signal));
}

function refreshOf(cookie: string): ForgedRequest {
  return { method: 'POST', path: REFRESH_PATH, headers: { cookie, 'x-token-relay': '1' } };
}

function logoutOf(cookie: string): ForgedRequest {
  return { ...refreshOf(cookie), path: LOGOUT_PATH };
}

/** @throws ProblemException 503 `attack_not_ready`: without a session there is nothing to steal */
function cookieOf({ cookies, code }: Answer): string {
  const [cookie] = cookies;
  if (cookie !== undefined && cookie !== '') return cookie;
  throw notReady(`A session can not be begun at the moment${code === undefined ? '' : `: ${code}`}.`);
}

/** The name of the cookie, and that it holds a refresh token. */
function shown(cookie: string): string {
  return `${cookie.slice(0, cookie.indexOf('=') + 1)}rt_…`;
}
