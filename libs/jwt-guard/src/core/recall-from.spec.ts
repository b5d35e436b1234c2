import { LRUCache } from 'lru-cache';
import { recallFrom } from './recall-from';

describe('recallFrom', () => {
  const cacheOf = (...keys: string[]): LRUCache<string, { key: string }> => {
    const cache = new LRUCache<string, { key: string }>({ max: 6, maxSize: 60, sizeCalculation: () => 10 });
    for (const key of keys) cache.set(key, { key });
    return cache;
  };

  it('finds what is there, and nothing else, however full the cache is', () => {
    for (const cache of [cacheOf('a'), cacheOf('a', 'b', 'c', 'd', 'f')]) {
      expect([recallFrom(cache, 'a'), recallFrom(cache, 'e')]).toEqual([{ key: 'a' }, undefined]);
    }
  });

  it.each([
    ['not kept in mind below half of its entries', ['a', 'b'], ['b']],
    ['kept in mind from there on', ['a', 'b', 'c'], ['a']],
  ])('that something was asked for is %s', (_, keys, left) => {
    const cache = cacheOf(...keys);
    recallFrom(cache, 'a');
    for (let i = keys.length; i <= cache.max; i++) cache.set(`other ${i}`, { key: 'other' });
    expect(['a', 'b'].filter((key) => cache.has(key))).toEqual(left);
  });

  it('goes by the size as well', () => {
    const cache = new LRUCache<string, { size: number }>({
      max: 100,
      maxSize: 40,
      sizeCalculation: ({ size }) => size,
    });
    cache.set('a', { size: 10 });
    cache.set('b', { size: 10 });
    recallFrom(cache, 'a');
    cache.set('c', { size: 25 });
    expect([cache.has('a'), cache.has('b')]).toEqual([true, false]);
  });
});
