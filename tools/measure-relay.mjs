// What each mode of the relay costs: starts the four built apps (npm run build), and lets one user ask the gateway for
// /api/documents – gateway and resource – and for /api/whoami – audit too –, with nothing at hand and with everything, as
// fast as it is answered. Prints the table of docs/relay.md.
//
//   node tools/measure-relay.mjs [requests [at once]]
import { cpus } from 'node:os';
import { Pool } from 'undici';
import { require } from './require-typescript.mjs';

const [REQUESTS = 5_000, AT_ONCE = 16] = process.argv.slice(2).map(Number);
const WARM_UP = 2_000;
const ROUNDS = 3;

const { System } = require('../e2e/src/system.ts');

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, ${ROUNDS} × ${REQUESTS} requests, ${AT_ONCE} at once\n`,
);
console.log('| mode | path | p50 | p99 | a second |\n| --- | --- | --- | --- | --- |');
const systems = [];
try {
  for (const mode of ['exchange', 'transaction', 'forward']) {
    const system = await System.start({ relayMode: mode });
    systems.push({ mode, system, token: await system.login('alice'), pool: new Pool(system.gateway.url), runs: {} });
  }
  for (const run of systems) await measure(run, '/api/whoami', WARM_UP);
  // In turns, so that what else the machine does falls on all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const path of ['/api/documents', '/api/whoami']) {
      for (const run of systems) (run.runs[path] ??= []).push(await measure(run, path, REQUESTS));
    }
  }
  for (const path of ['/api/documents', '/api/whoami']) {
    for (const { mode, runs } of systems) {
      const [p50, p99, perSecond] = ['p50', 'p99', 'perSecond'].map((name) =>
        median(runs[path].map((run) => run[name])),
      );
      console.log(`| ${mode} | ${path} | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms | ${Math.round(perSecond)} |`);
    }
  }
} finally {
  await Promise.all(systems.map(async ({ system, pool }) => (await pool.close(), system.stop())));
}

async function measure({ pool, token }, path, count) {
  const times = [];
  const begun = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) {
        const asked = performance.now();
        const { statusCode, body } = await pool.request({
          method: 'GET',
          path,
          headers: { authorization: `Bearer ${token}` },
        });
        await body.dump();
        if (statusCode !== 200) throw new Error(`${path}: ${statusCode}`);
        times.push(performance.now() - asked);
      }
    }),
  );
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q) => sorted[Math.ceil(q * sorted.length) - 1];
  return { p50: at(0.5), p99: at(0.99), perSecond: (1000 * times.length) / (performance.now() - begun) };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
