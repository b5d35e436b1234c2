import { effect, signal } from '@preact/signals';
import { getRelay } from '../api/gateway';
import { forgetWithUser } from '../loading';
import { isSeen } from '../page/seen';
import { view } from '../page/view';
import { lookAtToken } from '../session';
import { type Failure, failureOf } from '../words/problem-of-error';
import { callsNoted, type Calls, NO_CALLS } from './calls';

const EVERY_MS = 1_000;

export const isCalling = signal(false);
export const meanwhile = signal<Calls>(NO_CALLS);
/** Why the latest call failed, if it did. */
export const callFailure = signal<Failure | undefined>(undefined);

forgetWithUser(() => {
  isCalling.value = false;
  meanwhile.value = NO_CALLS;
  callFailure.value = undefined;
});

// As long as somebody looks on, and one after the other: a call that takes its time isn't overtaken.
effect(() => {
  if (!isCalling.value || !isSeen.value || view.value !== 'keys') return undefined;
  const end = new AbortController();
  void keepCalling(end.signal);
  return () => end.abort();
});

async function keepCalling(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const begun = performance.now();
    let failure: Failure | undefined;
    let kids: readonly (readonly [service: string, kid: string])[] = [];
    try {
      const { hops, refusal } = await getRelay('exchange');
      if (refusal) failure = { problem: refusal };
      else kids = hops.map(({ service, kid }) => [service, kid] as const);
    } catch (error) {
      failure = failureOf(error);
    }
    if (signal.aborted) return;
    callFailure.value = failure;
    meanwhile.value = callsNoted(meanwhile.peek(), kids);
    // It may have brought another token.
    void lookAtToken();
    await new Promise((done) => setTimeout(done, Math.max(0, begun + EVERY_MS - performance.now())));
  }
}
