import { type KeyState, type RingKey } from '../api/types';
import { ringChanges } from './ring-changes';

const key = (kid: string, state: KeyState): RingKey => ({ kid, state, algorithm: 'ES256', publishedAt: '' });

describe('what has become of the keys', () => {
  it('is nothing where the ring is the same', () => {
    expect(ringChanges([key('a', 'active')], [key('a', 'active')])).toEqual([]);
  });

  it('is each key that is new or in another state', () => {
    const before = [key('a', 'active'), key('p', 'pending')];
    const after = [key('a', 'retiring'), key('p', 'active'), key('n', 'pending')];
    expect(ringChanges(before, after)).toEqual([
      { kid: 'a', words: 'is now retiring: signs no more; its tokens still count' },
      { kid: 'p', words: 'is now active: signs' },
      { kid: 'n', words: 'is new: published, signs next' },
    ]);
  });
});
