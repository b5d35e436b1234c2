import { useSignal } from '@preact/signals';
import { type ComponentChildren } from 'preact';
import { useEffect, useId } from 'preact/hooks';
import { type Ring, type RingKey, type Settings } from '../api/types';
import { liveState, ringNews } from '../events/live';
import { Busy, Empty } from '../page/busy';
import { ConfirmedButton } from '../page/confirmed-button';
import { FailureNotice } from '../page/failure-notice';
import { now } from '../page/now';
import { shortKid } from '../relay/token-diff';
import { account } from '../session';
import { plainText } from '../words/plain-text';
import { fromNow, momentOf, timeOf } from '../words/time-words';
import { CallsMeanwhile } from './calls-meanwhile';
import { KeyLine } from './key-line';
import { keyTimeline } from './key-timeline';
import { change, changes, compromise, loadRing, ring, rotate } from './keys-store';

export function KeysView({ settings }: { readonly settings: Settings }) {
  const { value, failure } = ring.state.value;
  const news = ringNews.value;
  const dueAt = value?.rotation && Date.parse(value.rotation.dueAt);
  const isDue = dueAt !== undefined && dueAt < now.value.getTime() - 1_000;
  const isAllowed = may('keys:read');
  const meanwhile = settings.modes.includes('exchange') && <CallsMeanwhile />;
  // At first, with each word of the gateway, and when what was planned should have come.
  useEffect(() => {
    if (isAllowed) void loadRing();
  }, [news, isDue, isAllowed]);
  return (
    <>
      <h1>Keys</h1>
      <p>
        Auth signs with one key at a time. The next one is published before it signs, and the last one is kept until no
        token of it is left.
      </p>
      <OwnKey />
      {!isAllowed && <NotAllowed />}
      {failure && <FailureNotice failure={failure} what="The ring can’t be shown." retry={() => void loadRing()} />}
      {!value && (failure || !isAllowed) && <GatewaysKeys />}
      {!value && !failure && isAllowed && <Busy what="Asking for the ring" lines={6} />}
      {value && value.keys.length === 0 && <Empty>There is no key in the ring.</Empty>}
      {value && value.keys.length > 0 && <RingShown shown={value}>{meanwhile}</RingShown>}
      {!value && (failure || !isAllowed) && meanwhile}
    </>
  );
}

/** By the user's own token, so that nothing is asked for that can only be refused. The gateway judges it all the same. */
function may(scope: string): boolean {
  return account.value?.scopes.includes(scope) ?? true;
}

function NotAllowed() {
  return (
    <div class="notice">
      <p class="notice-title">The ring is for operators</p>
      <p>
        It takes <code>keys:read</code>, and <code>keys:rotate</code> or <code>keys:compromise</code> to change it. Your
        token has <code>{account.value?.scopes.join(' ') || 'none'}</code>, so auth would answer with{' '}
        <code>insufficient_scope</code>.
      </p>
      <p>Log in as somebody who may, to see when the keys change.</p>
    </div>
  );
}

function OwnKey() {
  const kid = account.value?.kid;
  return (
    <p>
      The key <code title={kid}>{kid === undefined || kid === '' ? '…' : shortKid(kid)}</code> has signed your own
      token.
    </p>
  );
}

/** For those who may not see the ring, and may hear of the gateway’s: what each verifier fetches is public anyway. */
function GatewaysKeys() {
  const kids = ringNews.value?.kids;
  const unknown =
    liveState.value === 'refused'
      ? 'Which keys the gateway takes is among its live events, and those take auth:admin.'
      : 'Which keys the gateway takes isn’t known here yet.';
  return kids === undefined ? (
    <Empty>{unknown}</Empty>
  ) : (
    <>
      <h2>Keys that the gateway takes now</h2>
      <ul class="cards">
        {kids.map((kid) => (
          <li key={kid} class="card">
            <code>{kid}</code>
          </li>
        ))}
      </ul>
    </>
  );
}

interface RingProps {
  readonly shown: Ring;
  /** What stands below the ring. */
  readonly children: ComponentChildren;
}

function RingShown({ shown, children }: RingProps) {
  const time = now.value;
  const line = keyTimeline(shown, time);
  const { busy, value, failure } = change.state.value;
  const { rotation } = shown;
  return (
    <>
      <div class="buttons">
        <ConfirmedButton
          label="Rotate"
          question="Let the next key sign, as soon as everybody has had time to fetch it? Tokens that are out go on working."
          yes="Yes, rotate"
          disabled={busy || rotation !== undefined || !may('keys:rotate')}
          act={() => void rotate()}
        />
        {!may('keys:rotate') && (
          <span class="quiet">
            Rotating takes <code>keys:rotate</code>.
          </span>
        )}
        {rotation && may('keys:rotate') && (
          <span class="quiet">One is planned already: another can be asked for after it.</span>
        )}
        <span role="status">{busy ? 'Asking auth …' : (value ?? '')}</span>
      </div>
      {failure && <FailureNotice failure={failure} what="The ring is as it was." />}
      <p>
        {rotation
          ? `A rotation to ${shortKid(rotation.kid)} is planned: due ${fromNow(new Date(rotation.dueAt), time)}.`
          : 'No rotation is planned; the ring rotates by itself.'}
      </p>
      <section aria-labelledby="ring-title">
        <h2 id="ring-title">The ring, version {shown.version}</h2>
        <p class="quiet">
          From {momentOf(line.from)} to {momentOf(line.to)}. A thin bar is a key that is published, a high one a key
          that signs, and one between them a key that retires. The upright line is now
          {line.due === undefined ? '.' : '; the one to its right is when the next key begins to sign, as planned.'}
        </p>
        <ol class="keys">
          {line.rows.map((row) => (
            <li key={row.key.kid} class="card">
              <KeyLine row={row} line={line} now={time} />
              {mayLeak(row.key) && may('keys:compromise') && <Compromise shown={row.key} disabled={busy} />}
            </li>
          ))}
        </ol>
      </section>
      {children}
      <section aria-labelledby="changes-title">
        <h2 id="changes-title">While you looked on</h2>
        <div role="log" aria-labelledby="changes-title">
          {changes.value.length === 0 && <Empty>Nothing has changed.</Empty>}
          <ul class="events" tabIndex={0} aria-labelledby="changes-title">
            {changes.value.map(({ kid, words, at }) => (
              <li key={`${at.getTime()} ${kid}`}>
                <time dateTime={at.toISOString()}>{timeOf(at)}</time> <mark>{shortKid(kid)}</mark> {words}
              </li>
            ))}
          </ul>
        </div>
      </section>
      <History history={shown.history} />
    </>
  );
}

const mayLeak = ({ state }: RingKey): boolean => state !== 'compromised';

function Compromise({ shown: { kid, state }, disabled }: { readonly shown: RingKey; readonly disabled: boolean }) {
  const reason = useSignal('');
  const id = useId();
  const text = reason.value.trim();
  const next = state === 'active' ? ' The next one signs at once.' : '';
  return (
    <ConfirmedButton
      label="Compromise"
      name={`Compromise ${shortKid(kid)}`}
      question={`Has ${shortKid(kid)} leaked? Whatever it has signed is refused everywhere from now on, and that can’t be undone.${next}`}
      yes="Yes, compromise it"
      isBad
      disabled={disabled}
      isReady={text !== ''}
      act={() => void compromise(kid, text)}
      closed={() => (reason.value = '')}
    >
      <label for={id}>Why, for the record (required)</label>
      <input
        id={id}
        value={reason.value}
        maxLength={500}
        required
        autocomplete="off"
        onInput={(event) => (reason.value = event.currentTarget.value)}
      />
    </ConfirmedButton>
  );
}

const SHOWN_EVENTS = 20;

function History({ history }: Pick<Ring, 'history'>) {
  const latest = [...history].sort((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, SHOWN_EVENTS);
  return (
    <details>
      <summary>What the ring’s own record says ({history.length})</summary>
      <ol class="events" tabIndex={0} aria-label="The ring’s own record">
        {latest.map(({ at, what, kid, by, reason }, i) => (
          <li key={i}>
            <time dateTime={at}>{momentOf(new Date(at))}</time> {what}
            {kid !== undefined && ` ${shortKid(kid)}`}, by {shortKid(by)}
            {reason !== undefined && `: ${plainText(reason)}`}
          </li>
        ))}
      </ol>
    </details>
  );
}
