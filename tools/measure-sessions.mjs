// What a request pays to know who asks: a token that is verified, or a session that is looked up in Redis on the same
// machine, as most session stores do it (a GET, and JSON). All in one process and one run, interleaved; prints the table of
// docs/choosing.md. Needs redis-server, and what was built: npx nx run-many -t build.
//
//   node tools/measure-sessions.mjs [rounds]
import Redis from 'ioredis';
import { randomBytes, randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { require } from './require-typescript.mjs';

const { TokenVerifier } = require('../libs/jwt-guard/dist/index.js');
const { TestIssuer } = require('../libs/testing/dist/index.js');
const { startOwnRedis } = require('../libs/testing/dist/servers/index.js');

const ROUNDS = Number(process.argv[2] ?? 7);
const USERS = 500;
const WARM = 200_000;
const COLD = 1_000;
const LOOK_UPS = 10_000;
const AT_ONCE = 64;
const ISSUER = 'https://issuer.example';

const issuer = await TestIssuer.create({ issuer: ISSUER, audience: 'gateway' });
const verifier = await TokenVerifier.create({
  issuers: [{ issuer: ISSUER, audience: 'gateway', algorithms: ['ES256'], jwks: issuer.jwks }],
});
const server = await startOwnRedis();
const redis = new Redis(server.url);

try {
  const claims = () => ({ sub: randomUUID(), scope: 'documents:read documents:write', sid: randomUUID() });
  const tokens = await Promise.all(
    Array.from({ length: USERS }, () => issuer.token({ ...claims(), jti: randomUUID() })),
  );
  const sessions = Array.from({ length: USERS }, () => randomBytes(32).toString('base64url'));
  for (const id of sessions) {
    await redis.set(
      `session:${id}`,
      JSON.stringify({ user: claims(), csrf: randomUUID(), since: Date.now(), cart: [] }),
    );
  }
  const bytes = tokens.map((token) => Buffer.from(token));

  const ways = {
    'token, seen before': async () => {
      // The string is made anew each time, as a server gets it.
      for (let i = 0; i < WARM; i++) await verifier.verify(bytes[i % USERS].toString('latin1'));
      return WARM;
    },
    'token, seen for the first time': async () => {
      const fresh = await Promise.all(
        Array.from({ length: COLD }, () => issuer.token({ ...claims(), jti: randomUUID() })),
      );
      return timed(async () => {
        for (const token of fresh) await verifier.verify(token);
        return COLD;
      });
    },
    'session in Redis, one at a time': async () => {
      for (let i = 0; i < LOOK_UPS; i++) JSON.parse(await redis.get(`session:${sessions[i % USERS]}`));
      return LOOK_UPS;
    },
    [`session in Redis, ${AT_ONCE} at once`]: async () => {
      let next = 0;
      const client = async () => {
        while (next < LOOK_UPS) JSON.parse(await redis.get(`session:${sessions[next++ % USERS]}`));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      return LOOK_UPS;
    },
  };
  const results = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(ways)) {
      const result = await timed(run);
      // The first round warms up.
      if (round >= 0) results[name].push(result);
    }
  }
  console.log(`Node ${process.version}, ${cpus()[0].model}, median of ${ROUNDS} rounds\n`);
  console.log('| to know who asks | time | of which this process computes |');
  console.log('| --- | --- | --- |');
  for (const [name, rounds] of Object.entries(results)) {
    console.log(
      `| ${name} | ${shown(median(rounds.map((r) => r.wall)))} | ${shown(median(rounds.map((r) => r.cpu)))} |`,
    );
  }
} finally {
  redis.disconnect();
  await server.stop();
  verifier.close();
}

/** Microseconds each, of time and of this process' own. @param run answers how many it did, or what was timed inside */
async function timed(run) {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const done = await run();
  if (typeof done === 'object') return done;
  const wall = (performance.now() - begun) * 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { wall: wall / done, cpu: (user + system) / done };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

function shown(microseconds) {
  return microseconds < 10 ? `${microseconds.toFixed(2)} µs` : `${Math.round(microseconds)} µs`;
}
