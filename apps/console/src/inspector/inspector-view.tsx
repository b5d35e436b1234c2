import { useSignal } from '@preact/signals';
import { type DecisionTrace, type Settings } from '../api/types';
import { Busy, Empty } from '../page/busy';
import { FailureNotice } from '../page/failure-notice';
import { sessionState } from '../session';
import { StageList } from '../trace/stage-list';
import { TokenJson } from '../trace/token-json';
import { wordsFor } from '../words/error-words';
import { OUTCOME_SIGNS, VERDICT_WORDS } from '../words/stage-words';
import { decision, inspect, inspectOwn } from './inspector-store';
import { isTooLarge, pastedToken } from './pasted-token';

export function InspectorView({ settings: { demo } }: { readonly settings: Settings }) {
  const text = useSignal('');
  const complaint = useSignal('');
  const { busy, value, failure } = decision.state.value;
  const ask = (): void => {
    const token = pastedToken(text.value);
    complaint.value = complaintOf(token);
    if (complaint.value !== '') decision.forget();
    else if (!busy) void inspect(token, demo);
  };
  return (
    <>
      <h1>Inspector</h1>
      <p>Paste a token, and read why this gateway takes it or doesn’t. It is judged here and now, and kept nowhere.</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        <label for="token">Token</label>
        <textarea
          id="token"
          rows={6}
          value={text.value}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="none"
          aria-describedby="token-help token-complaint"
          aria-invalid={complaint.value !== ''}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            // What was said was about another one.
            complaint.value = '';
            decision.forget();
          }}
        />
        <p id="token-help" class="quiet">
          Whoever has a token can use it. Paste none of a system that isn’t this one.
        </p>
        <p id="token-complaint" class="complaint" role="alert">
          {complaint.value}
        </p>
        <div class="buttons">
          <button type="submit" class="main" aria-disabled={busy}>
            Inspect
          </button>
          {sessionState.value === 'active' && (
            <button
              type="button"
              aria-disabled={busy}
              onClick={() => {
                complaint.value = '';
                if (!busy) void inspectOwn(demo);
              }}
            >
              Inspect my own token
            </button>
          )}
        </div>
      </form>
      <section aria-labelledby="decision-title">
        <h2 id="decision-title">Decision</h2>
        {failure && <FailureNotice failure={failure} what="The token wasn’t looked at." />}
        {!value && busy && <Busy what="The gateway looks at it" lines={8} />}
        {!value && !busy && !failure && <Empty>Nothing is decided yet.</Empty>}
        {value?.isOwn && !failure && <p>Of your own token, not of what is in the field:</p>}
        <div role="status">{value && !failure && <Verdict {...value.trace} />}</div>
        {value && !failure && <Decision trace={value.trace} />}
      </section>
    </>
  );
}

function complaintOf(token: string): string {
  if (token === '') return 'There is no token in the field.';
  return isTooLarge(token) ? 'That is far too long for a token.' : '';
}

const VERDICT_OUTCOMES = { accepted: 'passed', rejected: 'failed', undecided: 'skipped' } as const;

/** The one thing of it that is read out by itself. */
function Verdict({ outcome, code, status }: DecisionTrace) {
  const sign = VERDICT_OUTCOMES[outcome];
  return (
    <p class="verdict" data-outcome={sign}>
      <span class="sign" aria-hidden="true">
        {OUTCOME_SIGNS[sign]}
      </span>{' '}
      <strong>{VERDICT_WORDS[outcome]}</strong>
      {code !== undefined && (
        <>
          : <code>{code}</code>
          {status !== undefined && `, status ${status}`}
        </>
      )}
    </p>
  );
}

function Decision({ trace }: { readonly trace: DecisionTrace }) {
  const { code, stages, hints, token, times, key } = trace;
  return (
    <>
      {code === undefined ? (
        <p>Every stage has passed: a call with this token would be let in, as far as its scopes go.</p>
      ) : (
        <p>
          {wordsFor(code).means} {wordsFor(code).help}
        </p>
      )}
      {hints.length > 0 && (
        <>
          <h3>What could be the cause</h3>
          <ul>
            {hints.map((hint) => (
              <li key={hint}>{hint}</li>
            ))}
          </ul>
        </>
      )}
      <h3>Stage by stage</h3>
      <StageList stages={stages} />
      <h3>What it says</h3>
      <p>
        {token.verified
          ? 'Header and claims are signed by the issuer.'
          : 'Nobody has verified what follows: anybody may have written it.'}
      </p>
      <dl class="facts">
        {times?.age !== undefined && (
          <div>
            <dt>Age</dt>
            <dd>{times.age}</dd>
          </div>
        )}
        {times?.remaining !== undefined && (
          <div>
            <dt>Time left</dt>
            <dd>{times.remaining}</dd>
          </div>
        )}
        {key && (
          <div>
            <dt>Key</dt>
            <dd>{key.kid}</dd>
          </div>
        )}
        <div>
          <dt>Size</dt>
          <dd>{token.bytes} bytes</dd>
        </div>
      </dl>
      {token.header && <TokenJson name="Header" value={token.header} />}
      {token.claims && <TokenJson name="Claims" value={token.claims} />}
    </>
  );
}
