import { type UserSession } from '@token-relay/session-client';
import { askedAgain, userLoader } from '../loading';
import { session } from '../session';

export const sessions = userLoader<UserSession[]>();
/** What was done last, in words. */
export const ended = userLoader<string>();

askedAgain(sessions, () => void loadSessions());

export async function loadSessions(): Promise<void> {
  await sessions.load(() => session.sessions());
}

export async function endOne(id: string): Promise<void> {
  await ended.load(async () => {
    await session.endSession(id);
    return 'The session has ended.';
  });
  await loadSessions();
}

export async function endOthers(): Promise<void> {
  await ended.load(async () => {
    await session.logoutEverywhere({ exceptThis: true });
    return 'All other sessions have ended.';
  });
  await loadSessions();
}

/** This one too: there is nobody any more to show a list to. */
export async function endAll(): Promise<void> {
  await ended.load(async () => {
    await session.logoutEverywhere();
    return 'All sessions have ended.';
  });
}
