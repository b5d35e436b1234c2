import { computed, signal } from '@preact/signals';
import { getRelay } from '../api/gateway';
import { type RelayMode, type RelayResult } from '../api/types';
import { askedAgain, forgetWithUser, type Loader, userLoader } from '../loading';
import { settings } from '../page/settings';
import { lookAtToken } from '../session';

/** What a call has come to, and when it did. */
export interface Answered {
  readonly result: RelayResult;
  readonly at: Date;
}

/** The last call in each mode, to be compared. */
export const calls: Readonly<Record<RelayMode, Loader<Answered>>> = {
  exchange: userLoader(),
  transaction: userLoader(),
  forward: userLoader(),
};

const chosen = signal<RelayMode | undefined>(undefined);
/** The one that was chosen, or the first that there is. */
export const mode = computed<RelayMode>(() => chosen.value ?? settings.state.value.value?.modes[0] ?? 'exchange');
export function chooseMode(next: RelayMode): void {
  chosen.value = next;
}
/** What is shown until another mode has its first answer, so that nothing jumps. */
export const shownLast = signal<Answered | undefined>(undefined);
forgetWithUser(() => {
  chosen.value = undefined;
  shownLast.value = undefined;
});

for (const by of ['exchange', 'transaction', 'forward'] as const) askedAgain(calls[by], () => void send(by));

export async function send(by: RelayMode): Promise<void> {
  await calls[by].load(async () => ({ result: await getRelay(by), at: new Date() }));
  shownLast.value = calls[by].state.peek().value;
  // It may have brought another token.
  void lookAtToken();
}
