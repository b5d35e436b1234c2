import { type RelayResult } from '../api/types';

/**
 * The service that said no: it was called, and has answered. `undefined` where the call was refused before that, such as
 * by auth, which gave no token for it.
 */
export function refusedBy({ hops, refusal }: RelayResult): string | undefined {
  const relayed = hops.at(-1)?.relayed;
  return refusal && relayed?.answeredInMs !== undefined ? relayed.to : undefined;
}
