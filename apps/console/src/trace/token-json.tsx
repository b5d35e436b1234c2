import { type Members } from '../api/types';
import { plainText } from '../words/plain-text';

interface Props {
  readonly name: 'Header' | 'Claims';
  readonly value: Members;
  /** Which service has got the token, where there are several. */
  readonly of?: string;
}

/** Header or claims as they stand in the token. Can be scrolled with the keyboard. */
export function TokenJson({ name, value, of }: Props) {
  const whose = of === undefined ? '' : ` of the token that ${of} got`;
  return (
    <details>
      <summary>
        {name}
        {whose !== '' && <span class="hidden">{whose}</span>}
      </summary>
      <pre tabIndex={0} role="region" aria-label={name + whose}>
        {plainText(JSON.stringify(value, undefined, 2))}
      </pre>
    </details>
  );
}
