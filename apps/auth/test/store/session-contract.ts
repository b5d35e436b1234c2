import { randomBytes, randomUUID } from 'node:crypto';
import { type AuthStore } from '../../src/store/auth-store';
import { type NewSession, type PresentedToken, type Session, type TokenUse } from '../../src/store/session-store';
import { slotOf } from '../../src/store/slot';

const HOUR = 3_600;
const DAY = 24 * HOUR;

export interface SessionStores {
  readonly store: AuthStore;
  /** The same state, as another process has it; the same object where there is but one process. */
  readonly other: AuthStore;
}

/** What holds of the sessions of every store. Each test gets an empty one, and its clock. */
export function describeSessions(open: (now: () => number) => Promise<SessionStores>): void {
  let store: AuthStore;
  let other: AuthStore;
  let now: number;

  beforeEach(async () => {
    now = Math.floor(Date.now() / 1000);
    ({ store, other } = await open(() => now));
  });

  const hash = (): string => randomBytes(32).toString('base64url');
  const sessionOf = (subject: string = randomUUID(), more: Partial<NewSession> = {}): NewSession => ({
    id: `${slotOf(subject)}${randomBytes(16).toString('base64url')}`,
    subject,
    username: 'alice',
    credential: 'c',
    clientId: 'gateway',
    scopes: ['documents:read', 'documents:write'],
    authTime: now,
    notBefore: 5,
    defaultEpoch: 7,
    tokenHash: hash(),
    ...more,
  });
  const shown = (session: NewSession, token: string, more: Partial<PresentedToken> = {}): PresentedToken => ({
    sessionId: session.id,
    hash: token,
    clientId: session.clientId,
    notBefore: 5,
    ...more,
  });
  const begun = async (subject?: string, more?: Partial<NewSession>): Promise<NewSession> => {
    const session = sessionOf(subject, more);
    await store.sessions.create(session);
    return session;
  };
  /** Refreshes, at one process or the other. */
  const refresh = (session: NewSession, token: string, next = hash(), at = store): Promise<TokenUse> =>
    at.sessions.use(shown(session, token), { hash: next, sealed: `sealed-${next}` });
  const outcomes = async (session: NewSession, ...tokens: string[]): Promise<string[]> => {
    const found: string[] = [];
    for (const token of tokens) found.push((await refresh(session, token)).outcome);
    return found;
  };
  const ids = (sessions: readonly Session[]): string[] => sessions.map(({ id }) => id);

  describe('a session', () => {
    it('is what it began as', async () => {
      const userAgent = 'Firefox – "ü" 1|2';
      const session = await begun(undefined, { userAgent, address: '2001:db8::1', username: 'ünal b' });
      const { defaultEpoch, tokenHash, ...kept } = session;
      expect(await other.sessions.list(session.subject, 5)).toEqual([
        { ...kept, epoch: 7, generation: 0, createdAt: now, lastUsedAt: now, expiresAt: now + DAY },
      ]);
      expect(await other.sessions.use(shown(session, tokenHash))).toMatchObject({ outcome: 'valid' });
      expect(defaultEpoch).toBe(7);
    });

    it('needs neither scopes nor anything known of its device', async () => {
      const session = await begun(undefined, { scopes: [] });
      const [found] = await other.sessions.list(session.subject, 5);
      expect(found).toMatchObject({ scopes: [] });
      expect([found?.userAgent, found?.address]).toEqual([undefined, undefined]);
    });

    it('has the epoch that its subject has, if that is higher than by default', async () => {
      const subject = randomUUID();
      expect(await store.sessions.create(sessionOf(subject))).toMatchObject({ epoch: 7 });
      await store.raiseEpoch(subject, 1_764_099_999_123);
      expect(await store.sessions.create(sessionOf(subject))).toMatchObject({ epoch: 1_764_099_999_123 });
      const later = { defaultEpoch: 1_764_099_999_124 };
      expect(await store.sessions.create(sessionOf(subject, later))).toMatchObject({ epoch: 1_764_099_999_124 });
    });

    it('that is created again, as its answer was lost, stays what it is', async () => {
      const session = await begun();
      await refresh(session, session.tokenHash);
      expect(await other.sessions.create(session)).toEqual({ epoch: 7, expiresAt: now + DAY, surplus: [] });
      expect(await other.sessions.list(session.subject, 5)).toMatchObject([{ generation: 1 }]);
    });

    it('lives for 24 hours without a refresh, and no longer', async () => {
      const [one, two] = [await begun(), await begun()];
      now += DAY - 1;
      expect(await outcomes(one, one.tokenHash)).toEqual(['rotated']);
      now += 1;
      expect(await outcomes(two, two.tokenHash)).toEqual(['unknown']);
      expect(await store.sessions.list(two.subject, 5)).toEqual([]);
      expect(await store.sessions.list(one.subject, 5)).toMatchObject([{ expiresAt: now - 1 + DAY }]);
    });

    it('lives for 7 days however often it is refreshed, and no longer', async () => {
      const session = await begun();
      let token = session.tokenHash;
      const end = now + 7 * DAY;
      while (now < end - DAY) {
        now += 23 * HOUR;
        const next = hash();
        expect(await refresh(session, token, next)).toMatchObject({ outcome: 'rotated' });
        token = next;
      }
      expect(await store.sessions.list(session.subject, 5)).toMatchObject([{ expiresAt: end }]);
      now = end - 1;
      const next = hash();
      expect(await refresh(session, token, next)).toMatchObject({ outcome: 'rotated', session: { expiresAt: end } });
      now = end;
      expect(await outcomes(session, next)).toEqual(['unknown']);
    });

    it('that has ended is gone, and can be ended again', async () => {
      const session = await begun();
      await store.sessions.end(session.id);
      expect(await outcomes(session, session.tokenHash)).toEqual(['unknown']);
      expect(await other.sessions.list(session.subject, 5)).toEqual([]);
      await other.sessions.end(session.id);
      // What somebody has called a session that never was one.
      for (const id of ['}', '{}', 'a b', '', 'x'.repeat(256)]) await store.sessions.end(id);
    });

    it('gives way to a new one when its user has a thousand, if it is unused for longest', async () => {
      const subject = randomUUID();
      const sessions: NewSession[] = [];
      for (let i = 0; i < 1_000; i++) {
        sessions.push(await begun(subject));
        now += 1;
      }
      const [first, second] = sessions as [NewSession, NewSession];
      await refresh(first, first.tokenHash);
      const last = sessionOf(subject);
      expect(await store.sessions.create(last)).toMatchObject({ surplus: [second.id] });
      expect(await store.sessions.list(subject, 5)).toHaveLength(1_001);
      await store.sessions.end(second.id);
      const listed = await other.sessions.list(subject, 5);
      expect(listed).toHaveLength(1_000);
      expect(ids(listed.slice(0, 2)).sort()).toEqual([first.id, last.id].sort());
    });
  });

  describe('a refresh token', () => {
    it('is used once: the next one takes its place', async () => {
      const session = await begun();
      const next = hash();
      expect(await refresh(session, session.tokenHash, next)).toMatchObject({
        outcome: 'rotated',
        session: { id: session.id, subject: session.subject, generation: 1, scopes: session.scopes },
      });
      expect(await refresh(session, next, hash(), other)).toMatchObject({
        outcome: 'rotated',
        session: { generation: 2 },
      });
    });

    it('that comes again gets the same successor, however late, until that is used', async () => {
      const session = await begun();
      const next = hash();
      await refresh(session, session.tokenHash, next);
      for (const later of [0, 1, 30, 600, 20 * HOUR]) {
        now += later;
        expect(await refresh(session, session.tokenHash, hash(), other)).toMatchObject({
          outcome: 'repeated',
          sealed: `sealed-${next}`,
          session: { generation: 1 },
        });
      }
      expect(await outcomes(session, next)).toEqual(['rotated']);
    });

    it('still gets it 10 seconds after that was used, and ends the session a moment later', async () => {
      const sessions = [await begun(), await begun()];
      for (const session of sessions) {
        const next = hash();
        await refresh(session, session.tokenHash, next);
        await refresh(session, next);
      }
      const [one, two] = sessions as [NewSession, NewSession];
      now += 10;
      expect(await outcomes(one, one.tokenHash)).toEqual(['repeated']);
      now += 0.001;
      expect(await outcomes(two, two.tokenHash)).toEqual(['replayed']);
      expect(await other.sessions.list(two.subject, 5)).toEqual([]);
    });

    it('that is replayed leaves nothing of its session that counts', async () => {
      const session = await begun();
      const [second, third] = [hash(), hash()];
      await refresh(session, session.tokenHash, second);
      await refresh(session, second, third);
      now += 11;
      expect(await outcomes(session, session.tokenHash, third, second, session.tokenHash)).toEqual([
        'replayed',
        'ended',
        'ended',
        'ended',
      ]);
      expect(await store.sessions.raiseEpochBut(session.id, 8)).toBeUndefined();
    });

    it('that is replayed is known by how old it is', async () => {
      const chain = async (): Promise<[NewSession, string[]]> => {
        const session = await begun();
        const tokens = [session.tokenHash, hash(), hash(), hash()];
        for (let i = 0; i < 3; i++) await refresh(session, tokens[i] ?? '', tokens[i + 1]);
        return [session, tokens];
      };
      const chains = [await chain(), await chain(), await chain()] as const;
      now += 11;
      const [[one, tokens], [two, others], [three]] = chains;
      expect(await refresh(one, tokens[1] ?? '')).toMatchObject({ outcome: 'replayed', ancestor: 'recent_parent' });
      expect(await refresh(two, others[0] ?? '')).toMatchObject({ outcome: 'replayed', ancestor: 'older_ancestor' });
      // Whoever knows the session's handle has had a token of it.
      expect(await refresh(three, hash())).toMatchObject({ outcome: 'replayed', ancestor: 'older_ancestor' });
    });

    it('of quick refreshes has its own 10 seconds each', async () => {
      const session = await begun();
      const tokens = [session.tokenHash, hash(), hash(), hash()];
      await refresh(session, tokens[0] ?? '', tokens[1]);
      await refresh(session, tokens[1] ?? '', tokens[2]);
      now += 6;
      await refresh(session, tokens[2] ?? '', tokens[3]);
      now += 4;
      expect(await refresh(session, tokens[0] ?? '')).toMatchObject({ sealed: `sealed-${tokens[1]}` });
      now += 6;
      expect(await refresh(session, tokens[1] ?? '')).toMatchObject({ sealed: `sealed-${tokens[2]}` });
      now += 0.001;
      expect(await outcomes(session, tokens[1] ?? '')).toEqual(['replayed']);
    });

    it('gets its successor 50 times a minute: once more changes nothing', async () => {
      const session = await begun();
      const next = hash();
      await refresh(session, session.tokenHash, next);
      for (let i = 0; i < 50; i++) expect(await outcomes(session, session.tokenHash)).toEqual(['repeated']);
      now += 20;
      expect(await refresh(session, session.tokenHash)).toMatchObject({ outcome: 'too_often', retryAfterSeconds: 40 });
      now += 39.5;
      expect(await refresh(session, session.tokenHash)).toMatchObject({ outcome: 'too_often', retryAfterSeconds: 1 });
      now += 0.5;
      expect(await outcomes(session, session.tokenHash)).toEqual(['repeated']);
      expect(await outcomes(session, next)).toEqual(['rotated']);
    });

    it('that comes again late, as every time, is told apart from one that does so now and then', async () => {
      const session = await begun();
      let token = session.tokenHash;
      /** Refreshes, and shows the same token again so much later: how often in a row that was late. */
      const twice = async (seconds: number): Promise<(number | undefined)[]> => {
        const [before, next] = [token, hash()];
        expect(await refresh(session, before, next)).toMatchObject({ outcome: 'rotated' });
        token = next;
        const rows: (number | undefined)[] = [];
        for (const later of [seconds, 1]) {
          now += later;
          const use = await refresh(session, before, hash(), other);
          rows.push(use.outcome === 'repeated' ? use.lateInARow : undefined);
        }
        now += 60;
        return rows;
      };
      expect(await twice(8)).toEqual([0, 0]);
      expect(await twice(9.5)).toEqual([0, 1]);
      expect(await twice(30)).toEqual([2, 0]);
      expect(await twice(30)).toEqual([3, 0]);
      expect(await twice(0)).toEqual([0, 0]);
      expect(await twice(30)).toEqual([1, 0]);
    });

    it('is replaced a thousand times within 10 seconds, and not once more', async () => {
      const session = await begun();
      let token = session.tokenHash;
      const rotate = async (): Promise<TokenUse> => {
        const next = hash();
        const use = await refresh(session, token, next);
        if (use.outcome === 'rotated') token = next;
        return use;
      };
      for (let i = 0; i < 1_000; i++) expect((await rotate()).outcome).toBe('rotated');
      expect(await rotate()).toMatchObject({ outcome: 'too_often', retryAfterSeconds: 10 });
      now += 10.001;
      expect(await rotate()).toMatchObject({ outcome: 'rotated' });
    });

    it('is not used earlier than the one before, though a clock goes back', async () => {
      const session = await begun();
      const next = hash();
      now += 60;
      await refresh(session, session.tokenHash, next);
      await refresh(session, next);
      now -= 30;
      expect(await refresh(session, session.tokenHash)).toMatchObject({
        outcome: 'repeated',
        session: { lastUsedAt: now + 30, expiresAt: now + 30 + DAY },
      });
      now += 41;
      expect(await outcomes(session, session.tokenHash)).toEqual(['replayed']);
    });

    it('that only shows whose session it is changes nothing', async () => {
      const session = await begun();
      const next = hash();
      const look = (token: string): Promise<TokenUse> => other.sessions.use(shown(session, token));
      expect(await look(session.tokenHash)).toMatchObject({ outcome: 'valid', session: { generation: 0 } });
      await refresh(session, session.tokenHash, next);
      now += 3_600;
      expect(await look(session.tokenHash)).toMatchObject({ outcome: 'valid' });
      expect(await look(next)).toMatchObject({ outcome: 'valid', session: { lastUsedAt: now - 3_600 } });
      await refresh(session, next);
      now += 11;
      expect(await look(session.tokenHash)).toMatchObject({ outcome: 'replayed' });
    });

    it('of another client is refused, and changes nothing', async () => {
      const session = await begun();
      const next = hash();
      await refresh(session, session.tokenHash, next);
      await refresh(session, next);
      now += 60;
      for (const token of [next, session.tokenHash, hash()]) {
        const use = store.sessions.use(shown(session, token, { clientId: 'mobile' }), { hash: hash(), sealed: '' });
        expect(await use).toMatchObject({ outcome: 'other_client' });
      }
      expect(await store.sessions.list(session.subject, 5)).toHaveLength(1);
    });

    it('of no session is unknown', async () => {
      const session = await begun();
      const stranger = sessionOf(session.subject);
      expect(await outcomes(stranger, session.tokenHash)).toEqual(['unknown']);
      expect(await outcomes(session, session.tokenHash)).toEqual(['rotated']);
    });

    it('tells where it came from last', async () => {
      const session = await begun(undefined, { address: '192.0.2.1' });
      const next = { hash: hash(), sealed: 's' };
      await store.sessions.use(shown(session, session.tokenHash, { address: '192.0.2.2' }), next);
      expect(await other.sessions.list(session.subject, 5)).toMatchObject([{ address: '192.0.2.2' }]);
      await store.sessions.use(shown(session, session.tokenHash), next);
      expect(await other.sessions.list(session.subject, 5)).toMatchObject([{ address: '192.0.2.2' }]);
    });

    it('that many bring at once has one successor', async () => {
      const session = await begun();
      const uses = await Promise.all(
        Array.from({ length: 50 }, (_, i) => refresh(session, session.tokenHash, `next-${i}`, i % 2 ? store : other)),
      );
      const rotated = uses.flatMap(({ outcome }, i) => (outcome === 'rotated' ? [`sealed-next-${i}`] : []));
      expect(rotated).toHaveLength(1);
      expect(uses.filter((use) => use.outcome === 'repeated' && use.sealed === rotated[0])).toHaveLength(49);
    });
  });

  describe('a higher epoch', () => {
    it('refuses the tokens of all sessions before it, and of none after it', async () => {
      const subject = randomUUID();
      const before = await begun(subject);
      const elsewhere = await begun();
      await store.raiseEpoch(subject, 8);
      const after = await begun(subject);
      expect(await outcomes(before, before.tokenHash)).toEqual(['revoked']);
      expect(ids(await other.sessions.list(subject, 5))).toEqual([after.id]);
      await store.sessions.endBefore(subject, 8);
      expect(await outcomes(before, before.tokenHash)).toEqual(['unknown']);
      expect(await outcomes(after, after.tokenHash)).toEqual(['rotated']);
      expect(await outcomes(elsewhere, elsewhere.tokenHash)).toEqual(['rotated']);
      await store.sessions.endBefore(randomUUID(), 8);
    });

    it('can leave one session, with its tokens as they are', async () => {
      const subject = randomUUID();
      const [mine, others] = [await begun(subject), await begun(subject)];
      expect(await store.sessions.raiseEpochBut(mine.id, 20)).toBe(21);
      expect(await other.epoch(subject)).toBe(21);
      expect(await outcomes(others, others.tokenHash)).toEqual(['revoked']);
      await store.sessions.endBefore(subject, 21);
      expect(await other.sessions.use(shown(mine, mine.tokenHash))).toMatchObject({
        outcome: 'valid',
        session: { epoch: 21 },
      });
      // Higher each time, and never what ends all of them.
      expect(await store.sessions.raiseEpochBut(mine.id, 20)).toBe(23);
      expect(await store.sessions.raiseEpochBut(mine.id, 1_764_099_999_123)).toBe(1_764_099_999_123);
    });

    it('leaves no session that had ended before, and is not raised for it', async () => {
      const subject = randomUUID();
      const [ended, below] = [await begun(subject), await begun(subject)];
      await store.sessions.end(ended.id);
      expect(await store.sessions.raiseEpochBut(ended.id, 8)).toBeUndefined();
      expect(await store.epoch(subject)).toBeUndefined();
      await store.raiseEpoch(subject, 9);
      expect(await store.sessions.raiseEpochBut(below.id, 10)).toBeUndefined();
      expect(await store.epoch(subject)).toBe(9);
    });

    it('that ends all of them goes beyond one that has left a session', async () => {
      const subject = randomUUID();
      expect(await store.passEpoch(subject, 8)).toBe(8);
      const mine = await begun(subject);
      const left = (await store.sessions.raiseEpochBut(mine.id, 8)) ?? 0;
      expect(left).toBe(9);
      // It was chosen before that.
      expect(await other.passEpoch(subject, 8)).toBe(10);
      expect(await outcomes(mine, mine.tokenHash)).toEqual(['revoked']);
      expect(await store.sessions.raiseEpochBut(mine.id, 100)).toBeUndefined();
      // Somebody else has ended all of them.
      expect(await store.passEpoch(subject, 8)).toBe(10);
      expect(await store.passEpoch(subject, 1_764_099_999_124)).toBe(1_764_099_999_124);
    });

    it('that ends all and one that leaves a session, at once, never leave one in the end', async () => {
      for (let round = 0; round < 20; round++) {
        const subject = randomUUID();
        const mine = await begun(subject);
        const but = (at: AuthStore) => at.sessions.raiseEpochBut(mine.id, 8);
        await Promise.all([but(store), but(other), store.passEpoch(subject, 8), but(other), but(store)]);
        expect(await outcomes(mine, mine.tokenHash)).toEqual(['revoked']);
      }
    });
  });

  describe('a time before which nothing counts', () => {
    it('ends the sessions that began before it was known, whatever their time', async () => {
      const subject = randomUUID();
      const [old, young] = [await begun(subject, { authTime: now + 600 }), await begun(subject, { notBefore: 6 })];
      const uses = [old, young].map((session) =>
        store.sessions.use(shown(session, session.tokenHash, { notBefore: 6 }), { hash: hash(), sealed: 's' }),
      );
      expect(await Promise.all(uses)).toMatchObject([{ outcome: 'revoked' }, { outcome: 'rotated' }]);
      expect(ids(await other.sessions.list(subject, 6))).toEqual([young.id]);
      // Who has not heard of it yet.
      expect(ids(await other.sessions.list(subject, 5)).sort()).toEqual([old.id, young.id].sort());
    });

    it('is remembered when everything was revoked, and longer than that is', async () => {
      expect(await store.notBefore()).toBe(0);
      const { streamId } = await store.begin({ notBefore: now - 10, keptSeconds: 1 });
      expect(await other.notBefore()).toBe(now - 10);
      await store.append(streamId, { kind: 'all', notBefore: now, until: now + 1 });
      await store.append(streamId, { kind: 'all', notBefore: now - 5, until: now + 1 });
      expect(await other.notBefore()).toBe(now);
    });
  });
}
