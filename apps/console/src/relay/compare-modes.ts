import { type RelayHop, type RelayMode, type RelayResult } from '../api/types';
import { inMilliseconds } from '../words/time-words';
import { listed } from './token-diff';

/** One thing to compare, with what each mode has of it, in the order of the modes. */
export interface Comparison {
  readonly label: string;
  readonly values: readonly string[];
}

/** What the last calls of several modes came to, side by side. */
export function compareModes(results: readonly RelayResult[]): readonly Comparison[] {
  const row = (label: string, value: (result: RelayResult) => string): Comparison => ({
    label,
    values: results.map(value),
  });
  return [
    row('Came to', ({ hops, refusal }) => (refusal ? `refused: ${refusal.code}` : (hops.at(-1)?.service ?? 'nobody'))),
    row('Time for tokens', (result) => {
      const got = tokensGot(result);
      return got.length === 0 ? 'none' : inMilliseconds(got.reduce((sum, { exchangedInMs }) => sum + exchangedInMs, 0));
    }),
    row('Call to the next service', ({ hops }) => {
      const ms = hops[0]?.relayed?.answeredInMs;
      return ms === undefined ? 'none' : inMilliseconds(ms);
    }),
    row('Tokens at hand', (result) => {
      const got = tokensGot(result);
      return got.length === 0 ? 'none got' : `${got.filter(({ cached }) => cached).length} of ${got.length}`;
    }),
    row(
      'Last service: audience',
      last(({ audience }) => audience),
    ),
    row(
      'Last service: who acts',
      last(({ actor }) => listed(actor)),
    ),
    row(
      'Last service: scopes',
      last(({ scopes }) => listed(scopes)),
    ),
  ];
}

/** Of the service at the chain's end: one that the call was refused before has got nothing. */
function last(what: (hop: RelayHop) => string): (result: RelayResult) => string {
  return ({ hops, refusal }) => {
    const hop = refusal ? undefined : hops.at(-1);
    return hop ? what(hop) : '–';
  };
}

/** Forwarding gets none: the user's own goes on. */
function tokensGot({ hops }: RelayResult): readonly NonNullable<RelayHop['relayed']>[] {
  return hops.flatMap(({ relayed }) => (relayed && relayed.mode !== 'forward' ? relayed : []));
}

/** The modes in which something was sent already, in the order of `modes`. */
export function sentModes(
  modes: readonly RelayMode[],
  resultOf: (mode: RelayMode) => RelayResult | undefined,
): readonly RelayResult[] {
  return modes.flatMap((mode) => resultOf(mode) ?? []);
}
