import { account } from '../session';
import { type Failure } from '../words/problem-of-error';
import { isDetailWanted, wordsFor } from '../words/error-words';
import { inWords } from '../words/time-words';

/** Of the project, where the codes are listed. */
const DOCS = 'docs/errors.md';

interface Props {
  readonly failure: Failure;
  /** What was to be done. */
  readonly what: string;
  readonly retry?: () => void;
}

/** What went wrong and why, in words; the code and the transaction id, to look it up. */
export function FailureNotice({ failure: { problem, retryAfterSeconds, requiredScopes }, what, retry }: Props) {
  const { means, help } = wordsFor(problem.code);
  const has = account.value?.scopes ?? [];
  return (
    <div class="notice notice-bad" role="alert">
      <p class="notice-title">{what}</p>
      <p>
        {means} {help}
      </p>
      {requiredScopes && (
        <p>
          It takes <code>{requiredScopes.join(' ')}</code>; your token has <code>{has.join(' ') || 'none'}</code>.
        </p>
      )}
      {problem.errors && (
        <ul>
          {problem.errors.map(({ path, message }) => (
            <li key={`${path} ${message}`}>
              {path !== '' && <code>{path}</code>} {message}
            </li>
          ))}
        </ul>
      )}
      {retryAfterSeconds !== undefined && retryAfterSeconds > 0 && <p>Try again after {inWords(retryAfterSeconds)}.</p>}
      <p class="quiet">
        <code>{problem.code}</code>
        {problem.status > 0 && `, status ${problem.status}`}
        {problem.hop !== undefined && `, at ${problem.hop}`}
        {problem.transactionId !== undefined && (
          <>
            , transaction <code>{problem.transactionId}</code>
          </>
        )}
        . All codes: <code>{DOCS}</code>.
      </p>
      {isDetailWanted(problem.code) && problem.detail && <p class="quiet">{problem.detail}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
