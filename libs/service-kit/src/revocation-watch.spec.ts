import { type Revocation } from '@token-relay/jwt-guard';
import { RevocationWatch } from './revocation-watch';

const VALUE = '0f8fad5b-d9cb-469f-a165-70867728950e';
const UNTIL = 2_000;

/** A source that says what it is told to. */
class Source {
  revoke: (entries: readonly Revocation[]) => void = () => undefined;

  onRevoked(told: (entries: readonly Revocation[]) => void): () => void {
    this.revoke = told;
    return () => undefined;
  }
}

describe('RevocationWatch', () => {
  let source: Source;
  let nowMs: number;
  let watch: RevocationWatch;

  beforeEach(() => {
    source = new Source();
    nowMs = 1_000;
    watch = new RevocationWatch(source, () => nowMs);
  });

  it('says what was revoked and how long ago that was heard, newest first', () => {
    source.revoke([{ kind: 'jti', value: VALUE, until: UNTIL }]);
    nowMs += 30;
    source.revoke([{ kind: 'all', notBefore: 1_000, until: UNTIL }]);
    nowMs += 20.126;
    expect(watch.heard).toMatchObject([
      { kind: 'all', id: '1970-01-01T00:16:40.000Z', agoMs: 20.13 },
      { kind: 'jti', id: '0f8fad5b', agoMs: 50.13 },
    ]);
  });

  it('says no more of a name than its first eight characters', () => {
    for (const kind of ['jti', 'sid'] as const) source.revoke([{ kind, value: VALUE, until: UNTIL }]);
    source.revoke([
      { kind: 'sub', value: VALUE, epoch: 1, until: UNTIL },
      { kind: 'kid', value: VALUE },
    ]);
    expect(watch.heard).toHaveLength(4);
    expect(JSON.stringify(watch.heard)).not.toContain(VALUE.slice(0, 9));
  });

  it('marks the same revocation the same on every service, and others otherwise', () => {
    const [here, there] = [new Source(), new Source()];
    const watches = [new RevocationWatch(here), new RevocationWatch(there)];
    const entries: Revocation[] = [
      { kind: 'jti', value: VALUE, until: UNTIL },
      { kind: 'sid', value: VALUE, until: UNTIL },
      { kind: 'sub', value: VALUE, epoch: 1, until: UNTIL },
      { kind: 'sub', value: VALUE, epoch: 2, until: UNTIL },
      { kind: 'jti', value: VALUE, until: UNTIL + 1 },
      { kind: 'kid', value: VALUE },
    ];
    here.revoke(entries);
    for (const entry of entries) there.revoke([entry]);
    const [first = [], second] = watches.map(({ heard }) => heard.map(({ mark }) => mark));
    expect(first).toEqual(second);
    expect(new Set(first).size).toBe(entries.length);
  });

  it('keeps the latest 32, however many come at once', () => {
    source.revoke(
      Array.from({ length: 1_000 }, (_, i) => ({ kind: 'jti' as const, value: `t-${i}-of-a-thousand`, until: UNTIL })),
    );
    expect(watch.heard).toHaveLength(32);
    source.revoke([{ kind: 'jti', value: 'the-last-of-all', until: UNTIL }]);
    expect(watch.heard).toHaveLength(32);
    expect(watch.heard[0]?.id).toBe('the-las');
    expect(watch.heard[1]?.id).toBe('t-999-of');
  });

  it.each([
    ['0123456789abcdef', '01234567'],
    ['0123456789abcde', '0123456'],
    ['bob', 'b'],
  ])('shows of %s no more than %s', (value, id) => {
    source.revoke([{ kind: 'jti', value, until: UNTIL }]);
    expect(watch.heard[0]?.id).toBe(id);
  });

  it('tells whoever has subscribed, and nobody who has ended that', () => {
    const told = jest.fn();
    const end = watch.subscribe(told);
    source.revoke([{ kind: 'jti', value: VALUE, until: UNTIL }]);
    expect(told).toHaveBeenCalledWith([expect.objectContaining({ kind: 'jti', id: '0f8fad5b', at: 1_000 })]);
    end();
    source.revoke([{ kind: 'kid', value: 'k' }]);
    expect(told).toHaveBeenCalledTimes(1);
  });
});
