import { type UserSession } from '@token-relay/session-client';
import { useEffect } from 'preact/hooks';
import { type Settings } from '../api/types';
import { Busy, Empty } from '../page/busy';
import { ConfirmedButton } from '../page/confirmed-button';
import { FailureNotice } from '../page/failure-notice';
import { now } from '../page/now';
import { plainText } from '../words/plain-text';
import { fromNow, momentOf } from '../words/time-words';
import { Heard } from './heard';
import { endAll, ended, endOne, endOthers, loadSessions, sessions } from './sessions-store';

/** It is what revokes: there is nothing that it has to hear. */
const TELLS = 'auth';

export function SessionsView({ settings }: { readonly settings: Settings }) {
  useEffect(() => void loadSessions(), []);
  const { busy, value, failure } = sessions.state.value;
  const { busy: isEnding, value: done, failure: notDone } = ended.state.value;
  const others = value?.filter(({ current }) => !current) ?? [];
  return (
    <>
      <h1>Sessions</h1>
      <p>Where you are logged in. A session that ends is over for every service at once, whatever its tokens say.</p>
      <div class="buttons">
        <button type="button" aria-disabled={busy} onClick={() => busy || void loadSessions()}>
          Load the list anew
        </button>
        <ConfirmedButton
          label="End all others"
          question="End all your sessions but this one? Whoever uses them has to log in again."
          yes="Yes, end them"
          disabled={isEnding || others.length === 0}
          act={() => void endOthers()}
        />
        <ConfirmedButton
          label="End all"
          question="End all your sessions, this one too? You will be logged out here and everywhere."
          yes="Yes, end all"
          isBad
          disabled={isEnding}
          act={() => void endAll()}
        />
        <span role="status">{isEnding ? 'Asking auth …' : (done ?? '')}</span>
      </div>
      {notDone && <FailureNotice failure={notDone} what="That session may still be there." />}
      {failure && <FailureNotice failure={failure} what="The list can’t be had." retry={() => void loadSessions()} />}
      {!value && !failure && <Busy what="Asking for your sessions" lines={4} />}
      {value && value.length === 0 && <Empty>You have no session, which is strange: log in again.</Empty>}
      {value && value.length > 0 && (
        <ul class="cards">
          {value.map((each) => (
            <li key={each.id} class="card">
              <Session shown={each} isEnding={isEnding} />
            </li>
          ))}
        </ul>
      )}
      {(value ?? failure) && (
        <Heard services={settings.services.map(({ name }) => name).filter((name) => name !== TELLS)} />
      )}
    </>
  );
}

function Session({ shown, isEnding }: { readonly shown: UserSession; readonly isEnding: boolean }) {
  const { id, current, clientId, createdAt, lastUsedAt, expiresAt, address } = shown;
  const device = plainText(shown.userAgent ?? 'An unnamed device');
  const time = now.value;
  return (
    <>
      <p>
        <strong class="wrap">{device}</strong> {current && <span class="badge">This one</span>}
      </p>
      <dl class="facts">
        <div>
          <dt>Client</dt>
          <dd>{clientId}</dd>
        </div>
        <div>
          <dt>Address</dt>
          <dd>{address ?? 'unknown'}</dd>
        </div>
        <div>
          <dt>Began</dt>
          <dd>{fromNow(createdAt, time)}</dd>
        </div>
        <div>
          <dt>Last used</dt>
          <dd>{fromNow(lastUsedAt, time)}</dd>
        </div>
        <div>
          <dt>Ends</dt>
          <dd>{fromNow(expiresAt, time)}</dd>
        </div>
      </dl>
      {!current && (
        <ConfirmedButton
          label="End"
          name={`End the session of ${device}, begun ${momentOf(createdAt)}`}
          question="End this session? Whoever uses it has to log in again."
          yes="Yes, end it"
          disabled={isEnding}
          act={() => void endOne(id)}
        />
      )}
    </>
  );
}
