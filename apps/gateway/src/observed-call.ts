import {
  type AbortSignalLike,
  isRefusal,
  type RelayCallEvent,
  type RelayModeName,
  type RelayObserver,
} from '@token-relay/jwt-guard';

export const RELAY_OBSERVER = Symbol('relay-observer');

/** A call to a service that goes past the relay's own client, as far as metrics tell of it. */
export interface ObservedCall {
  /** The relay contract. */
  readonly destination: string;
  readonly mode: RelayModeName;
  /** Aborted when the client doesn't wait any more. */
  readonly signal: AbortSignalLike;
}

/** Makes a call to a service, and tells what came of it, as the relay's own client does. */
export async function observedCall<Answer>(
  observer: Required<Pick<RelayObserver, 'called'>>,
  { destination, mode, signal }: ObservedCall,
  send: () => Promise<Answer>,
  statusOf: (answer: Answer) => number | undefined,
): Promise<Answer> {
  const begun = performance.now();
  const told = (end: Pick<RelayCallEvent, 'outcome' | 'status' | 'code'>): void =>
    observer.called({ destination, mode, ...end, durationSeconds: (performance.now() - begun) / 1000 });
  try {
    const answer = await send();
    const status = statusOf(answer);
    told({ outcome: 'answered', ...(status !== undefined && { status }) });
    return answer;
  } catch (error) {
    if (signal.aborted) told({ outcome: 'abandoned' });
    else told({ outcome: 'failed', ...(isRefusal(error) && { code: error.code }) });
    throw error;
  }
}
