import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { getDemoAccounts } from '../api/gateway';
import { type DemoAccount } from '../api/types';
import { loader } from '../loading';
import { endedBy, logIn } from '../session';
import { type Failure, failureOf } from '../words/problem-of-error';
import { Busy, Empty } from './busy';
import { FailureNotice } from './failure-notice';

const accounts = loader<DemoAccount[]>();
const loadAccounts = (): void => void accounts.load(getDemoAccounts);

const ENDED_WORDS = {
  server: 'The session has ended: the server says so. Log in again.',
  user: 'You are logged out, in all tabs of this browser.',
} as const;

export function Login({ isDemo }: { readonly isDemo: boolean }) {
  const failure = useSignal<Failure | undefined>(undefined);
  const isBusy = useSignal(false);
  const enter = async (username: string, password: string): Promise<void> => {
    if (isBusy.value) return;
    isBusy.value = true;
    failure.value = undefined;
    try {
      await logIn(username, password);
    } catch (error) {
      failure.value = failureOf(error);
    }
    isBusy.value = false;
  };
  return (
    <section class="card login" aria-labelledby="login-title">
      <h1 id="login-title">Log in</h1>
      <p>
        See how a call goes from service to service on a user’s behalf: which token each service gets, how it is
        checked, and why a bad one is refused.
      </p>
      <p role="status">{endedBy.value === undefined ? '' : ENDED_WORDS[endedBy.value]}</p>
      {failure.value && <FailureNotice failure={failure.value} what="That was no login." />}
      {isDemo ? (
        <DemoAccounts isBusy={isBusy.value} enter={enter} />
      ) : (
        <LoginForm isBusy={isBusy.value} enter={enter} />
      )}
    </section>
  );
}

interface Entrance {
  readonly isBusy: boolean;
  readonly enter: (username: string, password: string) => Promise<void>;
}

function DemoAccounts({ isBusy, enter }: Entrance) {
  useEffect(loadAccounts, []);
  const { value, failure } = accounts.state.value;
  if (failure) {
    return (
      <>
        <FailureNotice failure={failure} what="The demo accounts can’t be had." retry={loadAccounts} />
        <LoginForm isBusy={isBusy} enter={enter} />
      </>
    );
  }
  if (!value) return <Busy what="Asking for the demo accounts" lines={4} />;
  if (value.length === 0) return <Empty>There are no demo accounts.</Empty>;
  return (
    <>
      <p>This is a demo on your own machine. Choose who you are; what each may do stands below the name.</p>
      <ul class="choices">
        {value.map(({ username, password, scopes }) => (
          <li key={username}>
            <button type="button" class="choice" aria-disabled={isBusy} onClick={() => void enter(username, password)}>
              <strong>{username}</strong>
              <span class="quiet">{scopes.join(', ')}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function LoginForm({ isBusy, enter }: Entrance) {
  const username = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const field = password.current;
        void enter(username.current?.value ?? '', field?.value ?? '').then(() => {
          // Kept no longer than it is needed.
          if (field) field.value = '';
        });
      }}
    >
      <label for="username">Name</label>
      <input id="username" ref={username} name="username" autocomplete="username" autocapitalize="none" required />
      <label for="password">Password</label>
      <input id="password" ref={password} name="password" type="password" autocomplete="current-password" required />
      <button type="submit" class="main" aria-disabled={isBusy}>
        Log in
      </button>
    </form>
  );
}
