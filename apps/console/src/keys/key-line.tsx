import { fromNow } from '../words/time-words';
import { shortKid } from '../relay/token-diff';
import { type KeyRow, type KeyTimeline, STATE_WORDS } from './key-timeline';

/** How wide the drawing is, in units of its own: it is as wide as there is room. */
const WIDTH = 1_000;
/** Told by their height as well as by their colour. */
const HEIGHTS = { published: 4, signing: 14, retiring: 8 } as const;

/** One key: its words, and its bar on the line of time, which says nothing that the words don't. */
export function KeyLine({ row, line, now }: { readonly row: KeyRow; readonly line: KeyTimeline; readonly now: Date }) {
  const { key, spans, words } = row;
  return (
    <>
      <p class="key-title">
        <code title={key.kid}>{shortKid(key.kid)}</code> <span class="quiet">{key.algorithm}</span>{' '}
        <strong class="badge" data-state={key.state}>
          {key.state}
        </strong>{' '}
        {STATE_WORDS[key.state]}
      </p>
      <svg class="key-bar" viewBox={`0 0 ${WIDTH} 16`} preserveAspectRatio="none" aria-hidden="true">
        <rect class="bar-ground" x="0" y="7.5" width={WIDTH} height="1" />
        {spans.map(({ phase, from, to }) => (
          <rect
            key={phase}
            class={`bar-${phase}`}
            x={from * WIDTH}
            y={8 - HEIGHTS[phase] / 2}
            width={Math.max(4, (to - from) * WIDTH)}
            height={HEIGHTS[phase]}
          />
        ))}
        <rect class="bar-now" x={line.now * WIDTH - 1.5} y="0" width="3" height="16" />
        {line.due !== undefined && <rect class="bar-due" x={line.due * WIDTH - 1.5} y="0" width="3" height="16" />}
      </svg>
      <p class="quiet">
        {words}
        {key.state === 'retiring' && key.removedAt !== undefined && ` (${fromNow(new Date(key.removedAt), now)})`}
      </p>
    </>
  );
}
