import { type RelayResult } from '../api/types';

/**
 * The service that said no: it was called, and has answered. `undefined` where the call was refused before that, such as
 * by auth, which gave no token for it.
 */
export function refusedBy({ hops, refusal }: RelayResult): string | undefined {
  const relayed = hops.at(-1)?.relayed;
  if (!refusal || relayed?.answeredInMs === undefined) return undefined;
  // It may tell of another, further on.
  return refusal.hop === undefined || refusal.hop === relayed.to ? relayed.to : undefined;
}
