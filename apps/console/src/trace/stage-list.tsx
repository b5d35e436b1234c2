import { type CheckTrace, type StageTrace } from '../api/types';
import { checkWords, OUTCOME_SIGNS, OUTCOME_WORDS, stageWords } from '../words/stage-words';
import { wordsFor } from '../words/error-words';
import { inMilliseconds } from '../words/time-words';

/** The stages of a verification: what came of each, and how long it took; what it asks, and its checks, to unfold. */
export function StageList({ stages }: { readonly stages: readonly StageTrace[] }) {
  return (
    <ol class="stages">
      {stages.map((stage) => (
        <Stage key={stage.stage} {...stage} />
      ))}
    </ol>
  );
}

function Stage({ stage, outcome, code, ms, checks }: StageTrace) {
  const { name, asks } = stageWords(stage);
  return (
    <li class="stage" data-outcome={outcome}>
      <details open={outcome === 'failed'}>
        <summary>
          <span class="sign" aria-hidden="true">
            {OUTCOME_SIGNS[outcome]}
          </span>{' '}
          <strong>{name}</strong> {OUTCOME_WORDS[outcome]}
          {ms !== undefined && outcome !== 'skipped' && <span class="quiet"> in {inMilliseconds(ms)}</span>}
        </summary>
        {asks !== '' && <p class="quiet">{asks}</p>}
        {code !== undefined && (
          <p>
            <code>{code}</code>: {wordsFor(code).means}
          </p>
        )}
        <ul class="checks">
          {checks.map((check, i) => (
            <Check key={i} {...check} />
          ))}
        </ul>
      </details>
    </li>
  );
}

function Check({ check, outcome, expected, actual }: CheckTrace) {
  return (
    <li class="check" data-outcome={outcome}>
      <p>
        <span class="sign" aria-hidden="true">
          {OUTCOME_SIGNS[outcome]}
        </span>{' '}
        {checkWords(check)}: {OUTCOME_WORDS[outcome]}
      </p>
      <dl class="facts">
        <dt>Expected</dt>
        <dd>{expected}</dd>
        <dt>Found</dt>
        <dd>{actual}</dd>
      </dl>
    </li>
  );
}
