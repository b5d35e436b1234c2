import { effect, signal } from '@preact/signals';
import { compromiseKey, getRing, rotateKeys } from '../api/gateway';
import { type Ring } from '../api/types';
import { askedAgain, forgetWithUser, userLoader } from '../loading';
import { timeOf } from '../words/time-words';
import { type KeyChange, ringChanges } from './ring-changes';

export const ring = userLoader<Ring>();
/** What an operator has asked for, until the ring changes otherwise; what comes of it is shown as any other ring. */
export const change = userLoader<string>();
/** What has become of the keys while the page was open, the latest first. */
export const changes = signal<readonly (KeyChange & { readonly at: Date })[]>([]);

const KEPT_CHANGES = 20;

forgetWithUser(() => {
  changes.value = [];
});

let before: Ring | undefined;
effect(() => {
  const next = ring.state.value.value;
  if (before && next && before.version !== next.version) {
    const at = new Date();
    const latest = ringChanges(before.keys, next.keys).map((each) => ({ ...each, at }));
    changes.value = [...latest, ...changes.peek()].slice(0, KEPT_CHANGES);
    // What was answered, or refused, was about the ring before; what is asked for now is about this one.
    if (!change.state.peek().busy) change.forget();
  }
  before = next;
});

askedAgain(ring, () => void loadRing());

export async function loadRing(): Promise<void> {
  await ring.load(getRing);
}

export async function rotate(): Promise<void> {
  await change.load(async () => {
    const { rotation } = await taken(rotateKeys());
    return rotation ? `Planned: the next key signs at ${timeOf(new Date(rotation.dueAt))}.` : 'The next key signs now.';
  });
}

export async function compromise(kid: string, reason: string): Promise<void> {
  await change.load(async () => {
    await taken(compromiseKey(kid, reason));
    return 'The key is compromised: it has left the set, and whatever it has signed is refused.';
  });
}

async function taken(answer: Promise<Ring>): Promise<Ring> {
  const next = await answer;
  await ring.load(() => Promise.resolve(next));
  return next;
}
