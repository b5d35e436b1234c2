import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Table } from '../harness/part';
import { processorSeconds } from '../harness/processor-time';
import { quantile } from '../harness/statistics';
import { time } from '../harness/tables';
import { Worker } from '../harness/worker';
import { Accounts } from '../harness/accounts';
import { startAuth } from '../harness/auth';
import { type Served } from '../harness/served';
import { hasRedis } from '../harness/programs';
import { PlacedRedis } from '../harness/redis';
import { growthTable } from './growth-table';
import { type Subscribers, type SubscribersSetting } from './subscribers';

const SERVICES = [1, 10, 100, 1_000];
const SERVICES_QUICK = [1, 10];
const [REVOCATIONS, REVOCATIONS_QUICK] = [50, 10];
const [IDLE_MS, IDLE_QUICK_MS] = [3_000, 300];
const ROUNDS_QUICK = 1;
/** Until those that have just come have got all that is revoked. */
const SETTLE_MS = 200;

/** What came of one size, a figure a round. */
interface Sized {
  readonly services: number;
  readonly p50: number[];
  readonly p99: number[];
  /** Seconds of processor a revocation, at auth and at those who hear of it. */
  readonly computed: number[];
  readonly heard: number[];
  /** Of a core. */
  readonly idle: number[];
  readonly resident: number[];
}

/** How long until all services know what is revoked, and what it costs auth to tell them. */
export async function feed(bench: Bench): Promise<Table> {
  const accounts = await Accounts.create(1);
  const redis = hasRedis ? await PlacedRedis.start('around') : undefined;
  let auth: Served | undefined;
  let worker: Worker<Subscribers> | undefined;
  try {
    auth = await startAuth(bench, { label: 'auth', place: 'measured', accounts, redisUrl: redis?.url });
    const setting: SubscribersSetting = { url: auth.url, authorization: accounts.authorization };
    const entry = { label: 'the subscribers', module: 'growth/subscribers', name: 'openSubscribers', setting };
    worker = await Worker.start<Subscribers>(bench, entry, 'around');
    return table(await measured(bench, auth, worker), redis !== undefined);
  } finally {
    await worker?.stop();
    await auth?.stop();
    await redis?.stop();
    await accounts.remove();
  }
}

async function measured(bench: Bench, auth: Served, worker: Worker<Subscribers>): Promise<Sized[]> {
  const all = (bench.quick ? SERVICES_QUICK : SERVICES).map((services): Sized => {
    return { services, p50: [], p99: [], computed: [], heard: [], idle: [], resident: [] };
  });
  const rounds = bench.quick ? ROUNDS_QUICK : bench.rounds;
  for (let round = 0; round < rounds; round++) {
    // The first one begins with the fewest: memory isn't given back.
    for (const sized of round % 2 === 0 ? all : [...all].reverse()) {
      bench.progress(`services on the feed: ${sized.services}, round ${round + 1} of ${rounds}`);
      await turn(bench, auth, worker, sized);
    }
  }
  return all;
}

async function turn(bench: Bench, auth: Served, worker: Worker<Subscribers>, sized: Sized): Promise<void> {
  const tokens = await worker.ask('tokens', bench.quick ? REVOCATIONS_QUICK : REVOCATIONS);
  await worker.ask('connect', sized.services);
  await sleep(SETTLE_MS);
  const idleMs = bench.quick ? IDLE_QUICK_MS : IDLE_MS;
  const before = processorSeconds(auth.pid);
  await sleep(idleMs);
  const [idle, deaf] = [processorSeconds(auth.pid), processorSeconds(worker.pid)];
  const times = (await worker.ask('revoke', tokens)).sort((a, b) => a - b);
  sized.idle.push(((idle - before) * 1000) / idleMs);
  sized.computed.push((processorSeconds(auth.pid) - idle) / tokens.length);
  sized.heard.push((processorSeconds(worker.pid) - deaf) / tokens.length);
  sized.p50.push(quantile(times, 0.5));
  sized.p99.push(quantile(times, 0.99));
  sized.resident.push(residentMemory(auth.pid));
  await worker.ask('disconnect', undefined);
}

function table(all: readonly Sized[], isInRedis: boolean): Table {
  const figures = (name: Exclude<keyof Sized, 'services'>) => all.map((sized) => sized[name]);
  const ms = (value: number): string => time(value * 1e6);
  const seconds = (value: number): string => time(value * 1e9);
  const first = all.map(({ resident }) => resident.slice(0, 1));
  return growthTable(
    'Services on the feed of revocations',
    'services',
    all.map(({ services }) => services),
    [
      { label: 'a revocation reaches the last of them, p50', figures: figures('p50'), shown: ms },
      { label: 'p99', figures: figures('p99'), shown: ms },
      { label: 'auth computes for it', figures: figures('computed'), shown: seconds },
      { label: 'all services compute for it', figures: figures('heard'), shown: seconds },
      {
        label: 'core of auth, nothing revoked',
        figures: figures('idle'),
        shown: (share) => `${(100 * share).toFixed(1)} %`,
      },
      {
        label: 'resident memory of auth',
        figures: first,
        shown: (bytes) => `${Math.round(bytes / 2 ** 20)} MiB`,
      },
    ],
    [
      `One auth with its state in ${isInRedis ? 'Redis' : 'its memory, since there is no redis-server here'}, and all services simulated by one process on another core, where they take turns to hear of it. From the request that revokes until the last one has been told; what auth computes is for that request too. Processor time is told in ticks of 10 ms, which the revocations of a turn share. Memory is that of the first round, which begins with the fewest.`,
    ],
  );
}

/** In bytes. */
function residentMemory(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
