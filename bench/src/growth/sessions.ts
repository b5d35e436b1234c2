import { type Bench, type Table, type Target } from '../harness/part';
import { Worker } from '../harness/worker';
import { hasRedis } from '../harness/programs';
import { PlacedRedis, REDIS_IS_MISSING } from '../harness/redis';
import { growthTable } from './growth-table';
import { type Filled, type StoreWorker } from './session-stores';

/** How many sessions a store is filled with. */
const EMBEDDED = [1_000, 10_000, 100_000, 1_000_000];
const EMBEDDED_QUICK = [500, 5_000];
const EMBEDDED_CHECK = [20_000];
const IN_REDIS = [1_000, 10_000, 100_000];
const IN_REDIS_QUICK = [100, 1_000];
const BYTES_TO_REACH = 1_024;
const BYTES_CHECKED = 1_536;

/** One store with so many sessions, and what came of it. */
interface Sized {
  readonly size: number;
  readonly worker: Worker<StoreWorker>;
  readonly filled: Filled;
  readonly redis?: PlacedRedis;
  /** A second, a figure a round. */
  readonly rates: { readonly create: number[]; readonly refresh: number[] };
}

/** Sessions in the store that is in auth's memory. */
export async function embeddedSessions(bench: Bench): Promise<{ table: Table; target: Target }> {
  const sizes = bench.check ? EMBEDDED_CHECK : bench.quick ? EMBEDDED_QUICK : EMBEDDED;
  const all = await measured(bench, 'sessions in memory', sizes, (size) => embedded(bench, size));
  const last = all.at(-1) as Sized;
  const bytes = last.filled.refreshedBytes;
  const table = storeTable('Sessions in the embedded store', all, [
    'One process, whose core has nothing else to do. Each session is of another user, with what a browser says of itself. Bytes are those that are in use after a collection of garbage, on the heap and beside it; a session that is refreshed keeps the successors that its last tokens may still ask for. The tokens that were issued in it are not among them.',
    'The slope, here and below, is the exponent of the power law that goes through the figures: 0 where they stay the same, 1 where they grow as fast as what stands above them.',
  ]);
  const target = {
    name: `bytes a session takes in the embedded store, of ${last.size.toLocaleString('en')}`,
    value: { median: bytes, low: bytes, high: bytes },
    atMost: BYTES_TO_REACH,
    check: { atMost: BYTES_CHECKED },
  };
  return { table, target };
}

/** Sessions in Redis, as auth's scripts keep them. */
export async function redisSessions(bench: Bench): Promise<Table> {
  const title = 'Sessions in Redis';
  if (!hasRedis) return { title, columns: [''], rows: [], notes: [REDIS_IS_MISSING] };
  const sizes = bench.quick ? IN_REDIS_QUICK : IN_REDIS;
  const all = await measured(bench, 'sessions in Redis', sizes, (size) => inRedis(bench, size));
  return storeTable(title, all, [
    'Redis is what is measured, on a core of its own; who asks has the others, with 64 commands under way. Bytes are `used_memory`.',
  ]);
}

async function measured(
  bench: Bench,
  title: string,
  sizes: readonly number[],
  start: (size: number) => Promise<Sized>,
): Promise<Sized[]> {
  const all: Sized[] = [];
  try {
    for (const size of sizes) {
      bench.progress(`${title}: fills with ${size.toLocaleString('en')}`);
      all.push(await start(size));
    }
    if (!bench.check) await inTurns(bench, title, all);
    return all;
  } finally {
    for (const { worker, redis } of all) {
      await worker.stop();
      await redis?.stop();
    }
  }
}

async function inTurns(bench: Bench, title: string, all: readonly Sized[]): Promise<void> {
  // To prepare what is timed takes several times as long.
  const turnMs = bench.quick ? bench.turnMs / 5 : bench.turnMs;
  bench.progress(`${title}: warms up`);
  for (const one of all) await turn(one, turnMs, false);
  for (let round = 0; round < bench.rounds; round++) {
    bench.progress(`${title}: round ${round + 1} of ${bench.rounds}`);
    for (const one of round % 2 === 0 ? all : [...all].reverse()) await turn(one, turnMs, true);
  }
}

async function turn({ worker, rates }: Sized, ms: number, isKept: boolean): Promise<void> {
  for (const way of ['create', 'refresh'] as const) {
    const { count, ns } = await worker.ask(way, ms);
    if (isKept) rates[way].push((count / ns) * 1e9);
  }
}

async function embedded(bench: Bench, size: number): Promise<Sized> {
  const setting = { sessions: size };
  const entry = { label: `the store of ${size}`, module: 'growth/session-stores', name: 'openEmbedded', setting };
  return filled(size, await Worker.start<StoreWorker>(bench, entry, 'measured'));
}

async function inRedis(bench: Bench, size: number): Promise<Sized> {
  const redis = await PlacedRedis.start('measured');
  try {
    const setting = { sessions: size, url: redis.url };
    const entry = { label: `Redis with ${size}`, module: 'growth/session-stores', name: 'openRedisSessions', setting };
    return { ...(await filled(size, await Worker.start<StoreWorker>(bench, entry, 'around'))), redis };
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

async function filled(size: number, worker: Worker<StoreWorker>): Promise<Sized> {
  try {
    return { size, worker, filled: await worker.ask('fill', undefined), rates: { create: [], refresh: [] } };
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

function storeTable(title: string, all: readonly Sized[], notes: readonly string[]): Table {
  const rates = all.every((one) => one.rates.create.length > 0)
    ? [
        { label: 'begun a second', figures: all.map((one) => one.rates.create) },
        { label: 'refreshed a second', figures: all.map((one) => one.rates.refresh) },
      ]
    : [];
  const rows = [
    { label: 'bytes each, just begun', figures: all.map((one) => [one.filled.newBytes]), shown: whole },
    { label: 'bytes each, when refreshed', figures: all.map((one) => [one.filled.refreshedBytes]), shown: whole },
    ...rates.map((row) => ({ ...row, shown: whole })),
  ];
  return growthTable(
    title,
    'sessions',
    all.map(({ size }) => size),
    rows,
    notes,
  );
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
