import { signal } from '@preact/signals';
import { compromiseKey, getRing, rotateKeys } from '../api/gateway';
import { type Ring } from '../api/types';
import { forgetWithUser, userLoader } from '../loading';
import { type KeyChange, ringChanges } from './ring-changes';

export const ring = userLoader<Ring>();
/** What an operator has asked for; the ring that comes of it is shown as any other. */
export const change = userLoader<string>();
/** What has become of the keys while the page was open, the latest first. */
export const changes = signal<readonly (KeyChange & { readonly at: Date })[]>([]);

const KEPT_CHANGES = 20;

forgetWithUser(() => {
  changes.value = [];
});

export async function loadRing(): Promise<void> {
  await ring.load(async () => noted(await getRing()));
}

export async function rotate(): Promise<void> {
  await change.load(async () => {
    const { rotation } = await taken(rotateKeys());
    return rotation ? `Planned: the next key signs at ${rotation.dueAt.slice(11, 19)} UTC.` : 'The next key signs now.';
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
  await ring.load(() => Promise.resolve(noted(next)));
  return next;
}

function noted(next: Ring): Ring {
  const before = ring.state.peek().value;
  if (before && before.version !== next.version) {
    const at = new Date();
    const latest = ringChanges(before.keys, next.keys).map((each) => ({ ...each, at }));
    changes.value = [...latest, ...changes.peek()].slice(0, KEPT_CHANGES);
  }
  return next;
}
