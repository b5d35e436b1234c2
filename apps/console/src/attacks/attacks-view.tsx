import { useEffect } from 'preact/hooks';
import { getAttacks } from '../api/gateway';
import { type AttackList, type AttackResult, type Settings } from '../api/types';
import { Busy, Empty } from '../page/busy';
import { FailureNotice } from '../page/failure-notice';
import { wordsFor } from '../words/error-words';
import { attack, attacks, resultOf } from './attacks-store';

const loadAttacks = (): void => void attacks.load(getAttacks);

export function AttacksView({ settings }: { readonly settings: Settings }) {
  const { demo } = settings;
  useEffect(() => {
    if (demo && !attacks.state.peek().value) loadAttacks();
  }, [demo]);
  const { value, failure } = attacks.state.value;
  return (
    <>
      <h1>Attacks</h1>
      <p>
        Each button sends a real, forged request to this gateway, made out of your own token. See what comes back, and
        why.
      </p>
      {!demo && <Empty>Attacks can be tried in the demo alone, on a developer’s machine. This isn’t one.</Empty>}
      {failure && <FailureNotice failure={failure} what="The list of attacks can’t be had." retry={loadAttacks} />}
      {!value && !failure && demo && <Busy what="Asking which attacks there are" lines={8} />}
      {value?.attacks.length === 0 && <Empty>There are no attacks to try here.</Empty>}
      {value && (
        <ul class="cards cards-wide">
          {value.attacks.map((each) => (
            <li key={each.name} class="card">
              <Attack {...each} />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Attack({ name, title, explanation }: AttackList['attacks'][number]) {
  const { busy, value, failure } = resultOf(name).state.value;
  return (
    <article aria-labelledby={`attack-${name}`}>
      <h2 id={`attack-${name}`}>{title}</h2>
      <p>{explanation}</p>
      <button
        type="button"
        aria-label={`Try it: ${title}`}
        aria-disabled={busy}
        onClick={() => busy || void attack(name)}
      >
        Try it
      </button>
      <div class="attack-result" aria-live="polite" aria-busy={busy}>
        {busy && <p class="quiet">Under way …</p>}
        {!busy && failure && <FailureNotice failure={failure} what="The attack couldn’t even be tried." />}
        {!busy && !failure && !value && <p class="quiet">Not tried yet.</p>}
        {!busy && value && <Result {...value} />}
      </div>
    </article>
  );
}

function Result({ request, response, why, wasRefused }: AttackResult) {
  const { status, code, detail } = response;
  return (
    <>
      <p class="verdict" data-outcome={wasRefused ? 'passed' : 'failed'}>
        <span class="sign" aria-hidden="true">
          {wasRefused ? '✓' : '✗'}
        </span>{' '}
        <strong>{wasRefused ? 'It got nothing' : 'It got through'}</strong>: status {status}
        {code !== undefined && (
          <>
            , <code>{code}</code>
          </>
        )}
      </p>
      {code !== undefined && <p>{wordsFor(code).means}</p>}
      {detail !== undefined && <p class="quiet wrap">{detail}</p>}
      <p>
        <strong>Why: </strong>
        {why}
      </p>
      <details>
        <summary>What was sent</summary>
        <p class="wrap">
          <code>
            {request.method} {request.path}
          </code>
        </p>
        <dl class="facts">
          {Object.entries(request.headers).map(([header, value]) => (
            <div key={header}>
              <dt>{header}</dt>
              <dd>
                <code class="wrap">{value}</code>
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}
