import { type Bench, type Table } from '../harness/part';
import { processorSeconds } from '../harness/processor-time';
import { ratio, summary } from '../harness/statistics';
import { digits, spread, time } from '../harness/tables';
import { Worker } from '../harness/worker';
import { Accounts } from '../harness/accounts';
import { startAuth } from '../harness/auth';
import { type Served } from '../harness/served';
import { CONNECTIONS, type Loader, type LoaderSetting, type LoaderTurn } from './loader';
import { hasRedis } from '../harness/programs';
import { PlacedRedis, REDIS_IS_MISSING } from '../harness/redis';

const USERS = 16;
const WAYS = ['refresh', 'exchange', 'exchangeAgain'] as const;
type Way = (typeof WAYS)[number];
const WORDS: Readonly<Record<Way, string>> = {
  refresh: 'refresh',
  exchange: 'exchange',
  exchangeAgain: 'exchange for another destination',
};

/** One turn, and how much of its core auth took in it. */
type Turn = LoaderTurn & { readonly authShare: number };

/** An auth, those that ask it, and what came of it, a figure a round. */
interface Asked {
  readonly store: string;
  readonly auth: Served;
  readonly loader: Worker<Loader>;
  readonly redis?: PlacedRedis;
  /** A second. */
  readonly logins: number;
  readonly turns: Readonly<Record<Way, Turn[]>>;
  readonly redisPerRefresh: { readonly commands: number; readonly bytes: number }[];
}

/** Exchange and refresh: auth with its state in its memory, and in Redis, in turns. */
export async function asking(bench: Bench): Promise<Table> {
  const accounts = await Accounts.create(USERS);
  const all: Asked[] = [];
  try {
    all.push(await started(bench, accounts, 'memory'));
    if (hasRedis) all.push(await started(bench, accounts, 'Redis'));
    bench.progress('refresh and exchange: warms up');
    for (const asked of all) await round(asked, bench.turnMs, false);
    for (let number = 0; number < bench.rounds; number++) {
      bench.progress(`refresh and exchange: round ${number + 1} of ${bench.rounds}`);
      for (const asked of number % 2 === 0 ? all : [...all].reverse()) await round(asked, bench.turnMs, true);
    }
    return table(all);
  } finally {
    for (const asked of all) await ended(asked);
    await accounts.remove();
  }
}

async function started(bench: Bench, accounts: Accounts, store: 'memory' | 'Redis'): Promise<Asked> {
  bench.progress(`refresh and exchange: auth with its state in ${store} starts`);
  const redis = store === 'Redis' ? await PlacedRedis.start('around') : undefined;
  let auth: Served | undefined;
  try {
    auth = await startAuth(bench, {
      label: `auth with its state in ${store}`,
      place: 'measured',
      accounts,
      redisUrl: redis?.url,
    });
    const { url } = auth;
    const { users, authorization } = accounts;
    const setting: LoaderSetting = { url, authorization, users, sessions: bench.quick ? USERS : 8 * USERS };
    const entry = { label: 'the loader', module: 'issuing/loader', name: 'openLoader', setting };
    const loader = await Worker.start<Loader>(bench, entry, 'around');
    const turns = { refresh: [], exchange: [], exchangeAgain: [] };
    const logins = await loader.ask('logins', undefined);
    return { store, auth, loader, ...(redis && { redis }), logins, turns, redisPerRefresh: [] };
  } catch (error) {
    await auth?.stop();
    await redis?.stop();
    throw error;
  }
}

async function ended({ loader, auth, redis }: Asked): Promise<void> {
  await loader.stop();
  await auth.stop();
  await redis?.stop();
}

async function round(asked: Asked, ms: number, isKept: boolean): Promise<void> {
  const before = await redisSays(asked);
  for (const way of WAYS) {
    const [computed, begun] = [processorSeconds(asked.auth.pid), performance.now()];
    const turn = await asked.loader.ask(way, ms);
    const authShare = ((processorSeconds(asked.auth.pid) - computed) * 1000) / (performance.now() - begun);
    if (isKept) asked.turns[way].push({ ...turn, authShare });
    if (way !== 'refresh' || !isKept || !before) continue;
    const after = await redisSays(asked);
    if (!after) continue;
    asked.redisPerRefresh.push({
      commands: (after.commands - before.commands) / turn.count,
      bytes: (after.bytes - before.bytes) / turn.count,
    });
  }
}

async function redisSays({ redis }: Asked): Promise<{ commands: number; bytes: number } | undefined> {
  return redis && { commands: await redis.commands(), bytes: await redis.usedMemory() };
}

function table(all: readonly Asked[]): Table {
  const [first] = all;
  if (!first) throw new Error('nothing was asked');
  return {
    title: `Tokens from auth, ${CONNECTIONS} connections`,
    columns: [
      '',
      'state in',
      'a second',
      'middle half',
      'in times of memory',
      'p50',
      'p99',
      'core of auth',
      'core of the loader',
    ],
    rows: WAYS.flatMap((way) => all.map((asked) => row(way, asked, first))),
    notes: [
      `auth is the built one in production mode, with an ES256 key, the client authenticates with a secret, and ${USERS} users have sessions. Each refresh shows the newest token of a session and gets the next one. “${WORDS.exchange}” takes an access token that auth hasn't seen since it issued it, “${WORDS.exchangeAgain}” one that it has just exchanged. What the loader and Redis take of their core says that they aren't what is measured; auth's near 100 % says that auth is.`,
      `The sessions began with logins, argon2id with 19 MiB each: ${all.map(({ store, logins }) => `${digits(logins)} a second with ${store}`).join(', ')}.`,
      ...redisNotes(all),
    ],
  };
}

function row(way: Way, asked: Asked, base: Asked): (string | number)[] {
  const figures = (one: Asked, name: keyof Turn): number[] => one.turns[way].map((turn) => turn[name]);
  const perSecond = summary(figures(asked, 'perSecond'));
  return [
    WORDS[way],
    asked.store,
    digits(perSecond.median),
    spread(perSecond, ''),
    `${digits(ratio(figures(asked, 'perSecond'), figures(base, 'perSecond')).median)} ×`,
    ...(['p50', 'p99'] as const).map((name) => time(summary(figures(asked, name)).median * 1e6)),
    ...(['authShare', 'ownShare'] as const).map(
      (name) => `${Math.round(100 * summary(figures(asked, name)).median)} %`,
    ),
  ];
}

function redisNotes(all: readonly Asked[]): string[] {
  const inRedis = all.find(({ redis }) => redis);
  if (!inRedis) return [REDIS_IS_MISSING];
  const of = (name: 'commands' | 'bytes'): number => summary(inRedis.redisPerRefresh.map((one) => one[name])).median;
  return [
    `A refresh is ${digits(of('commands'))} commands of Redis, those of its scripts too, and leaves ${digits(of('bytes'))} bytes there until the token that it gave has expired.`,
  ];
}
