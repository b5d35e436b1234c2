import { type RingKey } from '../api/types';
import { momentOf } from '../words/time-words';
import { keyTimeline } from './key-timeline';

const at = (minutes: number): string => new Date(Date.UTC(2026, 0, 1, 0, minutes)).toISOString();
const moment = (minutes: number): string => momentOf(new Date(at(minutes)));
const now = new Date(at(60));
const active: RingKey = { kid: 'a', algorithm: 'ES256', state: 'active', publishedAt: at(0), activatedAt: at(10) };
const pending: RingKey = { kid: 'p', algorithm: 'ES256', state: 'pending', publishedAt: at(30) };

describe('the ring on a line of time', () => {
  it('begins with the oldest key, and has some room after now', () => {
    const line = keyTimeline({ keys: [active, pending] }, now);
    expect(line.from.toISOString()).toBe(at(0));
    expect(line.to.toISOString()).toBe(at(66));
    expect(line.now).toBeCloseTo(60 / 66);
  });

  it('shows for each key when it was published, signs, and goes', () => {
    const retiring: RingKey = { ...active, kid: 'r', state: 'retiring', deactivatedAt: at(20), removedAt: at(100) };
    const { rows } = keyTimeline({ keys: [retiring] }, now);
    expect(rows[0]?.spans).toEqual([
      { phase: 'published', from: 0, to: 0.1 },
      { phase: 'signing', from: 0.1, to: 0.2 },
      { phase: 'retiring', from: 0.2, to: 1 },
    ]);
    expect(rows[0]?.words).toBe(
      [
        `published ${moment(0)}`,
        `signed from ${moment(10)}`,
        `signed until ${moment(20)}`,
        `leaves ${moment(100)}`,
      ].join('; '),
    );
  });

  it('shows a key that never signed as published alone', () => {
    const [row] = keyTimeline({ keys: [pending] }, now).rows;
    expect(row?.spans.map(({ phase }) => phase)).toEqual(['published']);
  });

  it('has no stretch without a length, such as of a first key, which signs at once', () => {
    const [row] = keyTimeline({ keys: [{ ...active, activatedAt: at(0) }] }, now).rows;
    expect(row?.spans).toEqual([{ phase: 'signing', from: 0, to: 1 }]);
  });

  it('shows a planned rotation: until it is due the one signs, and from then on the other', () => {
    const line = keyTimeline({ keys: [active, pending], rotation: { kid: 'p', dueAt: at(120) } }, now);
    const due = 120 / 132;
    expect(line.due).toBeCloseTo(due);
    expect(line.now).toBeCloseTo(60 / 132);
    expect(line.rows.map(({ spans }) => spans)).toEqual([
      [
        { phase: 'published', from: 0, to: 10 / 132 },
        { phase: 'signing', from: 10 / 132, to: due },
        { phase: 'retiring', from: due, to: 1 },
      ],
      [
        { phase: 'published', from: 30 / 132, to: due },
        { phase: 'signing', from: due, to: 1 },
      ],
    ]);
    expect(line.rows.map(({ words }) => words)).toEqual([
      `published ${moment(0)}; signs since ${moment(10)}; signs until ${moment(120)}`,
      `published ${moment(30)}; signs from ${moment(120)}`,
    ]);
  });

  it('shows where a rotation is due as long as that is to come', () => {
    const dueAfter = (ms: number) =>
      keyTimeline({ keys: [active, pending], rotation: { kid: 'p', dueAt: new Date(+now + ms).toISOString() } }, now);
    expect(dueAfter(1).due).toBeDefined();
    expect(dueAfter(0).due).toBeUndefined();
  });

  it('has what signs first and what has gone last, of that only the latest', () => {
    const gone = Array.from({ length: 12 }, (_none, i): RingKey => {
      const times = { publishedAt: at(i), removedAt: at(i + 1) };
      return { kid: `g${i}`, algorithm: 'ES256', state: 'retired', ...times };
    });
    const { rows } = keyTimeline({ keys: [...gone, pending, active] }, now);
    expect(rows.map(({ key }) => key.kid)).toEqual([
      'a',
      'p',
      ...Array.from({ length: 8 }, (_none, i) => `g${11 - i}`),
    ]);
  });

  it('is a line also without keys', () => {
    const line = keyTimeline({ keys: [] }, now);
    expect(line.rows).toEqual([]);
    expect(line.now).toBeGreaterThan(0);
  });
});
