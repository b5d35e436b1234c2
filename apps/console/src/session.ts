import { signal } from '@preact/signals';
import { createSessionClient, type SessionState } from '@token-relay/session-client';
import { type Account, readAccount } from './page/account';

/** The one of the page. */
export const session = createSessionClient();

export const sessionState = signal<SessionState>('unknown');
/** Another one for each login and user: what belonged to whoever it was before is thrown away with it. */
export const sessionNumber = signal(0);
/** What the user's own token says of them, to show it: what they may do is for the gateway to say. */
export const account = signal<Account | undefined>(undefined);
/** Who has ended the session that there was here, if there was one. */
export const endedBy = signal<'server' | 'user' | undefined>(undefined);
/** The name that was logged in with here, which no token says. */
export const loginName = signal<string | undefined>(undefined);

session.subscribe(({ state, reason }) => {
  // Whoever has only just come hasn't lost one.
  if (state === 'ended' && sessionState.peek() === 'active') endedBy.value = reason === 'logout' ? 'user' : 'server';
  if (state !== 'active' || reason === 'login') {
    account.value = undefined;
    loginName.value = undefined;
  }
  if (reason === 'login') sessionNumber.value++;
  if (state === 'active') void begin();
  else sessionState.value = state;
});

/** What is shown depends on who it is. */
async function begin(): Promise<void> {
  await lookAtToken();
  if (session.state === 'active') sessionState.value = 'active';
}

/** Reads the token that the session has now, which is another one after each refresh. */
export async function lookAtToken(): Promise<void> {
  try {
    const seen = readAccount(await session.accessToken());
    if (account.value && seen?.subject !== account.value.subject) sessionNumber.value++;
    account.value = seen;
  } catch {
    // There is none at the moment: what is shown counts down, and whatever needs one says what is wrong.
  }
}

/** @throws SessionError */
export async function logIn(username: string, password: string): Promise<void> {
  await session.login({ username, password });
  loginName.value = username;
}
