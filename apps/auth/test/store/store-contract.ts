import { type RevocationEntry } from '@token-relay/jwt-guard';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuthStore } from '../../src/store/auth-store';

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const later = (): number => nowSeconds() + 600;

async function entriesOf(store: AuthStore): Promise<RevocationEntry[]> {
  const entries: RevocationEntry[] = [];
  for await (const part of store.snapshot()) entries.push(...part);
  return entries;
}

/** What holds of every store. Each test gets an empty one. */
export function describeStore(open: () => Promise<{ store: AuthStore; other: AuthStore }>): void {
  let store: AuthStore;
  /** The same state, as another process has it; the same object where there is but one process. */
  let other: AuthStore;

  beforeEach(async () => {
    ({ store, other } = await open());
  });

  const begun = () => store.begin({ notBefore: nowSeconds(), keptSeconds: 960 });
  const token = (): RevocationEntry => ({ kind: 'jti', value: randomUUID(), until: later() });

  describe('the stream', () => {
    it('is not there before it was begun', async () => {
      expect(await store.head()).toBeUndefined();
      expect(await entriesOf(store)).toEqual([]);
      expect(await store.recent(10)).toEqual([]);
      expect(await store.after(0, 0)).toEqual([]);
      expect(await store.append('another', token())).toBeUndefined();
      expect(await store.renew('another')).toBeUndefined();
    });

    it('begins by revoking everything that was issued until now', async () => {
      const notBefore = nowSeconds() - 3;
      const head = await store.begin({ notBefore, keptSeconds: 960 });
      expect(await other.head()).toMatchObject(head);
      expect(head.last).toBe(1);
      expect(head.createdMs).toBe(notBefore * 1_000);
      const [entry] = await entriesOf(other);
      expect(entry).toEqual({ kind: 'all', notBefore, until: notBefore + 960 });
      const { streamId, tail } = head;
      expect(await other.after(0, 0)).toEqual([{ streamId, n: 1, id: tail, previous: streamId, entry }]);
    });

    it('is begun by one of two alone', async () => {
      const heads = await Promise.all([begun(), other.begin({ notBefore: nowSeconds(), keptSeconds: 960 })]);
      expect(heads[0]).toEqual(heads[1]);
      expect(await entriesOf(store)).toHaveLength(1);
    });

    it('numbers what is revoked, one by one, and gives it in order', async () => {
      const { streamId } = await begun();
      const entries = [token(), token(), token()];
      const numbers: (number | undefined)[] = [];
      for (const entry of entries) numbers.push(await store.append(streamId, entry));
      expect(numbers).toEqual([2, 3, 4]);
      const events = await other.after(0, 0);
      expect(events.slice(1)).toEqual(
        entries.map((entry, i) => expect.objectContaining({ streamId, n: i + 2, entry }) as object),
      );
      // Each knows the one before it.
      expect(events.map(({ previous }) => previous)).toEqual([streamId, ...events.slice(0, -1).map(({ id }) => id)]);
      expect(new Set(events.map(({ id }) => id)).size).toBe(4);
      expect(await other.after(3, 0)).toEqual(events.slice(3));
      expect(await other.after(4, 0)).toEqual([]);
      expect((await other.recent(2)).map(({ n }) => n)).toEqual([3, 4]);
      expect(await other.head()).toMatchObject({ streamId, last: 4, tail: events[3]?.id });
    });

    it('wakes whoever waits for the next event', async () => {
      const { streamId } = await begun();
      const waiting = other.after(1, 5_000);
      const entry = token();
      await store.append(streamId, entry);
      expect(await waiting).toMatchObject([{ streamId, n: 2, entry }]);
    });

    it('lets nobody wait longer than asked for', async () => {
      await begun();
      expect(await store.after(1, 50)).toEqual([]);
    });

    it('takes nothing for a stream that it is not', async () => {
      await begun();
      expect(await store.append(randomUUID(), token())).toBeUndefined();
      expect(await entriesOf(store)).toHaveLength(1);
    });

    it('is renewed: another, from the start, with everything that is revoked', async () => {
      const { streamId } = await begun();
      const entry = token();
      await store.append(streamId, entry);
      const renewed = await store.renew(streamId);
      expect(await other.head()).toMatchObject(renewed ?? {});
      expect(renewed?.streamId).not.toBe(streamId);
      expect(renewed).toMatchObject({ last: 0, tail: renewed?.streamId });
      expect(await other.after(0, 0)).toEqual([]);
      expect(await entriesOf(other)).toEqual(expect.arrayContaining([entry, expect.objectContaining({ kind: 'all' })]));
      // A second one that wants to renew what is gone gets what is there.
      expect(await other.renew(streamId)).toEqual(renewed);
      expect(await store.append(streamId, entry)).toBeUndefined();
      expect(await store.append(renewed?.streamId ?? '', entry)).toBe(1);
    });
  });

  describe('an entry', () => {
    it.each<[string, RevocationEntry]>([
      ['of a token', { kind: 'jti', value: 'a:b {c} "d" é', until: later() }],
      ['of a session', { kind: 'sid', value: randomUUID(), until: later() }],
      ['of a user', { kind: 'sub', value: randomUUID(), epoch: 1_764_099_999_123, until: later() }],
      ['of a key', { kind: 'kid', value: 'M2dIRk0yZ0hGTTJnSEZNMmdIRk0yZ0hGTTJnSEZNMmc' }],
    ])('%s comes back as it was', async (_what, entry) => {
      const { streamId } = await begun();
      await store.append(streamId, entry);
      expect(await entriesOf(other)).toContainEqual(entry);
      expect((await other.after(1, 0))[0]?.entry).toEqual(entry);
    });

    it('that is added again counts once, and for as long as the longer one', async () => {
      const { streamId } = await begun();
      const until = later();
      for (const time of [until, until - 60, until]) {
        await store.append(streamId, { kind: 'jti', value: 'a', until: time });
      }
      expect((await entriesOf(store)).filter(({ kind }) => kind === 'jti')).toEqual([
        { kind: 'jti', value: 'a', until },
      ]);
    });

    it('of a user is never lowered', async () => {
      const { streamId } = await begun();
      const until = later();
      for (const [epoch, time] of [
        [7, until - 60],
        [5, until],
      ] as const) {
        await store.append(streamId, { kind: 'sub', value: 'u', epoch, until: time });
      }
      const found = (await entriesOf(store)).filter(({ kind }) => kind === 'sub');
      expect(found).toEqual([{ kind: 'sub', value: 'u', epoch: 7, until }]);
    });

    it('that has expired goes as others come', async () => {
      const { streamId } = await begun();
      const expired: RevocationEntry = { kind: 'jti', value: 'old', until: nowSeconds() - 1 };
      await store.append(streamId, expired);
      await store.append(streamId, token());
      expect(await entriesOf(store)).not.toContainEqual(expired);
    });
  });

  describe('a token', () => {
    const minting = (more = {}) => ({
      subject: randomUUID(),
      jti: randomUUID(),
      expiresAt: later(),
      defaultEpoch: 41,
      now: nowSeconds() - 1,
      ...more,
    });

    it('that was issued is remembered, for its subject alone', async () => {
      const { subject, jti, ...rest } = minting();
      expect(await store.mint({ subject, jti, ...rest })).toBe(41);
      expect(await other.wasMinted(subject, jti, nowSeconds())).toBe(true);
      expect(await other.wasMinted(subject, randomUUID(), nowSeconds())).toBe(false);
      expect(await other.wasMinted(randomUUID(), jti, nowSeconds())).not.toBe(true);
    });

    it('that was never issued is known to be that, if its subject has had others', async () => {
      const { subject, ...rest } = minting();
      await store.mint({ subject, ...rest });
      expect(await other.wasMinted(subject, randomUUID(), nowSeconds())).toBe(false);
    });

    it('that has expired is not', async () => {
      const { subject, jti, ...rest } = minting({ expiresAt: nowSeconds() });
      await store.mint({ subject, jti, ...rest });
      expect(await other.wasMinted(subject, jti, nowSeconds())).toBe(false);
    });

    it('carries the epoch of its subject', async () => {
      const one = minting();
      expect(await store.epoch(one.subject)).toBeUndefined();
      await store.raiseEpoch(one.subject, 1_764_099_999_123);
      expect(await other.epoch(one.subject)).toBe(1_764_099_999_123);
      expect(await other.mint(one)).toBe(1_764_099_999_123);
      expect(await other.mint(minting())).toBe(41);
    });

    it('may be for a subject of any name', async () => {
      for (const subject of ['}', '{', '{}', 'a b', 'ü', '*', 'a:epoch']) {
        const one = minting({ subject });
        await store.mint(one);
        await store.raiseEpoch(subject, 7);
        expect(await other.wasMinted(subject, one.jti, nowSeconds())).toBe(true);
        expect(await other.epoch(subject)).toBe(7);
      }
    });

    it('has an epoch that only rises, as one of many at once raises it', async () => {
      const { subject } = minting();
      await Promise.all([3, 9, 5, 1].map((epoch, i) => (i % 2 ? store : other).raiseEpoch(subject, epoch)));
      expect(await store.epoch(subject)).toBe(9);
    });
  });
  describe('a name', () => {
    it('is used once by a client, whichever process it comes to, and by each client', async () => {
      const [client, name] = [randomUUID(), 'a:b {c} "d" é'];
      expect(await store.useOnce(client, name, later())).toBe(true);
      expect(await other.useOnce(client, name, later())).toBe(false);
      expect(await other.useOnce(client, randomUUID(), later())).toBe(true);
      expect(await store.useOnce(randomUUID(), name, later())).toBe(true);
    });

    it('of a client is no part of another one', async () => {
      const [client, name] = [randomUUID(), randomUUID()];
      expect(await store.useOnce(client, name, later())).toBe(true);
      expect(await store.useOnce(`${client}${name.slice(0, 1)}`, name.slice(1), later())).toBe(true);
    });

    it('is used by one of many at once', async () => {
      const [client, name] = [randomUUID(), randomUUID()];
      const uses = Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).useOnce(client, name, later()));
      expect((await Promise.all(uses)).filter((first) => first)).toHaveLength(1);
    });

    it('is forgotten when its time is over', async () => {
      const [client, name] = [randomUUID(), randomUUID()];
      const until = nowSeconds() + 1;
      expect(await store.useOnce(client, name, until)).toBe(true);
      expect(await store.useOnce(client, name, until)).toBe(false);
      const deadline = performance.now() + 5_000;
      while (!(await store.useOnce(client, name, nowSeconds() + 60))) {
        if (performance.now() > deadline) throw new Error('it is remembered for longer');
        await sleep(50);
      }
      expect(Date.now() / 1000).toBeGreaterThanOrEqual(until - 0.05);
    });
  });
}
