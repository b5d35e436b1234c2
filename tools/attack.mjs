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

async function call(what, path, init) {
  const answer = await fetch(`${origin}${path}`, init);
  const text = await answer.text();
  const code = answer.ok ? 'ok' : (JSON.parse(text).code ?? answer.status);
  const key = `${what}: ${code}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
  return answer;
}

/** What the owner has, which the attack is made of. */
async function owned() {
  const body = JSON.stringify({ username, password });
  const answer = await fetch(`${origin}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  if (!answer.ok) throw new Error(`${username} can not log in: ${await answer.text()}`);
  return { token: (await answer.json()).access_token, cookie: cookieOf(answer) };
}

function cookieOf(answer) {
  return answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
}

/** The same claims, without a signature and with one of nobody. */
async function forge() {
  const { token } = await owned();
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
  const headers = { 'content-type': 'application/json' };
  while (performance.now() < until) {
    const body = JSON.stringify({ username: 'nobody', password: randomUUID() });
    await call('guessed password', '/auth/login', { method: 'POST', headers, body });
    await sleep(PAUSE_MS);
  }
}

/** The thief goes on with a copy of the cookie, and the owner comes back with the old one. */
async function replay() {
  while (performance.now() < until) {
    const { cookie } = await owned();
    const refresh = (shown) =>
      call('refresh token', '/auth/refresh', { method: 'POST', headers: { cookie: shown, 'x-token-relay': '1' } });
    await refresh(cookieOf(await refresh(cookie)));
    await sleep(Math.min(GRACE_MS, Math.max(0, until - performance.now())));
    await refresh(cookie);
  }
}

const told = setInterval(() => console.log(Object.fromEntries(counts)), 10_000);
await Promise.all([forge(), guess(), replay()]);
clearInterval(told);
console.log(Object.fromEntries(counts));
