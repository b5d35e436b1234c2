import { type RelayMode, type RelayResult } from '../api/types';
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
    row('Time for tokens', ({ hops }) =>
      inMilliseconds(hops.reduce((sum, hop) => sum + (hop.relayed?.exchangedInMs ?? 0), 0)),
    ),
    row('Until the answer', ({ hops }) => {
      const ms = hops[0]?.relayed?.answeredInMs;
      return ms === undefined ? 'none' : inMilliseconds(ms);
    }),
    row('Tokens at hand', cacheHits),
    row('Last service: audience', ({ hops }) => hops.at(-1)?.audience ?? 'none'),
    row('Last service: who acts', ({ hops }) => listed(hops.at(-1)?.actor ?? [])),
    row('Last service: scopes', ({ hops }) => listed(hops.at(-1)?.scopes ?? [])),
  ];
}

function cacheHits({ hops }: RelayResult): string {
  const relayed = hops.flatMap((hop) => hop.relayed ?? []);
  return `${relayed.filter(({ cached }) => cached).length} of ${relayed.length}`;
}

/** The modes in which something was sent already, in the order of `modes`. */
export function sentModes(
  modes: readonly RelayMode[],
  resultOf: (mode: RelayMode) => RelayResult | undefined,
): readonly RelayResult[] {
  return modes.flatMap((mode) => resultOf(mode) ?? []);
}
