import { randomUUID } from 'node:crypto';
import { EmbeddedSession } from '../../src/store/embedded-session';
import { SessionsBySubject } from '../../src/store/embedded-sessions-by-subject';
import { EmbeddedStore } from '../../src/store/embedded-store';
import { flat, SharedValues } from '../../src/store/embedded-strings';
import { type NewSession } from '../../src/store/session-store';
import { UsedNames } from '../../src/store/used-names';
import { describeSessions } from './session-contract';
import { describeStore } from './store-contract';

describe('the embedded store', () => {
  describeStore(() => {
    const store = new EmbeddedStore();
    return Promise.resolve({ store, other: store });
  });

  describeSessions((now) => {
    const store = new EmbeddedStore(now);
    return Promise.resolve({ store, other: store });
  });

  it('forgets sessions that have expired', async () => {
    let now = 1_000_000;
    const store = new EmbeddedStore(() => now);
    for (let i = 0; i < 5_000; i++) {
      now += 60;
      const subject = `user-${i}`;
      const begun = {
        subject,
        username: subject,
        credential: 'c',
        clientId: 'gateway',
        scopes: [],
        authTime: now,
        notBefore: 0,
      };
      await store.sessions.create({ id: `session-${i}`, ...begun, defaultEpoch: 1, tokenHash: 'h' });
    }
    // What lives are those of the last 24 hours.
    expect(store.sessions.size).toBeLessThan(2 * 1_440);
    expect(await store.sessions.list('user-4999', 0)).toHaveLength(1);
  });

  const newSession = (more: Partial<NewSession> = {}): NewSession => ({
    id: randomUUID(),
    subject: randomUUID(),
    username: 'alice',
    credential: 'c',
    clientId: 'gateway',
    scopes: ['a', 'b'],
    authTime: 1,
    notBefore: 1,
    defaultEpoch: 1,
    tokenHash: 'h',
    ...more,
  });

  it('keeps once what sessions have in common, and nothing that they have not', async () => {
    const store = new EmbeddedStore();
    const scopesOf = async (more: Partial<NewSession> = {}) => {
      const session = newSession(more);
      await store.sessions.create(session);
      const [found] = await store.sessions.list(session.subject, 0);
      expect(found).toMatchObject({ clientId: session.clientId, scopes: session.scopes, notBefore: session.notBefore });
      expect(found?.epoch).toBe(session.defaultEpoch);
      return found?.scopes;
    };
    const scopes = await scopesOf();
    expect(await scopesOf({ scopes: ['a', 'b'] })).toBe(scopes);
    const others = [
      { clientId: 'b' },
      { scopes: ['a'] },
      { scopes: ['b', 'a'] },
      { notBefore: 2 },
      { defaultEpoch: 2 },
    ];
    for (const other of others) expect(await scopesOf(other)).not.toBe(scopes);
    expect(() => (scopes as string[]).push('c')).toThrow(TypeError);
  });

  it('shares so many values, and forgets those before them', () => {
    const shared = new SharedValues<object>();
    const first = shared.of('0', () => ({}));
    for (let i = 1; i < 10_000; i++) shared.of(String(i), () => ({}));
    expect(shared.of('0', () => ({}))).toBe(first);
    shared.of('10000', () => ({}));
    expect(shared.of('0', () => ({}))).not.toBe(first);
  });

  it.each(['', 'a', 'ü', 'ÿ\u0100', '–', '😀', '\ud800', 'x'.repeat(513), 'ü'.repeat(10_000)])(
    'copies %j as it is',
    (text) => {
      expect(flat(text)).toBe(text);
    },
  );

  it('finds a subject’s sessions, as they come and go', () => {
    const sessions = new SessionsBySubject();
    const sessionOf = (subject: string) =>
      new EmbeddedSession(newSession({ subject }), { clientId: 'c', scopes: [], notBefore: 1, epoch: 1 }, undefined, 1);
    const [one, two, three, elsewhere] = [sessionOf('a'), sessionOf('a'), sessionOf('a'), sessionOf('b')] as const;
    expect([one, one, two, two, three, elsewhere].map((session) => sessions.add(session))).toEqual([1, 1, 2, 2, 3, 1]);
    expect(sessions.of('a')).toEqual([one, two, three]);
    sessions.delete(two);
    sessions.delete(two);
    sessions.delete(one);
    expect(sessions.of('a')).toEqual([three]);
    sessions.delete(one);
    expect(sessions.add(two)).toBe(2);
    sessions.delete(two);
    sessions.delete(three);
    expect(sessions.of('a')).toEqual([]);
    expect(sessions.of('b')).toEqual([elsewhere]);
  });

  it('forgets names whose time is over', async () => {
    let now = 1_000;
    const names = new UsedNames(() => now);
    for (let i = 0; i < 5_000; i++) {
      now += 1;
      names.use(`name-${i}`, now + 10);
    }
    expect(names.size).toBeLessThan(1_100);
    expect(names.use('name-4999', now + 10)).toBe(false);
    now += 10;
    expect(names.use('name-4999', now + 10)).toBe(true);
    const store = new EmbeddedStore(() => now);
    expect([await store.useOnce('c', 'n', now + 1), await store.useOnce('c', 'n', now + 1)]).toEqual([true, false]);
  });

  it('forgets tokens that have expired, and whoever nothing is left of', async () => {
    let now = 1_000;
    const store = new EmbeddedStore(() => now);
    for (let i = 0; i < 5_000; i++) {
      now += 1;
      await store.mint({ subject: `user-${i}`, jti: `token-${i}`, expiresAt: now + 10, defaultEpoch: 1, now });
    }
    expect(store.size).toBeLessThan(1_100);
    expect(await store.wasMinted('user-4999', 'token-4999')).toBe(true);
  });
});
