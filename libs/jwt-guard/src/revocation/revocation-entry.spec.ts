import { MAX_REVOKED_LENGTH, parseRevocationEntry, type RevocationEntry } from './revocation-entry';

const ENTRIES: readonly RevocationEntry[] = [
  { kind: 'jti', value: 'token-1', until: 2_000 },
  { kind: 'sid', value: 'session-1', until: 2_000.5 },
  { kind: 'sub', value: 'user-1', epoch: 3, until: 2_000 },
  { kind: 'all', notBefore: 1_000, until: 2_000 },
  { kind: 'kid', value: 'key-1' },
  { kind: 'keys', version: 1 },
  { kind: 'keys', version: Number.MAX_SAFE_INTEGER },
];

describe('parseRevocationEntry', () => {
  it.each(ENTRIES.map((entry) => [entry.kind, entry] as const))('reads what is of the kind %s', (_kind, entry) => {
    expect(parseRevocationEntry(JSON.parse(JSON.stringify(entry)))).toEqual(entry);
  });

  it('leaves out what an entry holds besides', () => {
    const entry = { kind: 'kid', value: 'key-1', until: 5, reason: 'stolen', ['__proto__']: { until: 1 } };
    expect(parseRevocationEntry(entry)).toEqual({ kind: 'kid', value: 'key-1' });
  });

  it.each([
    ['no object', 'jti'],
    ['null', null],
    ['nothing', undefined],
    ['a list', [{ kind: 'jti', value: 'a', until: 1 }]],
    ['no kind', { value: 'a', until: 1 }],
    ['a kind that is unknown', { kind: 'aud', value: 'a', until: 1 }],
    ['a kind that every object has', { kind: 'constructor', value: 'a', until: 1 }],
    ['no value', { kind: 'jti', until: 1 }],
    ['an empty value', { kind: 'sid', value: '', until: 1 }],
    ['a value that is no text', { kind: 'kid', value: 1 }],
    ['a value that is too long', { kind: 'jti', value: 'a'.repeat(MAX_REVOKED_LENGTH + 1), until: 1 }],
    ['no end', { kind: 'jti', value: 'a' }],
    ['an end that is text', { kind: 'jti', value: 'a', until: '1' }],
    ['an end that is no number', { kind: 'sid', value: 'a', until: NaN }],
    ['an end that never comes', { kind: 'sid', value: 'a', until: Infinity }],
    ['an end before all time', { kind: 'sid', value: 'a', until: -1 }],
    ['no epoch', { kind: 'sub', value: 'a', until: 1 }],
    ['a negative epoch', { kind: 'sub', value: 'a', epoch: -1, until: 1 }],
    ['no time that it counts from', { kind: 'all', until: 1 }],
    ['no version of the keys', { kind: 'keys' }],
    ['a version of the keys before the first', { kind: 'keys', version: 0 }],
    ['a version of the keys between two', { kind: 'keys', version: 1.5 }],
    ['a version of the keys that is text', { kind: 'keys', version: '1' }],
    ['a version of the keys that can not be told from the next', { kind: 'keys', version: 2 ** 53 }],
    ['a date for that time', { kind: 'all', notBefore: '2026-01-01', until: 1 }],
  ])('refuses %s', (_what, value) => {
    expect(() => parseRevocationEntry(value)).toThrow(TypeError);
  });

  it('takes a value that is just short enough', () => {
    const value = 'a'.repeat(MAX_REVOKED_LENGTH);
    expect(parseRevocationEntry({ kind: 'kid', value })).toEqual({ kind: 'kid', value });
  });

  it('repeats nothing of what it refuses', () => {
    expect(() => parseRevocationEntry({ kind: 'jti', value: 'a-secret'.repeat(99), until: 1 })).toThrow(
      /^(?!.*a-secret)/,
    );
  });
});
