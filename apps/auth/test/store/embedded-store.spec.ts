import { EmbeddedStore } from '../../src/store/embedded-store';
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
    expect(store.subjects).toBeLessThan(1_100);
    expect(await store.wasMinted('user-4999', 'token-4999')).toBe(true);
  });
});
