// What traces cost: starts the built apps (npm run build) three times – without a collector, with one that is told of a
// tenth of the traces, and with one that is told of all –, and lets one user ask the gateway for /api/whoami – gateway,
// resource and audit – as fast as it is answered, in turns. Prints the table of docs/tracing-and-logs.md.
//
//   node tools/measure-traces.mjs [requests [at once]]
import { createServer } from 'node:http';
import { cpus } from 'node:os';
import { Pool } from 'undici';
import { require } from './require-typescript.mjs';

const [REQUESTS = 3_000, AT_ONCE = 16] = process.argv.slice(2).map(Number);
const WARM_UP = 1_000;
const ROUNDS = 5;
const PATH = '/api/whoami';

const { System } = require('../e2e/src/system.ts');

const collector = createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});
await new Promise((resolve) => collector.listen(0, '127.0.0.1', resolve));
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}` };

const SETTINGS = {
  'no collector': {},
  'a tenth of the traces': {
    ...endpoint,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  },
  'all traces': { ...endpoint, OTEL_BSP_MAX_QUEUE_SIZE: '20000' },
};

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0].model}, ${ROUNDS} × ${REQUESTS} requests, ${AT_ONCE} at once\n`,
);
const runs = [];
try {
  for (const [name, every] of Object.entries(SETTINGS)) {
    const system = await System.start({ every });
    const pool = new Pool(system.gateway.url);
    runs.push({ name, system, pool, token: await system.login('alice'), times: [] });
  }
  for (const run of runs) await measure(run, WARM_UP);
  // In turns, so that what else the machine does falls on all of them.
  for (let round = 0; round < ROUNDS; round++) {
    for (const run of runs) run.times.push(await measure(run, REQUESTS));
  }
  console.log('| told of | p50 | p99 | a second | of that without |\n| --- | --- | --- | --- | --- |');
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  for (const { name, times } of runs) {
    const [p50, p99, perSecond] = ['p50', 'p99', 'perSecond'].map((key) => median(times.map((time) => time[key])));
    // Of each round, against the one beside it.
    const ratio = median(times.map((time, i) => time.perSecond / runs[0].times[i].perSecond));
    const cells = [name, `${p50.toFixed(1)} ms`, `${p99.toFixed(1)} ms`, Math.round(perSecond), ratio.toFixed(2)];
    console.log(`| ${cells.join(' | ')} |`);
  }
} finally {
  await Promise.all(runs.map(async ({ system, pool }) => (await pool.close(), system.stop())));
  collector.closeAllConnections();
  collector.close();
}

async function measure({ pool, token }, count) {
  const times = [];
  const begun = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) {
        const asked = performance.now();
        const { statusCode, body } = await pool.request({
          method: 'GET',
          path: PATH,
          headers: { authorization: `Bearer ${token}` },
        });
        await body.dump();
        if (statusCode !== 200) throw new Error(`${PATH}: ${statusCode}`);
        times.push(performance.now() - asked);
      }
    }),
  );
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q) => sorted[Math.ceil(q * sorted.length) - 1];
  return { p50: at(0.5), p99: at(0.99), perSecond: (1000 * times.length) / (performance.now() - begun) };
}
