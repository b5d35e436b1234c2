import { isOwn, withRevocation } from './heard-revocations';

const at = new Date(0);
const later = new Date(1_000);

describe('what was revoked', () => {
  it('is one, however many services hear of it', () => {
    const first = withRevocation([], { kind: 'session', id: 'abcd1234', heard: { gateway: 3 } }, at);
    const second = withRevocation(first, { kind: 'session', id: 'abcd1234', heard: { audit: 9 } }, later);
    expect(second).toEqual([{ kind: 'session', id: 'abcd1234', at, heard: { gateway: 3, audit: 9 } }]);
  });

  it('stands with the latest first', () => {
    const first = withRevocation([], { kind: 'session', id: 'a', heard: {} }, at);
    const second = withRevocation(first, { kind: 'key', id: 'a', heard: {} }, later);
    expect(second.map(({ kind }) => kind)).toEqual(['key', 'session']);
  });

  it('is forgotten after twenty others', () => {
    const ids = Array.from({ length: 25 }, (_none, i) => `${i}`);
    const known = ids.reduce(
      (list, id) => withRevocation(list, { kind: 'session', id, heard: {} }, at),
      withRevocation([], { kind: 'session', id: 'first', heard: {} }, at),
    );
    expect(known).toHaveLength(20);
    expect(known.at(-1)?.id).toBe('5');
  });
});

it.each([
  ['sid', 'abcd', true],
  ['sid', 'abce', false],
  ['sub', 'u-12', true],
  ['sub', 'abcd', false],
  ['jti', 'abcd', false],
  ['all', '2026-01-01T00:00:00.000Z', true],
])('the end of %s %s may be that of one’s own session: %s', (kind, id, isIt) => {
  expect(isOwn({ kind, id }, { subject: 'u-1234', session: 'abcdef' })).toBe(isIt);
  expect(isOwn({ kind, id }, undefined)).toBe(false);
});
