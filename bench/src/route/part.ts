import { JwksServer } from '@token-relay/testing';
import { type Asked, loaded } from '../harness/http-load';
import { type Bench, type Part } from '../harness/part';
import { BusyShare } from '../harness/processor-time';
import { type Served } from '../harness/served';
import { ColdShare } from './cold-share';
import { COLD_EVERY, contendersFor, type RouteContender } from './contenders';
import { Credentials } from './credentials';
import { checkOutcome, PATH } from './outcome';
import { type Loaded, resultOf } from './results';

/** Whose tokens come all the time. */
const USERS = 500;
/** More than `JwtGuard` remembers, 10,000: when one comes for the second time, it isn't known any more. */
const COLD_TOKENS = 12_000;

const TITLE = 'A guarded route';

export const ROUTE: Part = {
  name: 'route',
  title: TITLE,
  async run(bench) {
    const { contenders, missing } = contendersFor(bench);
    const credentials = await Credentials.create();
    const jwks = await JwksServer.start(credentials.trusted.jwks);
    const trusted = { ...credentials.trusted, jwksUri: jwks.url };
    const starting = contenders.map(async (contender): Promise<Started> => {
      bench.progress(`${TITLE}: ${contender.label} starts`);
      const served = await contender.start(bench, contender.label, trusted);
      return { contender, served, busy: new BusyShare(served.pid) };
    });
    const settled = await Promise.allSettled(starting);
    try {
      const started = await Promise.all(starting);
      for (const { served, contender } of started) await checkOutcome(served, contender, credentials);
      return resultOf(bench, await load(bench, started, credentials), missing);
    } finally {
      await Promise.all(settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.served.stop()] : [])));
      await jwks.stop();
    }
  },
};

interface Started {
  readonly contender: RouteContender;
  readonly served: Served;
  readonly busy: BusyShare;
}

async function load(bench: Bench, started: readonly Started[], credentials: Credentials): Promise<Loaded> {
  const warm = await credentials.many(USERS);
  const cold = await credentials.many(bench.check ? 0 : COLD_TOKENS);
  const asked = started.map(({ contender: { label, tokens }, served: { url }, busy }): Asked => ({
    label,
    url: `${url}${PATH}`,
    authorizations: warm,
    ...(tokens === 'mixed' && { seldom: { every: COLD_EVERY, authorizations: cold } }),
    busy,
  }));
  const mixed = started.filter(({ contender }) => contender.tokens === 'mixed');
  const shares = await Promise.all(mixed.map(({ served }) => ColdShare.begin(served, warm)));
  const { rounds: count, turnMs, warmUpMs } = turnsOf(bench);
  const rounds = await loaded({ ...bench, rounds: count, turnMs }, TITLE, asked, warmUpMs);
  return {
    contenders: started.map(({ contender }) => contender),
    rounds,
    busy: new Map(started.map(({ contender: { label }, busy }) => [label, busy])),
    coldShares: await Promise.all(shares.map((share) => share.end())),
  };
}

interface Turns {
  readonly rounds: number;
  readonly turnMs: number;
  readonly warmUpMs: number;
}

/** V8 takes connections that come and go for reasons to compile anew: of a longer turn that is less. */
const TURNS = 2;

/** A short run has many contenders, or few that have to be compared: those have to be compiled before it counts. */
function turnsOf({ check, quick, rounds, turnMs }: Bench): Turns {
  if (check) return { rounds: Math.min(rounds, 5), turnMs: 250, warmUpMs: 1_500 };
  if (quick) return { rounds, turnMs: 200, warmUpMs: 0 };
  return { rounds, turnMs: TURNS * turnMs, warmUpMs: 5 * turnMs };
}
