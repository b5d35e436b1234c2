import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { liveFailure, liveState } from '../events/live';
import { account, loginName, lookAtToken, session, sessionState } from '../session';
import { wordsFor } from '../words/error-words';
import { type Failure, failureOf } from '../words/problem-of-error';
import { clockOf } from '../words/time-words';
import { Nav } from './nav';
import { now } from './now';

const LIVE_WORDS = {
  off: 'Live events: off',
  connecting: 'Live events: connecting',
  open: 'Live events: on',
  waiting: 'Live events: lost, trying again',
  refused: 'Live events: not for this account',
} as const;

export function Header() {
  const failure = useSignal<Failure | undefined>(undefined);
  const isLeaving = useSignal(false);
  const logOut = async (): Promise<void> => {
    if (isLeaving.value) return;
    isLeaving.value = true;
    failure.value = undefined;
    try {
      await session.logout();
    } catch (error) {
      // The session is forgotten here, but the cookie is still there: it can be called again.
      failure.value = failureOf(error);
    }
    isLeaving.value = false;
  };
  const isActive = sessionState.value === 'active';
  useEffect(() => {
    // Whoever has logged in since is told nothing of it, and isn't logged out by it.
    if (isActive) failure.value = undefined;
  }, [isActive]);
  return (
    <header class="header">
      <div class="header-row">
        <a class="brand" href="#relay">
          Token Relay
        </a>
        <div class="account">
          {isActive ? (
            <>
              <Who />
              <TimeLeft />
              <button type="button" aria-disabled={isLeaving.value} onClick={() => void logOut()}>
                Log out
              </button>
            </>
          ) : (
            <p class="quiet">Not logged in</p>
          )}
        </div>
      </div>
      <Nav />
      <div class="live">
        <p role="status">
          {LIVE_WORDS[liveState.value]}
          {liveFailure.value &&
            ` (${liveFailure.value.problem.code}): ${wordsFor(liveFailure.value.problem.code).means}`}
        </p>
        {isActive && <Scopes />}
      </div>
      {failure.value && !isActive && (
        <div class="notice notice-bad" role="alert">
          <p class="notice-title">You are logged out here, but the server could not be told.</p>
          <p>
            Until it is, the session goes on there, and whoever loads this page anew is logged in:{' '}
            <code>{failure.value.problem.code}</code>.
          </p>
          <button type="button" aria-disabled={isLeaving.value} onClick={() => void logOut()}>
            Try again
          </button>
        </div>
      )}
    </header>
  );
}

function Scopes() {
  const scopes = account.value?.scopes;
  return (
    <details>
      <summary>Your scopes</summary>
      {scopes?.join(', ') || 'None.'}
    </details>
  );
}

function Who() {
  const subject = account.value?.subject ?? '';
  return (
    <p>
      <span class="hidden">Logged in as </span>
      <strong>{loginName.value ?? (subject === '' ? '…' : `user ${subject.slice(0, 8)}…`)}</strong>
    </p>
  );
}

/** Soon enough after the session client has replaced a token that is in use. */
const LOOK_SECONDS = 20;
/** Until it is looked at again where there was nothing new. */
const LOOK_AGAIN_SECONDS = 10;

/** Of the access token, by this machine's clock: what counts is the server's. */
function TimeLeft() {
  const expiresAt = account.value?.expiresAt;
  const left = expiresAt === undefined ? undefined : expiresAt - now.value.getTime() / 1_000;
  const look = left === undefined ? undefined : Math.floor((LOOK_SECONDS - left) / LOOK_AGAIN_SECONDS);
  useEffect(() => {
    // As long as somebody sees it. A tab that nobody looks at keeps no session alive.
    if (look !== undefined && look >= 0 && !document.hidden) void lookAtToken();
  }, [look]);
  return (
    <p class="time-left" title="The access token is good for so long. The page gets the next one by itself.">
      <span class="quiet">token </span>
      {/* A timer that is read aloud by the second would be all that one hears. */}
      <span role="timer" aria-live="off" aria-label="Time left of the access token">
        {left === undefined ? '–:––' : clockOf(left)}
      </span>
    </p>
  );
}
