import { diffTokens, isSameToken, type TokenChange } from './token-diff';
import { type TokenFacts } from './token-facts';

interface Props {
  readonly before: TokenFacts;
  readonly after: TokenFacts;
  readonly to: string;
}

/** What differs between the token that came in and the one that goes out: marked, and said. */
export function Changes({ before, after, to }: Props) {
  if (isSameToken(before, after)) {
    return <p>It is the very same token: whatever the caller may do everywhere, {to} could do with it as well.</p>;
  }
  const changes = diffTokens(before, after);
  const changed = changes.filter(({ isChanged }) => isChanged);
  const same = changes.filter(({ isChanged }) => !isChanged);
  return (
    <>
      <p>
        {to} gets another token. {changed.length === 0 && 'It says the same of all this.'}
      </p>
      <ul class="changes">
        {changed.map((change) => (
          <Change key={change.what} {...change} />
        ))}
      </ul>
      {same.length > 0 && (
        <p class="quiet">As before: {same.map(({ label, after: value }) => `${label} ${value}`).join('; ')}</p>
      )}
    </>
  );
}

function Change({ label, before, after, words }: TokenChange) {
  return (
    <li class="change">
      <strong>{label}</strong>
      <p class="change-values">
        <span>{before}</span> <span aria-hidden="true">→</span>
        <span class="hidden"> has become </span> <mark>{after}</mark>
      </p>
      <p class="quiet">{words}</p>
    </li>
  );
}
