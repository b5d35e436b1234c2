import { EmbeddedStore } from '../../src/store/embedded-store';
import { describeStore } from './store-contract';

describe('the embedded store', () => {
  describeStore(() => {
    const store = new EmbeddedStore();
    return Promise.resolve({ store, other: store });
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
