import { type KeyState, type Ring, type RingKey } from '../api/types';
import { momentOf } from '../words/time-words';

/** A stretch of a key's life, in parts of the whole line: 0 is its left end, 1 its right one. */
export interface KeySpan {
  readonly phase: 'published' | 'signing' | 'retiring';
  readonly from: number;
  readonly to: number;
}

export interface KeyRow {
  readonly key: RingKey;
  readonly spans: readonly KeySpan[];
  /** What the bar shows, as a sentence. */
  readonly words: string;
}

export interface KeyTimeline {
  readonly from: Date;
  readonly to: Date;
  /** Where now is. */
  readonly now: number;
  /** When a planned rotation is due, where one is to come. */
  readonly due?: number;
  /** What signs first, then what is next, then what has gone, the latest first. */
  readonly rows: readonly KeyRow[];
}

const SHORTEST_MS = 60_000;
const KEPT_GONE = 8;
const ORDER: readonly KeyState[] = ['active', 'pending', 'retiring', 'compromised', 'retired'];

/** The ring on one line of time, from when the oldest key that is shown was published until the last that is planned. */
export function keyTimeline({ keys, rotation }: Pick<Ring, 'keys' | 'rotation'>, now: Date): KeyTimeline {
  const shown = shownKeys(keys).map((key) => asPlanned(key, rotation));
  const due = rotation && Date.parse(rotation.dueAt);
  const last = Math.max(now.getTime(), due ?? 0);
  const begins = shown.map(({ publishedAt }) => Date.parse(publishedAt));
  const ends = shown.map(({ removedAt }) => (removedAt === undefined ? 0 : Date.parse(removedAt)));
  const from = Math.min(now.getTime() - SHORTEST_MS, ...begins);
  // Some room to the right, for what goes on.
  const to = Math.max(last + Math.max(SHORTEST_MS, (last - from) / 10), ...ends);
  const place = (time: number): number => Math.min(1, Math.max(0, (time - from) / (to - from)));
  return {
    from: new Date(from),
    to: new Date(to),
    now: place(now.getTime()),
    ...(due !== undefined && due > now.getTime() && { due: place(due) }),
    rows: shown.map((key) => ({ key, spans: spansOf(key, to, place), words: wordsOf(key) })),
  };
}

/** With what a planned rotation makes of it. */
function asPlanned(key: RingKey, rotation: Ring['rotation']): RingKey {
  if (!rotation) return key;
  if (key.kid === rotation.kid) return { activatedAt: rotation.dueAt, ...key };
  return key.state === 'active' ? { deactivatedAt: rotation.dueAt, ...key } : key;
}

function shownKeys(keys: readonly RingKey[]): RingKey[] {
  const byState = [...keys].sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || Date.parse(b.publishedAt) - Date.parse(a.publishedAt),
  );
  const isGone = ({ state }: RingKey): boolean => state === 'retired' || state === 'compromised';
  return [...byState.filter((key) => !isGone(key)), ...byState.filter(isGone).slice(0, KEPT_GONE)];
}

function spansOf(
  { publishedAt, activatedAt, deactivatedAt, removedAt }: RingKey,
  end: number,
  place: (time: number) => number,
): KeySpan[] {
  const published = Date.parse(publishedAt);
  const removed = removedAt === undefined ? end : Date.parse(removedAt);
  const activated = activatedAt === undefined ? removed : Math.min(removed, Date.parse(activatedAt));
  const deactivated = deactivatedAt === undefined ? removed : Math.min(removed, Date.parse(deactivatedAt));
  const spans = [
    { phase: 'published', from: published, to: activated },
    { phase: 'signing', from: activated, to: deactivated },
    { phase: 'retiring', from: deactivated, to: removed },
  ] as const;
  return spans
    .filter(({ from, to }) => to > from)
    .map(({ phase, from, to }) => ({ phase, from: place(from), to: place(to) }));
}

export const STATE_WORDS: Readonly<Record<KeyState, string>> = {
  active: 'signs',
  pending: 'published, signs next',
  retiring: 'signs no more; its tokens still count',
  retired: 'gone; no token of it is left',
  compromised: 'whatever it has signed is refused',
};

const SIGNS: Partial<Record<KeyState, string>> = { active: 'signs since', pending: 'signs from' };

function wordsOf({ state, publishedAt, activatedAt, deactivatedAt, removedAt }: RingKey): string {
  const parts = [
    ['published', publishedAt],
    [SIGNS[state] ?? 'signed from', activatedAt],
    [state === 'active' ? 'signs until' : 'signed until', deactivatedAt],
    [state === 'retiring' ? 'leaves' : 'left', removedAt],
  ] as const;
  return parts.flatMap(([what, at]) => (at === undefined ? [] : [`${what} ${momentOf(new Date(at))}`])).join('; ');
}
