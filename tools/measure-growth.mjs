// How auth and its Redis grow: what a session takes in Redis, logins and refreshes a second, and what it costs to tell so many
// services what is revoked. Starts the built auth with a redis-server; prints the tables of docs/scale.md.
// Needs npx nx run-many -t build.
//
//   node tools/measure-growth.mjs [subscribers …]
import Redis from 'ioredis';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { require } from './require-typescript.mjs';

const { AppProcess } = require('../e2e/src/app-process.ts');
const { basic, secret, usersFile } = require('../e2e/src/system.ts');
const { startOwnRedis } = require('../libs/testing/dist/servers/index.js');

const SUBSCRIBERS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [0, 100, 1_000];
const ISSUER = 'https://issuer.test';
const USERS = 32;
const LOGINS = 300;
const REFRESHES = 5_000;
const REVOCATIONS = 50;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const CLOCK_TICKS_PER_SECOND = 100;
const IDLE_MS = 10_000;

const folder = await mkdtemp(join(tmpdir(), 'measure-growth-'));
const agent = new Agent({ keepAlive: true });
const client = { id: 'gateway', secret: secret() };
const users = Array.from({ length: USERS }, (_, i) => {
  return { username: `user-${i}`, password: secret(), sub: randomUUID(), scopes: ['documents:read'] };
});
const server = await startOwnRedis();
const redis = new Redis(server.url);
let auth;
try {
  await writeFile(join(folder, 'users.json'), await usersFile(users));
  await writeFile(join(folder, 'clients.json'), clientsFile());
  auth = await AppProcess.start('auth', {
    ISSUER,
    CLIENTS_FILE: join(folder, 'clients.json'),
    USERS_FILE: join(folder, 'users.json'),
    REDIS_URL: server.url,
    KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  });
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, auth and Redis on the same machine\n`);
  // Before logins, whose passwords take memory that isn't given back.
  await measureFeed();
  await measureSessions();
} finally {
  agent.destroy();
  redis.disconnect();
  await auth?.stop();
  await server.stop();
  await rm(folder, { recursive: true });
}

async function measureSessions() {
  const login = (i) => post('/auth/login', json({ ...credentials(users[i % USERS]), client_id: 'phone' }));
  const usedBefore = await usedMemory();
  const logins = await load(LOGINS, 16, login);
  const perSession = ((await usedMemory()) - usedBefore) / LOGINS;
  const sessions = logins.answers.map((answer) => JSON.parse(answer).refresh_token);
  const [commands, usedThen] = [await commandsDone(), await usedMemory()];
  const refreshes = await load(REFRESHES, 16, async (_, lane) => {
    const form = { grant_type: 'refresh_token', client_id: 'phone', refresh_token: sessions[lane] };
    const answer = await post('/oauth/token', new URLSearchParams(form).toString(), FORM);
    sessions[lane] = JSON.parse(answer).refresh_token;
    return answer;
  });
  const perRefresh = ((await commandsDone()) - commands) / REFRESHES;
  const perToken = ((await usedMemory()) - usedThen) / REFRESHES;
  console.log('| | a second | p50 | p99 | in Redis |');
  console.log('| --- | --- | --- | --- | --- |');
  console.log(`| logins | ${logins.shown} | ${Math.round(perSession)} bytes a session |`);
  console.log(
    `| refreshes | ${refreshes.shown} | ${perRefresh.toFixed(0)} commands each, those in scripts too; ${Math.round(perToken)} bytes a token |\n`,
  );
}

async function measureFeed() {
  console.log(
    '| subscribers | resident memory of auth | of which a subscriber | processor, idle | a revocation reaches the last, p50 | p99 |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  let base;
  for (const count of SUBSCRIBERS) {
    const feeds = [];
    // Not all at once: a service that starts isn't alone, but neither do a thousand in the same moment.
    while (feeds.length < count) {
      const more = Math.min(count - feeds.length, 50);
      feeds.push(...(await Promise.all(Array.from({ length: more }, subscribe))));
    }
    await sleep(3_000);
    const cpuBefore = processorTime(auth.pid);
    await sleep(IDLE_MS);
    const idle = (100 * (processorTime(auth.pid) - cpuBefore) * 1_000) / IDLE_MS;
    const memory = residentMemory(auth.pid);
    base ??= memory;
    const times = [];
    for (let i = 0; count > 0 && i < REVOCATIONS; i++) times.push(await revokeAndWait(feeds));
    const each = count > 0 ? `${Math.round((memory - base) / count / 1024)} KiB` : '–';
    const shown = count > 0 ? [`${at(times, 0.5)} ms`, `${at(times, 0.99)} ms`] : ['–', '–'];
    console.log(
      `| ${[count, `${Math.round(memory / 1048576)} MiB`, each, `${idle.toFixed(1)} %`, ...shown].join(' | ')} |`,
    );
    for (const feed of feeds) feed.destroy();
    await sleep(1_000);
  }
}

/** A client of auth's feed that looks for what it is told to. */
async function subscribe() {
  const asked = request(`${auth.url}/revocations/feed`, { agent: false, headers: { authorization: basic(client) } });
  asked.end();
  const [answer] = await once(asked, 'response');
  if (answer.statusCode !== 200) throw new Error(`the feed answers ${answer.statusCode}`);
  const feed = { wanted: undefined, found: () => undefined, destroy: () => asked.destroy() };
  asked.on('error', () => undefined);
  answer.on('error', () => undefined);
  answer.setEncoding('utf8').on('data', (part) => {
    if (feed.wanted !== undefined && part.includes(feed.wanted)) feed.found();
  });
  return feed;
}

/** From the request to revoke until the last of all subscribers has heard of it, in milliseconds. */
async function revokeAndWait(feeds) {
  const { access_token: token } = JSON.parse(
    await post('/oauth/token', 'grant_type=client_credentials&audience=resource', {
      ...FORM,
      authorization: basic(client),
    }),
  );
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  const heard = Promise.all(
    feeds.map((feed) => new Promise((resolve) => Object.assign(feed, { wanted: jti, found: resolve }))),
  );
  const begun = performance.now();
  await post('/oauth/revoke', new URLSearchParams({ token }).toString(), { ...FORM, authorization: basic(client) });
  await heard;
  return performance.now() - begun;
}

/** So many at once, each of which asks again as soon as it is answered. */
async function load(count, lanes, ask) {
  const times = [];
  const answers = [];
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      while (next < count) {
        const asked = performance.now();
        answers.push(await ask(next++, lane));
        times.push(performance.now() - asked);
      }
    }),
  );
  const perSecond = Math.round((1_000 * times.length) / (performance.now() - begun));
  return { answers, shown: `${perSecond} | ${at(times, 0.5)} ms | ${at(times, 0.99)} ms` };
}

async function post(path, body, headers = { 'content-type': 'application/json' }) {
  const sent = request(`${auth.url}${path}`, {
    method: 'POST',
    agent,
    headers: { 'content-length': Buffer.byteLength(body), ...headers },
  });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  const content = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${content}`);
  return content;
}

async function usedMemory() {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))[1]);
}

async function commandsDone() {
  return Number(/total_commands_processed:(\d+)/.exec(await redis.info('stats'))[1]);
}

/** In seconds, since it began. */
function processorTime(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** In bytes. */
function residentMemory(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

function at(times, quantile) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.ceil(quantile * sorted.length) - 1].toFixed(1);
}

function credentials({ username, password }) {
  return { username, password };
}

function json(value) {
  return JSON.stringify(value);
}

function clientsFile() {
  const hash = createHash('sha256').update(client.secret).digest('base64url');
  return json({
    clients: [
      {
        id: client.id,
        secrets: [`sha256:${hash}`],
        audiences: { resource: ['documents:read'] },
        scopes: ['revocations:read', 'documents:read'],
      },
      { type: 'native', id: 'phone', scopes: ['documents:read'] },
    ],
  });
}
