// What auth takes for a token: starts the built auth (npx nx build auth) with its state in memory and, where there is a
// redis-server, in Redis, and lets clients ask for tokens as fast as they are answered. Prints the table of
// docs/users-and-clients.md. Subject tokens and assertions are made before, each for one request.
//
//   node tools/measure-exchange.mjs [requests [clients at once …]]
import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { require } from './require-typescript.mjs';

const [REQUESTS = 2_000, ...AT_ONCE] = process.argv.slice(2).map(Number);
const CLIENTS_AT_ONCE = AT_ONCE.length > 0 ? AT_ONCE : [16];
const WARM_UP = 1_000;
const SESSIONS = 16;
const ISSUER = 'https://issuer.test';
const TYPE = 'urn:ietf:params:oauth:token-type';
const SCOPES = ['documents:read', 'documents:write'];

const { AppProcess } = require('../e2e/src/app-process.ts');
const { basic, secret, usersFile } = require('../e2e/src/system.ts');
const { startOwnRedis } = require('../libs/testing/dist/servers/index.js');

const exchange = (token) => ({
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: token,
  subject_token_type: `${TYPE}:access_token`,
});
const REQUESTED = {
  exchange: { hasSubject: true, form: (token) => ({ ...exchange(token), audience: 'resource' }) },
  'transaction token': {
    hasSubject: true,
    form: (token) => ({
      ...exchange(token),
      requested_token_type: `${TYPE}:txn_token`,
      audience: new URL(ISSUER).hostname,
      scope: 'documents:read',
      request_details: JSON.stringify({ action: 'read', document: randomUUID() }),
    }),
  },
  client_credentials: {
    hasSubject: false,
    form: () => ({ grant_type: 'client_credentials', audience: 'resource' }),
  },
};

const gateway = { id: 'gateway', secret: secret() };
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** How the client is registered, and what it sends in a request's headers and form. */
const AUTHENTICATION = {
  client_secret_basic: {
    registered: { secrets: [`sha256:${createHash('sha256').update(gateway.secret).digest('base64url')}`] },
    headers: { authorization: basic(gateway) },
    form: () => ({}),
  },
  private_key_jwt: {
    registered: { jwks: { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'key', alg: 'ES256' }] } },
    headers: {},
    form: () => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion(),
    }),
  },
};

const users = Array.from({ length: SESSIONS }, (_, i) => {
  return { username: `user-${i}`, password: secret(), sub: randomUUID(), scopes: SCOPES };
});
const agent = new Agent({ keepAlive: true });
const folder = await mkdtemp(join(tmpdir(), 'measure-exchange-'));
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, ${REQUESTS} requests each\n`);
console.log('| state in | asked for | authentication | clients at once | p50 | p99 | a second |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
try {
  await writeFile(join(folder, 'users.json'), await usersFile(users));
  await measureWith('memory', { SINGLE_AUTH: '1' });
  const redis = await startOwnRedis().catch(() => undefined);
  const KEY_ENCRYPTION_KEY = randomBytes(32).toString('base64');
  if (redis) await measureWith('Redis', { REDIS_URL: redis.url, KEY_ENCRYPTION_KEY }).finally(() => redis.stop());
} finally {
  agent.destroy();
  await rm(folder, { recursive: true });
}

async function measureWith(state, environment) {
  for (const [name, method] of Object.entries(AUTHENTICATION)) {
    await writeFile(join(folder, 'clients.json'), clientsFile(method.registered));
    const auth = await AppProcess.start('auth', {
      ISSUER,
      CLIENTS_FILE: join(folder, 'clients.json'),
      USERS_FILE: join(folder, 'users.json'),
      ...environment,
    });
    try {
      const sessions = await Promise.all(users.map((user) => beginSession(auth.url, user)));
      for (const [requested, { hasSubject, form }] of Object.entries(REQUESTED)) {
        const run = async (count, atOnce) => {
          const tokens = hasSubject ? await subjectTokens(sessions, count) : [];
          const forms = Array.from({ length: count }, (_, i) => ({ ...form(tokens[i]), ...method.form() }));
          return measure(auth.url, forms, method.headers, atOnce);
        };
        await run(WARM_UP, SESSIONS);
        for (const atOnce of CLIENTS_AT_ONCE) {
          const measured = await run(REQUESTS, atOnce);
          console.log(`| ${[state, requested, name, atOnce, ...measured].join(' | ')} |`);
        }
      }
    } finally {
      await auth.stop();
    }
  }
}

/** So many clients, each of which asks again as soon as it is answered. */
async function measure(url, forms, headers, atOnce) {
  const bodies = forms.map((form) => new URLSearchParams(form).toString());
  const times = [];
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
        const asked = performance.now();
        await post(url, body, headers);
        times.push(performance.now() - asked);
      }
    }),
  );
  const perSecond = Math.round((1000 * times.length) / (performance.now() - begun));
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q) => `${sorted[Math.ceil(q * sorted.length) - 1].toFixed(1)} ms`;
  return [at(0.5), at(0.99), perSecond];
}

/** A user's session, of a native client: each refresh gives another token for the gateway. */
async function beginSession(url, { username, password }) {
  const body = JSON.stringify({ username, password, client_id: 'phone' });
  const headers = { 'content-type': 'application/json' };
  let tokens = await (await fetch(`${url}/auth/login`, { method: 'POST', headers, body })).json();
  return async () => {
    const form = { grant_type: 'refresh_token', client_id: 'phone', refresh_token: tokens.refresh_token };
    tokens = JSON.parse(await post(url, new URLSearchParams(form).toString()));
    return tokens.access_token;
  };
}

async function subjectTokens(sessions, count) {
  const tokens = [];
  await Promise.all(
    sessions.map(async (refresh) => {
      while (tokens.length < count) tokens.push(await refresh());
    }),
  );
  return tokens;
}

async function post(url, body, headers = {}) {
  const sent = request(`${url}/oauth/token`, {
    method: 'POST',
    agent,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
      ...headers,
    },
  });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  const content = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${content}`);
  return content;
}

function clientsFile(registered) {
  const policy = { audiences: { resource: SCOPES }, transactions: { scopes: SCOPES }, scopes: ['documents:read'] };
  const clients = [
    { id: 'gateway', ...registered, ...policy },
    { type: 'native', id: 'phone', scopes: SCOPES },
  ];
  return JSON.stringify({ clients });
}

function assertion() {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'gateway', sub: 'gateway', aud: ISSUER, iat: now, exp: now + 60, jti: randomUUID() };
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encoded({ typ: 'client-authentication+jwt', alg: 'ES256', kid: 'key' })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}
