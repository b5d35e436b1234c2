import { computed, effect, signal } from '@preact/signals';
import { type ConsoleEvent, type ConsoleEvents } from '../api/types';
import { account, session, sessionNumber, sessionState } from '../session';
import { type Failure } from '../words/problem-of-error';
import { askAgain } from '../loading';
import { isSeen } from '../page/seen';
import { followEvents } from './event-stream';
import { type HeardRevocation, isOwn, withRevocation } from './heard-revocations';

export interface SeenEvent {
  readonly number: number;
  readonly at: Date;
  readonly event: ConsoleEvent;
}

const KEPT_EVENTS = 50;

export const liveState = signal<'off' | 'connecting' | 'open' | 'waiting' | 'refused'>('off');
export const liveFailure = signal<Failure | undefined>(undefined);
/** The latest first. */
export const seenEvents = signal<readonly SeenEvent[]>([]);
/** Another one with each word of the gateway's on its keys. */
export const ringNews = signal<ConsoleEvents['keys'] | undefined>(undefined);
/** The latest first. */
export const revocations = signal<readonly HeardRevocation[]>([]);

let count = 0;
/** Whose events are here. */
let followed: number | undefined;
/** So that a page which reads signals of both doesn't connect again for every one of them. */
const follows = computed(() => (sessionState.value === 'active' && isSeen.value ? sessionNumber.value : undefined));

/**
 * Follows the events as long as there is a session and somebody sees the page, and anew for each user. A browser has six
 * connections to a server over HTTP/1.1: tabs that nobody looks at would use them up.
 */
export function startLiveEvents(): void {
  effect(() => {
    if (follows.value === undefined) {
      liveState.value = 'off';
      return undefined;
    }
    const end = new AbortController();
    const leave = (): void => end.abort();
    // A page in the back/forward cache must not hold a connection.
    window.addEventListener('pagehide', leave);
    liveState.value = 'connecting';
    liveFailure.value = undefined;
    if (followed !== follows.value) {
      seenEvents.value = [];
      revocations.value = [];
      ringNews.value = undefined;
    }
    followed = follows.value;
    void followEvents(
      session.fetch,
      {
        opened: () => {
          // What couldn't be had while the gateway was away may well be there now.
          if (liveState.peek() === 'waiting') askAgain();
          liveState.value = 'open';
          liveFailure.value = undefined;
        },
        event: take,
        failed: (failure, again) => {
          liveState.value = again ? 'waiting' : 'refused';
          liveFailure.value = failure;
        },
      },
      end.signal,
    );
    return () => {
      window.removeEventListener('pagehide', leave);
      end.abort();
    };
  });
}

function take(event: ConsoleEvent): void {
  const at = new Date();
  if (isNews(event)) seenEvents.value = [{ number: ++count, at, event }, ...seenEvents.peek()].slice(0, KEPT_EVENTS);
  if (event.name === 'keys') ringNews.value = event.data;
  if (event.name !== 'revoked') return;
  revocations.value = withRevocation(revocations.peek(), event.data, at);
  // The server says whether it was this one; who is told that it has ended is logged out here, at once.
  if (isOwn(event.data, account.peek()))
    void session.fetch('/auth/sessions', { cache: 'no-store' }).catch(() => undefined);
}

/** The gateway asks for the keys all the time, and mostly there are no others. */
function isNews(event: ConsoleEvent): boolean {
  return event.name !== 'keys' || event.data.kids.join() !== ringNews.peek()?.kids.join();
}
