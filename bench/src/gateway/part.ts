import { execFileSync } from 'node:child_process';
import { type Asked, loaded } from '../harness/http-load';
import { type Bench, type Part } from '../harness/part';
import { BusyShare } from '../harness/processor-time';
import { type Contender, CONTENDERS } from './contenders';
import { hasHaproxy } from '../harness/haproxy';
import { PATH } from './outcome';
import { resultOf, UPSTREAM } from './results';
import { onScene, type Scene } from './scene';

/** Whose requests come. Each logs in, which takes auth about 25 ms. */
const USERS = 200;
const FEW_USERS = 20;

const TITLE = 'The gateway';

export const GATEWAY: Part = {
  name: 'gateway',
  title: TITLE,
  run(bench) {
    const { contenders, missing } = contendersFor(bench);
    const users = bench.quick || bench.check ? FEW_USERS : USERS;
    return onScene(bench, users, async (scene) => {
      const asked = await openAll(scene, contenders);
      const direct: Watched = {
        label: UPSTREAM,
        url: `${scene.upstream.url}/documents`,
        authorizations: headersOf(scene),
        busy: new BusyShare(scene.upstream.pid),
      };
      const { rounds: count, turnMs, warmUpMs } = turnsOf(bench);
      const all = bench.check ? asked : [...asked, direct];
      const rounds = await loaded({ ...bench, rounds: count, turnMs }, TITLE, all, warmUpMs);
      const busy = new Map([...asked, direct].map((one) => [one.label, one.busy]));
      return resultOf(bench, { contenders, rounds, busy, users }, missing);
    });
  },
};

type Watched = Asked & { readonly busy: BusyShare };

async function openAll(scene: Scene, contenders: readonly Contender[]): Promise<Watched[]> {
  const all = headersOf(scene);
  return Promise.all(
    contenders.map(async (contender) => {
      const { url, pid } = await scene.open(contender);
      const authorizations = contender.oneToken ? all.slice(0, 1) : all;
      return { label: contender.label, url: `${url}${PATH}`, authorizations, busy: new BusyShare(pid) };
    }),
  );
}

function headersOf({ tokens }: Scene): string[] {
  return tokens.map(({ token }) => `Bearer ${token}`);
}

/** Who can be measured here, and why others can't. */
function contendersFor({ node, check }: Bench): { contenders: readonly Contender[]; missing: readonly string[] } {
  if (check) return { contenders: CONTENDERS.filter(({ isChecked }) => isChecked), missing: [] };
  const lacks: Record<NonNullable<Contender['needs']>, boolean> = {
    haproxy: !hasHaproxy,
    'node 22.15': !isAtLeast(node, [22, 15]),
  };
  const isMissing = ({ needs }: Contender): boolean => needs !== undefined && lacks[needs];
  return {
    contenders: CONTENDERS.filter((contender) => !isMissing(contender)),
    missing: CONTENDERS.filter(isMissing).map(
      ({ label, needs = '' }) => `Not measured: ${label}, which needs ${needs}.`,
    ),
  };
}

function isAtLeast(node: string, [major, minor]: readonly [number, number]): boolean {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).slice(1).split('.').map(Number);
  const [ownMajor = 0, ownMinor = 0] = version;
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** A gateway has been compiled as well as it is going to be after some 80,000 requests. */
const WARM_UP_TURNS = 10;
/** V8 takes connections that come and go for reasons to compile anew: of a longer turn that is less. */
const TURNS = 3;

interface Turns {
  readonly rounds: number;
  readonly turnMs: number;
  readonly warmUpMs: number;
}

/** A short run has many contenders, or few that have to be compared. */
function turnsOf({ check, quick, rounds, turnMs }: Bench): Turns {
  if (check) return { rounds: Math.min(rounds, 3), turnMs: 1_000, warmUpMs: 2_000 };
  if (quick) return { rounds, turnMs: 200, warmUpMs: 0 };
  return { rounds, turnMs: TURNS * turnMs, warmUpMs: WARM_UP_TURNS * turnMs };
}
