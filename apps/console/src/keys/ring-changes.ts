import { type RingKey } from '../api/types';
import { STATE_WORDS } from './key-timeline';

export interface KeyChange {
  readonly kid: string;
  /** A sentence without its subject. */
  readonly words: string;
}

/** What has become of the keys between two looks at the ring. */
export function ringChanges(before: readonly RingKey[], after: readonly RingKey[]): readonly KeyChange[] {
  const known = new Map(before.map((key) => [key.kid, key.state]));
  return after.flatMap(({ kid, state }): KeyChange[] => {
    const was = known.get(kid);
    if (was === state) return [];
    const words = was === undefined ? `is new: ${STATE_WORDS[state]}` : `is now ${state}: ${STATE_WORDS[state]}`;
    return [{ kid, words }];
  });
}
