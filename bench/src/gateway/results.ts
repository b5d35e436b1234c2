import { type Bench, type PartResult, type Plot, type Table, type Target } from '../harness/part';
import { type BusyShare } from '../harness/processor-time';
import { type Rounds } from '../harness/rounds';
import { ratio, summary } from '../harness/statistics';
import { digits, of, spread, time } from '../harness/tables';
import { BARE, type Contender, EXCHANGE, HAPROXY, JWT_VERIFY, JWT_VERIFY_ONE, TRANSACTION } from './contenders';
import { haproxyOpenssl } from '../harness/haproxy';

export const UPSTREAM = 'the service itself, asked directly';

/** What came of the rounds. */
export interface Loaded {
  readonly contenders: readonly Contender[];
  readonly rounds: Rounds;
  /** What each has computed meanwhile, by label. */
  readonly busy: ReadonlyMap<string, BusyShare>;
  readonly users: number;
}

export function resultOf(bench: Bench, loaded: Loaded, missing: readonly string[]): PartResult {
  return { tables: [table(loaded, missing)], targets: targetsOf(bench, loaded), plots: [plotOf(loaded)] };
}

function table(loaded: Loaded, missing: readonly string[]): Table {
  const { rounds, busy, users } = loaded;
  const base = of(rounds, BARE);
  const rows = [...rounds].map(([label, values]) => {
    const [each, share] = [summary(values), ratio(values, base)];
    const requests = [Math.round(each.median), `${Math.round(each.low)}–${Math.round(each.high)}`];
    return [label, ...requests, `${digits(share.median)} ×`, spread(share, ''), ...computed(busyOf(busy, label))];
  });
  return {
    title: 'Through the gateway to a service, ES256',
    columns: ['', 'requests a second', 'middle half', `of “${BARE}”`, 'middle half', 'processor time each', 'busy'],
    rows,
    notes: [
      `wrk asks for \`/api/documents\` over 32 connections that are kept alive, with the tokens of ${users} users in turns; the service answers the same JSON each time. Each contender is one process on one core; wrk, the service and auth are on the others.`,
      'Whoever verifies refuses a broken token, garbage and none at all. What reaches the service was looked at: a token for it, the caller’s own, or none.',
      'Our gateway is the built app in production mode: it verifies, asks for the scope, knows what is revoked, picks headers by a list, counts for Prometheus and writes a line for each request. It writes, as the proxy with a request log does, to /dev/null. What others don’t do of that costs them nothing.',
      'A process that is busy for less than all the time had to share its core, or waited for others: then its processor time tells more than its requests a second.',
      ...transactionNotes(rounds),
      ...haproxyNotes(loaded),
      ...missing,
    ],
  };
}

function computed(busy: BusyShare): string[] {
  return [time(1e9 / summary(busy.rates).median), `${Math.round(100 * busy.value)} %`];
}

function busyOf(busy: Loaded['busy'], label: string): BusyShare {
  const found = busy.get(label);
  if (!found) throw new Error(`nobody has watched what ${label} computes`);
  return found;
}

function transactionNotes(rounds: Rounds): string[] {
  if (!rounds.has(TRANSACTION)) return [];
  return [
    'In `transaction` auth signs a token for each call, on the core that it shares with wrk and the service; in the other modes it has nothing to do.',
  ];
}

function haproxyNotes({ rounds, busy }: Loaded): string[] {
  if (!rounds.has(JWT_VERIFY)) return [];
  const eachNs = (label: string): number => 1e9 / summary(busyOf(busy, label).rates).median;
  const [plain, many, one] = [HAPROXY, JWT_VERIFY, JWT_VERIFY_ONE].map(eachNs) as [number, number, number];
  return [
    `jwt_verify, with the checks of \`alg\`, \`iss\`, \`aud\`, \`exp\` and the scope, takes HAProxy ${time(many - plain)} of its processor time for each request, and ${time(one - plain)} where all come with the same token: it verifies each time. It does so with ${haproxyOpenssl()}, knows one key and no revocations, looks at no \`typ\`, and writes no log here.`,
  ];
}

/** The regression check goes by processor time: what else a busy machine does says nothing of the code. */
function targetsOf({ check }: Bench, { rounds, busy }: Loaded): Target[] {
  const rates = (label: string): readonly number[] => (check ? busyOf(busy, label).rates : of(rounds, label));
  const verifying = rounds.get(JWT_VERIFY);
  const direct = rounds.get(UPSTREAM);
  return [
    {
      name: `gateway in \`exchange\`, warm, of the bare Fastify + undici proxy${check ? ', by processor time' : ''}`,
      value: ratio(rates(EXCHANGE), rates(BARE)),
      unit: ' ×',
      atLeast: 0.9,
      check: { atLeast: 0.2 },
    },
    ...(verifying
      ? [
          {
            name: 'gateway in `exchange`, warm, of HAProxy jwt_verify',
            value: ratio(of(rounds, EXCHANGE), verifying),
            unit: ' ×',
            atLeast: 1,
          },
        ]
      : []),
    ...(direct
      ? [
          {
            name: 'wrk and the service with nobody between, of the fastest proxy on Node',
            value: ratio(direct, fastest(rounds)),
            unit: ' ×',
            atLeast: 2,
          },
        ]
      : []),
  ];
}

/**
 * The best of each round: were the load generator not well ahead of it, it would be what is measured. HAProxy without a check
 * is as fast as what is behind it, and stands there to show that.
 */
function fastest(rounds: Rounds): number[] {
  const between = [...rounds].filter(([label]) => label !== UPSTREAM && label !== HAPROXY);
  return of(rounds, BARE).map((_rate, round) => Math.max(...between.map(([, rates]) => rates[round] ?? 0)));
}

function plotOf({ contenders, rounds }: Loaded): Plot {
  return {
    title: 'Through the gateway to a service, ES256',
    unit: 'requests/s',
    bars: contenders.map(({ label, ours = false }) => ({ label, value: summary(of(rounds, label)).median, ours })),
  };
}
