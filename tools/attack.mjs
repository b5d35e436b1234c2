// Attacks a system of one's own, so that its alerts can be seen to fire (docs/metrics.md): forged tokens, guessed passwords,
// and a refresh token that two have.
//
//   node tools/attack.mjs http://localhost:3000 alice <password>
//
// Nothing of it gets in. It runs until it is stopped, or for so many seconds as the fourth argument says.
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const [origin, username, password, seconds = 'Infinity'] = process.argv.slice(2);
if (!origin || !username || !password) {
  console.error('usage: node tools/attack.mjs <origin of the gateway> <username> <password> [seconds]');
  process.exit(2);
}
const until = performance.now() + Number(seconds) * 1000;
const PAUSE_MS = 100;
/** Longer than a refresh token that was replaced still gets its successor. */
const GRACE_MS = 11_000;
const counts = new Map();

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const count = (what, code) => counts.set(`${what}: ${code}`, (counts.get(`${what}: ${code}`) ?? 0) + 1);

/** Whatever comes of it is counted: a system that is attacked may be away for a while, and the attack goes on. */
async function call(what, path, init) {
  let answer;
  try {
    answer = await fetch(`${origin}${path}`, init);
  } catch (error) {
    count(what, error.cause?.code ?? error.message);
    return { ok: false, text: '', cookie: '' };
  }
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json');
  count(what, answer.ok ? 'ok' : (isJson && JSON.parse(text).code) || answer.status);
  return { ok: answer.ok, text, cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '' };
}

function logIn(what, credentials) {
  const headers = { 'content-type': 'application/json' };
  return call(what, '/auth/login', { method: 'POST', headers, body: JSON.stringify(credentials) });
}
/** Of the owner, who has what the attack is made of. */
const logInOwner = () => logIn('login', { username, password });

/** The same claims, without a signature and with one of nobody. */
async function forge(token) {
  const [header, claims] = token.split('.').slice(0, 2);
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const forged = [
    () => `${encoded({ alg: 'none', typ: 'at+jwt', kid })}.${claims}.`,
    () => `${encoded({ alg: 'HS256', typ: 'at+jwt', kid })}.${claims}.${randomBytes(32).toString('base64url')}`,
    () => `${header}.${claims}.${randomBytes(64).toString('base64url')}`,
  ];
  for (let i = 0; performance.now() < until; i++) {
    const authorization = `Bearer ${forged[i % forged.length]()}`;
    await call('forged token', '/api/documents', { headers: { authorization } });
    await sleep(PAUSE_MS);
  }
}

async function guess() {
  while (performance.now() < until) {
    await logIn('guessed password', { username: 'nobody', password: randomUUID() });
    await sleep(PAUSE_MS);
  }
}

/** The thief goes on with a copy of the cookie, and the owner comes back with the old one. */
async function replay() {
  while (performance.now() < until) {
    const { ok, cookie } = await logInOwner();
    if (!ok) {
      await sleep(PAUSE_MS);
      continue;
    }
    const refresh = (shown) =>
      call('refresh token', '/auth/refresh', { method: 'POST', headers: { cookie: shown, 'x-token-relay': '1' } });
    await refresh((await refresh(cookie)).cookie);
    await sleep(Math.min(GRACE_MS, Math.max(0, until - performance.now())));
    await refresh(cookie);
  }
}

const owner = await logInOwner();
if (!owner.ok) {
  console.error(`${username} can not log in: ${owner.text || [...counts.keys()].join()}`);
  process.exit(1);
}
const report = setInterval(() => console.log(Object.fromEntries(counts)), 10_000);
await Promise.all([forge(JSON.parse(owner.text).access_token), guess(), replay()]);
clearInterval(report);
console.log(Object.fromEntries(counts));
