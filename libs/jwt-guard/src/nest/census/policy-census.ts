import { stalenessLimit, type WhenStaleRule } from '../../core/staleness';

/** Who may call one handler, as it is when the app starts. */
export interface CensusRow {
  /** What the call comes by: `http`, `graphql`, `ws`, `tcp`, `redis`, `nats`, `rmq` …; `rpc` where no server is connected. */
  readonly transport: string;
  /** What a caller names: `GET /documents/:id`, `Query documents`, `message orders.create`, `event user.left`, `connect /`. */
  readonly entry: string;
  /** `Class.method`; absent for what was registered past Nest. */
  readonly handler?: string;
  /**
   * `token`: who has a good one, with these scopes and as one of these actors. `public`: everybody, for this reason.
   * `guard`: whom a guard of the app's own lets in. `resolvers`: nobody is asked here, but in each resolver.
   * `none`: nobody is asked, and nobody has said that this is right.
   */
  readonly policy: 'token' | 'public' | 'guard' | 'resolvers' | 'none';
  readonly scopes?: readonly string[];
  readonly actors?: readonly string[];
  /** What becomes of its calls while revocations are behind; absent where nobody has said. */
  readonly whenStale?: WhenStaleRule;
  /** How old the token of an event may be that is handled late, in seconds; absent where it must not have expired. */
  readonly acceptLateSeconds?: number;
  readonly reason?: string;
  readonly guards?: readonly string[];
  /** What is wrong, and how it is put right. */
  readonly problem?: string;
}

/** Every handler of an app, on every transport, and who may call it. Can be written as JSON. */
export interface PolicyCensus {
  /** Whether anything knows about revoked tokens. */
  readonly revocation: 'none' | 'checked';
  readonly handlers: readonly CensusRow[];
}

/** The app does not start: there are handlers that nobody guards. */
export class PolicyCensusError extends Error {
  override readonly name = 'PolicyCensusError';

  constructor(
    /** All of them. */
    readonly handlers: readonly CensusRow[],
  ) {
    super(
      [
        `${handlers.length === 1 ? 'A handler has' : `${handlers.length} handlers have`} no policy:`,
        ...tableOf(handlers),
      ].join('\n'),
    );
  }
}

/** For people. */
export function printCensus({ revocation, handlers }: PolicyCensus): string {
  const revoked = revocation === 'none' ? 'nothing knows about revoked tokens' : 'revocation is checked';
  return [`Who may call what (${handlers.length} handlers, ${revoked}):`, ...tableOf(handlers)].join('\n');
}

function tableOf(rows: readonly CensusRow[]): string[] {
  const cells = rows.map((row) => [row.transport, row.entry, row.handler ?? '(past Nest)', policyText(row)]);
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells.map((line) => `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}

function policyText({ policy, scopes = [], actors = [], whenStale, acceptLateSeconds, ...more }: CensusRow): string {
  const { reason, guards = [], problem } = more;
  switch (policy) {
    case 'token': {
      const asked = [
        ...(scopes.length > 0 ? [scopes.join(' ')] : []),
        ...actors.map((actor) => `by ${actor}`),
        ...(acceptLateSeconds === undefined ? [] : [`late, up to ${acceptLateSeconds} s after it was issued`]),
        ...(whenStale === undefined ? [] : [`revocations at most ${stalenessLimit(whenStale)} s behind`]),
      ];
      return asked.length === 0 ? 'token' : `token: ${asked.join(', ')}`;
    }
    case 'public':
      return `public: ${reason}`;
    case 'guard':
      return `guard: ${guards.join(', ')}`;
    case 'resolvers':
      return 'each resolver for itself';
    case 'none':
      return `NONE: ${problem}`;
  }
}
