// How long a revocation takes to every service: starts the whole system – Redis, two auths, gateway, resource, audit –
// and revokes one token after the other, while each service is asked about its own again and again. Runs on the built
// apps (npm run measure:propagation builds them), and prints the table of docs/revocation.md.
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { require } from './require-typescript.mjs';

const REVOCATIONS = 200;
/** Made at once, so that none expires before its turn. */
const BATCH = 25;
/** Between two questions to a service: without it whoever asks takes the processor from those that are measured. */
const PAUSE_MS = 2;

const { askAudit, askGateway, askResource, makeChain, verdicts } = require('../e2e/src/chain.ts');
const { RedisSystem } = require('../e2e/src/redis-system.ts');

const SERVICES = {
  gateway: (system, { login }) => askGateway(system, login),
  resource: (system, { resource }) => askResource(system, resource),
  audit: (system, { audit }) => askAudit(system, audit),
};

const system = await RedisSystem.start({ auths: 2 });
try {
  const measured = [];
  while (measured.length < REVOCATIONS) {
    const admin = await system.adminToken();
    const chains = await Promise.all(Array.from({ length: BATCH }, () => makeChain(system)));
    for (const chain of chains) measured.push(await measure(chain, measured.length % 2, admin));
  }
  print(measured);
} finally {
  await system.stop();
}

/** @returns for each service, when it has refused: since the revocation was sent, and since it was answered */
async function measure(chain, auth, admin) {
  const before = await verdicts(system, chain);
  if (before.some((verdict) => verdict !== 200)) throw new Error(`not accepted before: ${before}`);
  const { jti } = JSON.parse(Buffer.from(chain.login.split('.')[1], 'base64url').toString());
  const sent = performance.now();
  const answered = system.revokeAt(auth, admin, { jti }).then((answer) => {
    if (answer.status !== 201) throw new Error(`not revoked: ${answer.status}`);
    return performance.now();
  });
  const refused = await Promise.all([answered, ...Object.values(SERVICES).map((ask) => refusedAt(ask, chain))]);
  const [answeredAt, ...times] = refused;
  return times.map((time) => ({ sinceSent: time - sent, sinceAnswered: time - answeredAt }));
}

/** When the answer had come that refuses it. */
async function refusedAt(ask, chain) {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline;) {
    if ((await ask(system, chain)) === 'token_revoked') return performance.now();
    await sleep(PAUSE_MS);
  }
  throw new Error('it was not refused in 10 s');
}

function print(measured) {
  const { model } = cpus()[0];
  console.log(`Node ${process.version}, ${cpus().length} × ${model}, ${measured.length} revocations\n`);
  console.log('| refused by | p50 | p99 | max | p50 after the answer | p99 | max | before the answer |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  const rows = Object.keys(SERVICES).map((name, i) => [name, measured.map((times) => times[i])]);
  const latest = (key) => (times) => Math.max(...times.map((time) => time[key]));
  rows.push([
    'all three',
    measured.map((times) => ({
      sinceSent: latest('sinceSent')(times),
      sinceAnswered: latest('sinceAnswered')(times),
    })),
  ]);
  for (const [name, times] of rows) {
    const cells = ['sinceSent', 'sinceAnswered'].flatMap((key) => quantiles(times.map((time) => time[key])));
    const early = times.filter(({ sinceAnswered }) => sinceAnswered <= 0).length;
    console.log(`| ${[name, ...cells, `${early} of ${times.length}`].join(' | ')} |`);
  }
}

/** p50, p99 and the longest. */
function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
  return [at(0.5), at(0.99), at(1)].map((ms) => `${ms.toFixed(1)} ms`);
}
