import { type Bench, type PartResult, type Plot, type Table, type Target } from '../harness/part';
import { type BusyShare } from '../harness/processor-time';
import { type Rounds } from '../harness/rounds';
import { ratio, summary } from '../harness/statistics';
import { digits, of, spread, time } from '../harness/tables';
import { EXPRESS, FASTIFY, type RouteContender } from './contenders';

/** What came of the rounds. */
export interface Loaded {
  readonly contenders: readonly RouteContender[];
  readonly rounds: Rounds;
  /** What each has computed meanwhile, by label. */
  readonly busy: ReadonlyMap<string, BusyShare>;
  /** How much of the tokens those that were asked with cold ones had to compute. */
  readonly coldShares: readonly number[];
}

const NOTES = [
  'wrk asks over 32 connections that are kept alive, with the tokens of 500 users in turns, also where nobody looks at them. Every contender is one process on one core and answers the same JSON; those that guard refuse four kinds of bad tokens, and requests without one.',
  'A guard that lets all in shows what Nest itself does for any guard, and for a handler that is told who asks.',
  'Nobody asks whether tokens were revoked. JwtGuard and @fastify/jwt are given the key; passport-jwt with jwks-rsa and express-oauth2-jwt-bearer fetch it once, and keep it.',
  'A process that is busy for less than all the time had to share its core, or waited for wrk: then its processor time tells more than its requests a second.',
  'passport-jwt verifies each signature each time, and looks at no `typ`. The cache of @fastify/jwt has its default size of 1,000, in which all 500 users have room.',
];

export function resultOf(bench: Bench, loaded: Loaded, missing: readonly string[]): PartResult {
  return {
    tables: [
      table(loaded, 'Nest + Fastify, ES256', 'Fastify', [...NOTES, ...coldNotes(loaded)]),
      table(loaded, 'Nest + Express, ES256', 'Express', []),
      table(loaded, 'What Node and wrk can do at most', 'none', missing),
    ].filter(({ rows }) => rows.length > 0),
    targets: targets(bench, loaded),
    plots: [plotOf(loaded)],
  };
}

/** The regression check goes by processor time: what else a busy machine does says nothing of the code. */
function targets({ check }: Bench, { rounds, busy }: Loaded): Target[] {
  const rates = (label: string): readonly number[] => (check ? (busy.get(label)?.rates ?? []) : of(rounds, label));
  const by = check ? ', by processor time' : '';
  return [
    {
      name: `guarded route (Fastify, warm), of the unguarded one${by}`,
      value: ratio(rates(FASTIFY.warm), rates(FASTIFY.unguarded)),
      unit: ' ×',
      atLeast: 0.95,
      check: { atLeast: 0.25 },
    },
    {
      name: `guarded route (Fastify, warm), of passport-jwt + jwks-rsa${by}`,
      value: ratio(rates(FASTIFY.warm), rates(FASTIFY.passport)),
      unit: ' ×',
      atLeast: 2.5,
      check: { atLeast: 1.5 },
    },
  ];
}

const BASES = { Fastify: FASTIFY.unguarded, Express: EXPRESS.unguarded, none: FASTIFY.unguarded };

function table(
  { contenders, rounds, busy }: Loaded,
  title: string,
  framework: RouteContender['framework'],
  notes: readonly string[],
): Table {
  const base = BASES[framework];
  const rows = contenders
    .filter((contender) => contender.framework === framework)
    .map(({ label }) => {
      const each = summary(of(rounds, label));
      const share = ratio(of(rounds, label), of(rounds, base));
      const requests = [Math.round(each.median), `${Math.round(each.low)}–${Math.round(each.high)}`];
      return [label, ...requests, `${digits(share.median)} ×`, spread(share, ''), ...computed(busy.get(label))];
    });
  const columns = [
    '',
    'requests a second',
    'middle half',
    `of “${base}”`,
    'middle half',
    'processor time each',
    'busy',
  ];
  return { title, columns, rows, notes };
}

function computed(busy: BusyShare | undefined): string[] {
  if (!busy) throw new Error('nobody has watched what it computes');
  return [time(1e9 / summary(busy.rates).median), `${Math.round(100 * busy.value)} %`];
}

function coldNotes({ coldShares }: Loaded): string[] {
  if (coldShares.length === 0) return [];
  const shares = coldShares.map((share) => `${(100 * share).toFixed(1)} %`).join(' and ');
  return [`With 3 % cold, JwtGuard says that it has computed ${shares} of the signatures.`];
}

function plotOf({ contenders, rounds }: Loaded): Plot {
  return {
    title: 'A guarded route in Nest, ES256',
    unit: 'requests/s',
    bars: contenders
      .filter(({ framework }) => framework !== 'none')
      .map(({ label, ours = false }) => ({ label, value: summary(of(rounds, label)).median, ours })),
  };
}
