import * as fc from 'fast-check';
import { principalOf } from '../../test/principals';
import { type Revocation, type RevocationEntry } from './revocation-entry';
import { RevocationList } from './revocation-list';

const ISSUER = 'https://issuer.test';
const UNTIL = 2_000;

function listOf(...entries: RevocationEntry[]): RevocationList {
  const list = new RevocationList({ issuer: ISSUER, now: () => 1_100 });
  for (const entry of entries) list.add(entry);
  return list;
}

describe('a list that holds', () => {
  it.each<[string, RevocationEntry, Record<string, unknown>, boolean]>([
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { jti: 'a' }, true],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { jti: 'b' }, false],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, {}, false],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { jti: 'c', origin_jti: 'a' }, true],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { jti: 'c', origin_jti: 'b' }, false],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { jti: 'c', origin_jti: 'b', via_jti: ['d', 'a'] }, true],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { jti: 'c', origin_jti: 'b', via_jti: ['d', 'e'] }, false],
    ['a token', { kind: 'jti', value: 'a', until: UNTIL }, { sid: 'a', sub: 'a' }, false],
    ['a session', { kind: 'sid', value: 'a', until: UNTIL }, { sid: 'a' }, true],
    ['a session', { kind: 'sid', value: 'a', until: UNTIL }, { sid: 'b' }, false],
    ['a session', { kind: 'sid', value: 'a', until: UNTIL }, { jti: 'a', origin_jti: 'a' }, false],
    ['the epoch of a user', { kind: 'sub', value: 'a', epoch: 2, until: UNTIL }, { sub: 'a', sub_epoch: 1 }, true],
    ['the epoch of a user', { kind: 'sub', value: 'a', epoch: 2, until: UNTIL }, { sub: 'a', sub_epoch: 2 }, false],
    ['the epoch of a user', { kind: 'sub', value: 'a', epoch: 2, until: UNTIL }, { sub: 'a', sub_epoch: 3 }, false],
    ['the epoch of a user', { kind: 'sub', value: 'a', epoch: 1, until: UNTIL }, { sub: 'a' }, true],
    ['the epoch of a user', { kind: 'sub', value: 'a', epoch: 0, until: UNTIL }, { sub: 'a' }, false],
    ['the epoch of a user', { kind: 'sub', value: 'a', epoch: 2, until: UNTIL }, { sub: 'b', sub_epoch: 1 }, false],
    ['the whole issuer', { kind: 'all', notBefore: 1_000, until: UNTIL }, { iat: 1_000 }, true],
    ['the whole issuer', { kind: 'all', notBefore: 1_000, until: UNTIL }, { iat: 1_001 }, false],
    ['the whole issuer', { kind: 'all', notBefore: 1_000, until: UNTIL }, { iat: 1_001, origin_iat: 1_000 }, true],
    ['the whole issuer', { kind: 'all', notBefore: 1_000, until: UNTIL }, { iat: 1_002, origin_iat: 1_001 }, false],
    ['the whole issuer', { kind: 'all', notBefore: 1_000, until: UNTIL }, { iat: 1_000, origin_iat: 1_001 }, true],
    ['a key', { kind: 'kid', value: 'key-1' }, {}, true],
    ['a key', { kind: 'kid', value: 'key-2' }, {}, false],
    ['a key', { kind: 'kid', value: 'key-2' }, { origin_kid: 'key-2' }, true],
    ['a key', { kind: 'kid', value: 'key-2' }, { origin_kid: 'key-3' }, false],
  ])('%s: %j, asked for %j, says %s', (_what, entry, claims, revoked) => {
    expect(listOf(entry).isRevoked(principalOf(claims))).toBe(revoked);
  });

  it('anything at all says nothing of tokens of another issuer', () => {
    const all = listOf(
      { kind: 'jti', value: 'a', until: UNTIL },
      { kind: 'sid', value: 'a', until: UNTIL },
      { kind: 'sub', value: 'a', epoch: 9, until: UNTIL },
      { kind: 'all', notBefore: 1_900, until: UNTIL },
      { kind: 'kid', value: 'key-1' },
    );
    const claims = { jti: 'a', sid: 'a', sub: 'a' };
    expect(all.isRevoked(principalOf(claims))).toBe(true);
    expect(all.isRevoked(principalOf({ ...claims, iss: `${ISSUER}/` }))).toBe(false);
  });

  it('nothing revokes nothing', () => {
    const { sub, iat, ...rest } = principalOf({ jti: 'a' }).claims;
    expect(listOf().isRevoked(principalOf())).toBe(false);
    expect(listOf().isRevoked({ ...principalOf(), claims: rest })).toBe(false);
    expect([sub, iat]).toEqual(['user-1', 1_000]);
  });
});

describe('nothing is taken back', () => {
  it('by an epoch that is lower', () => {
    const list = listOf({ kind: 'sub', value: 'a', epoch: 5, until: UNTIL });
    expect(list.add({ kind: 'sub', value: 'a', epoch: 4, until: UNTIL })).toBe(false);
    expect(list.isRevoked(principalOf({ sub: 'a', sub_epoch: 4 }))).toBe(true);
  });

  it('by a lower epoch that lasts longer, nor by a higher one that ends sooner', () => {
    const list = listOf(
      { kind: 'sub', value: 'a', epoch: 5, until: UNTIL },
      { kind: 'sub', value: 'a', epoch: 4, until: UNTIL + 9 },
      { kind: 'sub', value: 'a', epoch: 6, until: UNTIL - 9 },
    );
    expect([...list.entries()]).toEqual([{ kind: 'sub', value: 'a', epoch: 6, until: UNTIL + 9 }]);
  });

  it.each(['jti', 'sid'] as const)('by an earlier end of a %s', (kind) => {
    const list = listOf({ kind, value: 'a', until: UNTIL });
    expect(list.add({ kind, value: 'a', until: 1 })).toBe(false);
    list.sweep();
    expect(list.isRevoked(principalOf({ [kind]: 'a' }))).toBe(true);
  });

  it('by an earlier time for the whole issuer', () => {
    const list = listOf({ kind: 'all', notBefore: 1_000, until: UNTIL });
    expect(list.add({ kind: 'all', notBefore: 900, until: UNTIL })).toBe(false);
    expect(list.isRevoked(principalOf({ iat: 1_000 }))).toBe(true);
    expect(list.notBefore).toBe(1_000);
  });
});

describe('claims of a shape that nobody expects', () => {
  const entries: readonly RevocationEntry[] = [
    { kind: 'jti', value: 'a', until: UNTIL },
    { kind: 'jti', value: '[object Object]', until: UNTIL },
    { kind: 'sid', value: 'a', until: UNTIL },
    { kind: 'kid', value: 'key-9' },
  ];

  it.each<[string, Record<string, unknown>]>([
    ['via_jti that is a text', { via_jti: 'a' }],
    ['via_jti that is an object', { via_jti: { 0: 'a', length: 1 } }],
    ['via_jti that is null', { via_jti: null }],
    ['via_jti with lists in it', { via_jti: [['a'], [[['a']]]] }],
    ['via_jti with objects in it', { via_jti: [{}, { toString: 'a' }, null] }],
    ['via_jti with 10,000 ids', { via_jti: Array.from({ length: 10_000 }, (_, i) => `id-${i}`) }],
    ['origin_jti that is a list', { origin_jti: ['a'] }],
    ['origin_jti that is an object', { origin_jti: {} }],
    ['origin_kid that is a list', { origin_kid: ['key-9'] }],
    ['names that every object has', { jti: '__proto__', origin_jti: 'constructor', via_jti: ['toString'] }],
  ])('%s: neither throws nor is found', (_what, claims) => {
    expect(listOf(...entries).isRevoked(principalOf(claims))).toBe(false);
  });

  it('names that every object has can be revoked', () => {
    const list = listOf(
      { kind: 'jti', value: '__proto__', until: UNTIL },
      { kind: 'sub', value: 'constructor', epoch: 1, until: UNTIL },
    );
    expect(list.isRevoked(principalOf({ jti: '__proto__' }))).toBe(true);
    expect(list.isRevoked(principalOf({ sub: 'constructor' }))).toBe(true);
    expect(list.isRevoked(principalOf({ sub: 'toString' }))).toBe(false);
  });

  it('revoked ids are found among whatever else is in via_jti', () => {
    expect(listOf(...entries).isRevoked(principalOf({ via_jti: [{}, null, ['b'], 'a'] }))).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a text', '9'],
    ['no number', NaN],
    ['infinite', Infinity],
    ['null', null],
    ['a list', [9]],
  ])('a sub_epoch that is %s counts as 0', (_what, epoch) => {
    const list = listOf({ kind: 'sub', value: 'user-1', epoch: 1, until: UNTIL });
    expect(list.isRevoked(principalOf({ sub_epoch: epoch }))).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no iat', { iat: undefined }],
    ['an iat that is text', { iat: '1500' }],
    ['an iat that is no number', { iat: NaN }],
    ['an infinite iat', { iat: Infinity }],
    ['an origin_iat that is text', { iat: 1_500, origin_iat: '1500' }],
    ['an origin_iat that is null', { iat: 1_500, origin_iat: null }],
  ])('a token with %s was not issued late enough', (_what, claims) => {
    expect(listOf({ kind: 'all', notBefore: 1_000, until: UNTIL }).isRevoked(principalOf(claims))).toBe(true);
    expect(listOf().isRevoked(principalOf(claims))).toBe(false);
  });
});

describe('the size of a list', () => {
  it('is that of what is unexpired: 100,000 expired entries of each kind leave no trace', () => {
    const list = listOf({ kind: 'jti', value: 'kept', until: UNTIL });
    let largest = 0;
    for (let i = 0; i < 100_000; i++) {
      list.add({ kind: 'jti', value: `${i}`, until: 1_000 });
      list.add({ kind: 'sid', value: `${i}`, until: 1_000 });
      list.add({ kind: 'sub', value: `${i}`, epoch: 1, until: 1_000 });
      largest = Math.max(largest, list.size);
    }
    expect(largest).toBeLessThanOrEqual(1_001);
    list.sweep();
    expect(list.size).toBe(1);
    expect(list.isRevoked(principalOf({ jti: 'kept' }))).toBe(true);
  });

  it('is never more than twice what is unexpired, however much expires on the way', () => {
    let now = 0;
    const list = new RevocationList({ issuer: ISSUER, now: () => now });
    // 5,000 at a time are unexpired.
    for (; now < 50_000; now++) {
      list.add({ kind: 'jti', value: `${now}`, until: now + 5_000 });
      expect(list.size).toBeLessThanOrEqual(10_001);
    }
  });

  it('looks through what it holds no more often than it doubles', () => {
    let asked = 0;
    const list = new RevocationList({ issuer: ISSUER, now: () => (asked++, 0) });
    for (let i = 0; i < 100_000; i++) list.add({ kind: 'jti', value: `${i}`, until: 1 });
    // At 1,000, 2,000, … 64,000.
    expect(asked).toBe(7);
  });

  it('does not grow by what is said again', () => {
    const list = listOf();
    const entries: readonly RevocationEntry[] = [
      { kind: 'jti', value: 'a', until: UNTIL },
      { kind: 'sid', value: 'a', until: UNTIL },
      { kind: 'sub', value: 'a', epoch: 1, until: UNTIL },
      { kind: 'all', notBefore: 1, until: UNTIL },
      { kind: 'kid', value: 'a' },
    ];
    expect(entries.map((entry) => list.add(entry))).toEqual([true, true, true, true, true]);
    expect(entries.map((entry) => list.add(entry))).toEqual([false, false, false, false, false]);
    expect(list.size).toBe(5);
  });

  it('forgets an entry at its end, and not before; a key never', () => {
    let now = UNTIL - 1;
    const list = new RevocationList({ issuer: ISSUER, now: () => now });
    list.add({ kind: 'jti', value: 'a', until: UNTIL });
    list.add({ kind: 'kid', value: 'key-1' });
    list.sweep();
    expect([...list.entries()].map(({ kind }) => kind)).toEqual(['jti', 'kid']);
    now = UNTIL;
    expect([...list.entries()].map(({ kind }) => kind)).toEqual(['kid']);
    list.sweep();
    expect(list.size).toBe(1);
    now = 1e12;
    list.sweep();
    expect(list.isRevoked(principalOf())).toBe(true);
  });
});

it('asks no more of 100,000 entries than of one: nothing in it is gone through for a verdict', () => {
  const list = listOf();
  for (let i = 0; i < 100_000; i++) list.add({ kind: 'jti', value: `${i}`, until: UNTIL });
  const lookups = jest.spyOn(Map.prototype, 'has');
  const iterated = [
    jest.spyOn(Map.prototype, 'entries'),
    jest.spyOn(Map.prototype, Symbol.iterator),
    jest.spyOn(Map.prototype, 'forEach'),
  ];
  list.isRevoked(principalOf({ jti: 'x', origin_jti: 'y', via_jti: ['z'], sid: 's' }));
  const [asked, gone] = [lookups.mock.calls.length, iterated.map((spy) => spy.mock.calls.length)];
  jest.restoreAllMocks();
  expect(asked).toBe(3);
  expect(gone).toEqual([0, 0, 0]);
});

it('counts how often it has called a token revoked', () => {
  const list = listOf({ kind: 'jti', value: 'a', until: UNTIL });
  list.isRevoked(principalOf({ jti: 'a' }));
  list.isRevoked(principalOf({ jti: 'b' }));
  list.isRevoked(principalOf({ jti: 'a' }));
  expect(list.hits).toBe(2);
});

describe('a key that is revoked', () => {
  const list = listOf({ kind: 'kid', value: 'key-9' }, { kind: 'jti', value: 'key-1', until: UNTIL });

  it.each([
    ['of its issuer', 'https://issuer.test', 'key-9', true],
    ['that nobody has revoked', 'https://issuer.test', 'key-1', false],
    ['of that name of another issuer', 'https://other.test', 'key-9', false],
    ['with a name that every object has', 'https://issuer.test', 'constructor', false],
  ])('is one %s', (_what, issuer, kid, revoked) => {
    expect(list.isKeyRevoked(issuer, kid)).toBe(revoked);
  });

  it('counts as a hit, and one that is not revoked does not', () => {
    const counting = listOf({ kind: 'kid', value: 'key-9' });
    counting.isKeyRevoked('https://issuer.test', 'key-9');
    counting.isKeyRevoked('https://issuer.test', 'key-1');
    expect(counting.hits).toBe(1);
  });
});

it('that keys have changed is nothing new, and nothing that is held', () => {
  const list = listOf();
  expect(list.add({ kind: 'keys', version: 1 })).toBe(false);
  expect([list.size, [...list.entries()]]).toEqual([0, []]);
});

describe('whatever the order', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const number = fc.integer({ min: 0, max: 4 });
  const until = fc.integer({ min: 1_101, max: 1_105 });
  const entry: fc.Arbitrary<Revocation> = fc.oneof(
    fc.record({ kind: fc.constant('jti' as const), value: name, until }),
    fc.record({ kind: fc.constant('sid' as const), value: name, until }),
    fc.record({ kind: fc.constant('sub' as const), value: name, epoch: number, until }),
    fc.record({ kind: fc.constant('all' as const), notBefore: number, until }),
    fc.record({ kind: fc.constant('kid' as const), value: name }),
  );
  const claims = fc.record(
    {
      sub: name,
      iat: number,
      jti: name,
      sid: name,
      sub_epoch: number,
      origin_jti: name,
      origin_iat: number,
      origin_kid: name,
      via_jti: fc.array(name, { maxLength: 3 }),
    },
    { requiredKeys: ['sub', 'iat'] },
  );
  const told = fc.array(entry, { maxLength: 12 }).chain((entries) =>
    fc.record({
      entries: fc.constant(entries),
      again: fc.shuffledSubarray([...entries, ...entries], { minLength: entries.length }),
      shuffled: fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
    }),
  );

  /** What the kinds mean, said once more and without any memory. */
  function revokes(entry: Revocation, token: Record<string, unknown>): boolean {
    switch (entry.kind) {
      case 'jti':
        return [token.jti, token.origin_jti, ...((token.via_jti as string[] | undefined) ?? [])].includes(entry.value);
      case 'sid':
        return token.sid === entry.value;
      case 'sub':
        return token.sub === entry.value && ((token.sub_epoch as number | undefined) ?? 0) < entry.epoch;
      case 'all':
        return Math.min(token.iat as number, (token.origin_iat as number | undefined) ?? Infinity) <= entry.notBefore;
      case 'kid':
        return ['key-1', token.origin_kid].includes(entry.value);
    }
  }

  it('and however often things are said, and with a snapshot of one list merged in another, verdicts are the same', () => {
    fc.assert(
      fc.property(
        told,
        fc.array(claims, { minLength: 1, maxLength: 5 }),
        fc.nat(12),
        ({ entries, again, shuffled }, tokens, at) => {
          const straight = listOf(...entries);
          const repeated = listOf(...shuffled, ...again);
          const fromSnapshots = listOf(
            ...listOf(...shuffled.slice(at)).entries(),
            ...listOf(...shuffled.slice(0, at)).entries(),
          );
          for (const token of tokens) {
            const verdict = entries.some((revoked) => revokes(revoked, token));
            const principal = principalOf(token);
            expect([straight, repeated, fromSnapshots].map((list) => list.isRevoked(principal))).toEqual([
              verdict,
              verdict,
              verdict,
            ]);
          }
          const sorted = (list: RevocationList) => [...list.entries()].map((one) => JSON.stringify(one)).sort();
          expect(sorted(repeated)).toEqual(sorted(straight));
          expect(sorted(fromSnapshots)).toEqual(sorted(straight));
        },
      ),
      { seed: 20_260_731, numRuns: 500 },
    );
  });

  it('more entries never make a verdict milder', () => {
    fc.assert(
      fc.property(fc.array(entry), entry, claims, (entries, one, token) => {
        const before = listOf(...entries).isRevoked(principalOf(token));
        expect(listOf(...entries, one).isRevoked(principalOf(token)) || !before).toBe(true);
      }),
      { seed: 20_260_731, numRuns: 500 },
    );
  });
});

describe('the clock that things are forgotten by', () => {
  afterEach(() => jest.restoreAllMocks());

  it("is not set ahead: what was revoked is there when the machine's clock is right again", () => {
    const list = new RevocationList({ issuer: 'https://issuer.test' });
    const now = Date.now();
    list.add({ kind: 'jti', value: 'a', until: now / 1000 + 600 });
    jest.spyOn(Date, 'now').mockReturnValue(now + 3_600_000);
    list.sweep();
    jest.restoreAllMocks();
    expect(list.size).toBe(1);
    expect([...list.entries()]).toHaveLength(1);
  });
});
