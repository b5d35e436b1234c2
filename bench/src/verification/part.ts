import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, type Part, type PartResult, type Plot, type Table, type Target } from '../harness/part';
import { type Entry, interleaved, type Rounds } from '../harness/rounds';
import { summary } from '../harness/statistics';
import { of, times, timesTable } from '../harness/tables';
import {
  allEntries,
  BARE,
  checkAloneEntry,
  checkAloneLabel,
  checkedEntries,
  COLD,
  coldEntry,
  coldWithRevocationsEntry,
  FLOODED,
  isGarbage,
  PASSPORT,
  redisEntries,
  revocationEntries,
  WARM,
  warmEntry,
  warmWithMetricsEntry,
} from './entries';
import { type OwnSetting } from './own';
import { hasRedis } from '../harness/programs';
import { PlacedRedis } from '../harness/redis';
import { type Algorithm, writeTokens } from './tokens';

/** What the figures that were set out are about. */
const JUDGED = 'ES256';
/** The judged one first, which is all that a short run takes. */
const ALGORITHMS: readonly Algorithm[] = [JUDGED, 'RS256', 'EdDSA'];
const MOST_REVOCATIONS = 100_000;
const REVOCATIONS = [0, 10_000, MOST_REVOCATIONS];
const REVOCATIONS_QUICK = [MOST_REVOCATIONS];
/** As many as a verifier remembers. */
const MANY_TOKENS = 10_000;

/** More tokens than a verifier remembers by default, which is 10,000; a short run is content with a smaller one. */
const COLD_TOKENS = 12_000;
const SHORT = { tokens: 1_200, verdictCacheSize: 1_000 };
/** There are many of them, and each of their operations takes microseconds. */
const QUICK_TURN_MS = 30;

export const VERIFICATION: Part = {
  name: 'verification',
  title: 'Verification',
  async run(bench) {
    const folder = await mkdtemp(join(tmpdir(), 'token-relay-bench-'));
    try {
      if (bench.check) return await checked(bench, folder);
      return await whole({ ...bench, turnMs: bench.quick ? QUICK_TURN_MS : bench.turnMs / 2 }, folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function checked(bench: Bench, folder: string): Promise<PartResult> {
  const entries = checkedEntries(await prepared(bench, folder, JUDGED));
  const rounds = await interleaved(bench, JUDGED, entries, 'processor');
  return { tables: [], targets: ratios(rounds), plots: [] };
}

async function whole(bench: Bench, folder: string): Promise<PartResult> {
  const tables: Table[] = [];
  const targets: Target[] = [];
  const plots: Plot[] = [];
  for (const algorithm of bench.quick ? ALGORITHMS.slice(0, 1) : ALGORITHMS) {
    const entries = allEntries(algorithm, await prepared(bench, folder, algorithm));
    const rounds = await interleaved(bench, algorithm, entries);
    tables.push(goodTable(algorithm, rounds), garbageTable(algorithm, rounds));
    if (algorithm !== JUDGED) continue;
    targets.push(warmTarget(rounds), ...ratios(rounds));
    plots.push(plot(algorithm, rounds));
  }
  const setting = await prepared(bench, folder, JUDGED);
  const revoked = await interleaved(bench, 'with what a service has besides', [
    coldEntry(setting),
    warmEntry(setting),
    warmWithMetricsEntry(setting),
    coldWithRevocationsEntry(setting, MOST_REVOCATIONS),
    ...(bench.quick ? REVOCATIONS_QUICK : REVOCATIONS).flatMap((entries) => revocationEntries(setting, entries)),
    checkAloneEntry(setting, MOST_REVOCATIONS, MANY_TOKENS),
  ]);
  tables.push(revocationTable(revoked));
  targets.push(revocationTarget(revoked));
  tables.push(await besideRedis(bench, [coldEntry(setting), warmEntry(setting)]));
  return { tables, targets, plots };
}

/** The tokens that everybody verifies; made anew for each table, since they don't live long. */
async function prepared(bench: Bench, folder: string, algorithm: Algorithm): Promise<OwnSetting> {
  const count = bench.quick ? SHORT.tokens : COLD_TOKENS;
  bench.progress(`${algorithm}: ${count} tokens are made`);
  const file = await writeTokens(folder, algorithm, count);
  return bench.quick ? { file, verdictCacheSize: SHORT.verdictCacheSize } : { file };
}

function goodTable(algorithm: Algorithm, rounds: Rounds): Table {
  return timesTable(
    `${algorithm}, good tokens`,
    only(rounds, (label) => !isGarbage(label)),
    BARE,
    [
      'crypto.verify is called with everything laid out, and with a key that bears its options, which is the quickest way; as documented they stand in an object with the key, and Node 24 takes longer to find out what that is.',
      'TokenVerifier begins with the headers of a request (`authenticate`), passport-jwt too; the others get the token, which costs less. Cold: each token is seen for the first time, and another one forgotten for it. Warm: 500 users come back, and their header is a string that was not seen before.',
      'Nobody else checks how long a token lives at the most, or that no name occurs twice in it; jsonwebtoken, passport-jwt and aws-jwt-verify don’t check `typ` either. fast-jwt with a cache answers with what it has remembered until the token expires: it asks neither for revocations nor for the key. By default it hashes each token for that; by the token itself it is faster, and its documentation warns of it.',
    ],
  );
}

function garbageTable(algorithm: Algorithm, rounds: Rounds): Table {
  const shown = only(rounds, (label) => label === COLD || isGarbage(label));
  return timesTable(`${algorithm}, garbage: what each token of a flood costs`, shown, COLD, [
    'Every token has a right header and right claims, and a random signature of the right length and range; none is remembered. Beside them, a good token that is seen for the first time.',
  ]);
}

function revocationTable(rounds: Rounds): Table {
  return timesTable(`${JUDGED}, metrics and revocations`, rounds, WARM, [
    'Metrics are those of the services of this repository, which count and measure every verification. The number is that of the entries: tokens, sessions and users in equal parts. A verifier asks of a token once for each time that something is revoked; “asked each time” is as if that happened before every request. The check alone is that of the key and of a token that was exchanged twice, whose origin is asked for as well; of 500 such tokens in turns, as everywhere, unless it says otherwise: of more, what the check reads isn’t in the processor’s caches any more.',
  ]);
}

async function besideRedis(bench: Bench, entries: readonly Entry[]): Promise<Table> {
  const redis = hasRedis ? await PlacedRedis.start('around') : undefined;
  const title = `${JUDGED}, beside Redis on the same machine`;
  if (!redis) return { title, columns: [''], rows: [], notes: ['There is no redis-server here.'] };
  try {
    const rounds = await interleaved(bench, 'Redis', [...entries, ...redisEntries(redis.url)]);
    return timesTable(title, rounds, WARM, [
      'By ioredis, over 127.0.0.1. One at a time a request waits so long; 64 at once show what each of them costs when the service is busy. Redis’s own work is done on another core, where there is one, and isn’t counted.',
    ]);
  } finally {
    await redis.stop();
  }
}

function only(rounds: Rounds, isShown: (label: string) => boolean): Rounds {
  return new Map([...rounds].filter(([label]) => isShown(label)));
}

const inMicroseconds = (rounds: Rounds, label: string) => summary(of(rounds, label).map((ns) => ns / 1_000));

function warmTarget(rounds: Rounds): Target {
  return { name: `${JUDGED}: warm`, value: inMicroseconds(rounds, WARM), unit: ' µs', atMost: 1.5 };
}

function revocationTarget(rounds: Rounds): Target {
  const label = checkAloneLabel(MOST_REVOCATIONS);
  const name = `revocation check at ${MOST_REVOCATIONS.toLocaleString('en')} entries`;
  return { name, value: inMicroseconds(rounds, label), unit: ' µs', atMost: 0.2 };
}

function ratios(rounds: Rounds): Target[] {
  return [
    {
      name: `${JUDGED}: ${PASSPORT} against warm`,
      value: times(rounds, PASSPORT, WARM),
      unit: ' ×',
      atLeast: 30,
      check: { atLeast: 15 },
    },
    {
      name: `${JUDGED}: cold against ${BARE}`,
      value: times(rounds, COLD, BARE),
      unit: ' ×',
      atMost: 1.25,
      check: { atMost: 2.5 },
    },
    {
      name: `${JUDGED}: garbage against cold`,
      value: times(rounds, FLOODED, COLD),
      unit: ' ×',
      atMost: 1,
      check: { atMost: 1.5 },
    },
  ];
}

function plot(algorithm: Algorithm, rounds: Rounds): Plot {
  return {
    title: `One verification, ${algorithm}`,
    unit: 'µs',
    logarithmic: true,
    bars: [...only(rounds, (label) => !isGarbage(label)).keys()].map((label) => ({
      label,
      value: inMicroseconds(rounds, label).median,
      ours: label.startsWith('TokenVerifier'),
    })),
  };
}
